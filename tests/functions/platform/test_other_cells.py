"""Operators see and release what is parked in every cell; what cannot be asked is said to be so."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from functions.platform.adapters.clients import GrpcConsumers
from functions.platform.adapters.invariants import PostgresInvariants
from functions.platform.domain.parked import RedriveResult
from functions.platform.redrive import Redrive
from shared.contracts.gen.events_pb2 import ListResponse, RedriveRequest, RedriveResponse
from shared.errors import CellUnreachable, NotFound
from shared.outbox.source import Sources
from tests.isolated_services import IsolatedServices

ULID = "01jd5z3k8m9n0p1q2r3s4t5v6w"


class Channel:
    """A host of one cell; away, or with one parked stream."""

    def __init__(self, cell: str, asked: list[str], away: set[str]) -> None:
        self._cell, self._asked, self._away = cell, asked, away

    def call(self, rpc: str, request: RedriveRequest, answer: object) -> RedriveResponse:
        assert rpc == "Events.Redrive"
        self._asked.append(self._cell)
        if self._cell in self._away:
            raise CellUnreachable(self._cell)
        return RedriveResponse(streams=[f"ord_{self._cell}"], events=2, left=1)


def test_a_redrive_is_of_all_cells() -> None:
    """One that is away stops none of the others, and is then the outcome: the redrive is to be repeated."""
    asked: list[str] = []
    away: set[str] = set()
    channel: Callable[[str, str], Any] = lambda _, cell: Channel(cell, asked, away)  # noqa: E731
    consumers = GrpcConsumers(channel, {"thing": "order"}, ["us", "eu", "as"])
    assert consumers.redrive("thing", [], dry_run=False) == RedriveResult(["ord_us", "ord_eu", "ord_as"], 6, 3)
    away.add("eu")
    asked.clear()
    with pytest.raises(CellUnreachable, match="The cell eu"):
        consumers.redrive("thing", [], dry_run=False)
    assert asked == ["us", "eu", "as"]
    with pytest.raises(NotFound):
        consumers.redrive("nothing", [], dry_run=False)


def test_an_audit_says_which_cells_it_could_not_ask(
    isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what they sent it is unknown whether all was applied; what the others sent was."""

    def listed(sources: Sources, *_: object) -> ListResponse:
        if sources._cell == "eu":
            raise CellUnreachable("eu")
        return ListResponse()

    monkeypatch.setattr(Sources, "list", listed)
    monkeypatch.setattr(type(isolated.resources.settings), "other_cells", ("eu", "as"))
    work: Any = isolated.bound("check_audit")
    with isolated.resources.database("supply").transaction() as transaction:
        invariants = PostgresInvariants(work.work(transaction, None))
        monkeypatch.setattr(invariants._work, "service", "supply")
        found = invariants._unapplied()
    assert found.unchecked == ["events_are_applied from eu"]
    assert found.checked == ["events_are_applied", "events_are_applied from as"]
    assert found.violations == []


@pytest.mark.parametrize("stream", ["trn_us_eu", f"quo_us2_eu_sup_us2_{ULID}", f"ord_as_{ULID}"])
def test_streams_between_cells_can_be_named(stream: str) -> None:
    """Those of entities too, and nothing else."""
    assert msgspec.convert({"consumer": "thing", "streams": [stream]}, Redrive).streams == [stream]
    for other in (f"{stream}x", f" {stream}", f"{stream}\n", "trn_us", ""):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"consumer": "thing", "streams": [other]}, Redrive)
