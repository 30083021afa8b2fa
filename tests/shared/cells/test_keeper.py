"""A keeper's process as a whole: the stack's databases and Firestore, and a cell that moves away and comes back."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from google.cloud.firestore import Client
from msgspec.structs import replace

from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.cells.keeper import keep_cell
from shared.cells.lease import LEASE_SECONDS, RENEW_EVERY_SECONDS
from shared.cells.record import designated, opened, promoted
from shared.config import Settings
from shared.errors import Unavailable
from shared.firestore.cell_records import CellRecords
from shared.registry import load
from shared.resilience.breakers import Breakers
from shared.resources import Resources
from tests.isolated_services import IsolatedServices


class Own(Resources):
    """The resources of a cell with databases and documents of its own."""

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(settings)
        self._client = client

    def cell_records(self) -> CellRecords:
        return CellRecords(lambda: self._client, Breakers().of("firestore"), load().cells)


@pytest.fixture
def cell(stack: Stack) -> Iterator[Own]:
    """A cell under leases, whose keeper has not begun."""
    client = Client(project=f"keeper-{secrets.token_hex(4)}")
    with IsolatedServices.within(stack) as isolated:
        yield Own(replace(isolated.settings, cell_leases=True), client)


@pytest.fixture
def keeping(cell: Own) -> Iterator[None]:
    """A keeper at work."""
    stop = threading.Event()
    keeper = threading.Thread(target=keep_cell, args=(cell, stop))
    keeper.start()
    yield
    stop.set()
    keeper.join(10)
    assert not keeper.is_alive()


def writes(cell: Own) -> Callable[[], bool]:
    """Whether every service of the cell can commit now."""

    def ask() -> bool:
        try:
            for service in ("order", "supply", "wallet", "claiming", "notification"):
                with cell.database(service).transaction():
                    pass
        except Unavailable:
            return False
        return True

    return ask


def test_a_cell_is_written_while_it_is_served_here(cell: Own, keeping: None, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is, while another region serves it, or while its promotion is under way; its keeper says so once."""
    caplog.set_level(logging.INFO)
    settings, records = cell.settings, cell.cell_records()
    until(writes(cell), bool)
    assert records.read(settings.cell).holder
    away = next(region for region in load().regions if region != settings.region)
    records.change(settings.cell, lambda record: designated(record, 1, 0, away))
    assert records.change(settings.cell, lambda record: promoted(record, record, away, "promoter"))
    until(writes(cell), lambda can: not can, LEASE_SECONDS + 5)
    records.change(settings.cell, lambda record: opened(record, 2))
    assert not writes(cell)()
    said = f"{settings.cell} is served in {away}: this keeper waits"
    until(lambda: caplog.messages.count(said), lambda times: times == 1)
    time.sleep(2 * RENEW_EVERY_SECONDS)
    assert caplog.messages.count(said) == 1
