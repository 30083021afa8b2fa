"""A unit of work is one transaction, at one moment."""

import pytest
from msgspec.structs import replace

from shared import ids
from shared.config import Settings
from shared.resources import Resources
from shared.unit_of_work import UnitOfWork
from tests.clocks import FakeClock
from tests.shared.conftest import SERVICE
from tests.shared.outbox.sample_events import claimed_events, stream


@pytest.fixture
def saga(own: Settings, clock: FakeClock) -> UnitOfWork:
    """The work of a saga, which has no transaction of its own."""
    return UnitOfWork(Resources(own, clock), SERVICE)


def test_a_transaction_commits_at_its_end(saga: UnitOfWork) -> None:
    """What it did is there for the next one, and an error undoes it."""
    committed, undone = stream(), stream()
    with saga.transaction() as work:
        work.events.append(committed, 0, claimed_events(committed, 1, 2))
    with pytest.raises(ValueError, match="no"), saga.transaction() as work:
        work.events.append(undone, 0, claimed_events(undone, 1, 2))
        raise ValueError("no")
    with saga.transaction() as work:
        assert len(work.events.read(committed)) == 2
        assert work.events.read(undone) == []


def test_a_transaction_has_one_time(saga: UnitOfWork, clock: FakeClock) -> None:
    """All that it does happens at one moment; a saga lives on meanwhile."""
    began = clock.now()
    name = stream()
    with saga.transaction() as work:
        clock.pass_by(seconds=5)
        work.events.append(name, 0, claimed_events(name, 1, 1))
        assert work.now() == began
        assert work.events.read(name)[0].at == began
    assert saga.now() == clock.now() != began


def test_a_saga_has_no_transaction(saga: UnitOfWork) -> None:
    """Using one outside of a transaction is a descriptive error."""
    with pytest.raises(RuntimeError, match="no transaction"):
        saga.events  # noqa: B018 - looking is enough


def test_new_ids_are_at_home(own: Settings, clock: FakeClock) -> None:
    """They carry the cell that the process serves, also one that is not the region's first."""
    saga = UnitOfWork(Resources(replace(own, cell="us2"), clock), SERVICE)
    assert ids.parse(saga.new_id("ord"), "ord").cell == "us2"
