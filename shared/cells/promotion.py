"""Promotion: a cell's designated standby becomes its primary, under a new epoch.

Epoch, then promote, then the inboxes of the cell are compared with all their sources (the prefix that survived may lack
what had been acknowledged to the bus, which does not send it again), then it is made sure that nobody knows an event
that the store lacks, then the audit, then the cell opens. Each step may be repeated, so a promoter that was lost is
replaced by another in the same region, which begins with the record that it finds.

What the old primary had and its standby had not is listed for a person (`lost_tail`) and never re-applied: its buyers
may have tried again.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from shared.cells.record import CellRecord
from shared.cells.streams import unknown_to_store

PATIENCE_SECONDS: Final = 10.0
"""How long an unreachable source is waited for. It is compared later, as consumers do for ever."""

T = TypeVar("T")

Step = Literal["epoch", "promote", "compare", "known", "audit", "open", "serving", "stopped"]


@dataclass(frozen=True, slots=True)
class TakeEpoch:
    """Compare-and-set the record (record.promoted), then call `on_record`."""

    seen: CellRecord
    standby: str


@dataclass(frozen=True, slots=True)
class PromoteServer:
    """Promote the standby in this region, write its lease row (this epoch, no time) and an empty gate row."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare all inboxes of the cell with one source, apply what they lack, then call `on_compared`."""

    source: str


@dataclass(frozen=True, slots=True)
class AskKnown:
    """Ask a cell how far its inboxes know this cell's streams, then call `on_known`."""

    peer: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Run the audit of the cell, then call `on_audited`."""


@dataclass(frozen=True, slots=True)
class Open:
    """Compare-and-set the record (record.opened), then call `on_opened`."""

    epoch: int


Effect = TakeEpoch | PromoteServer | Compare | AskKnown | Audit | Open


class Promotion:
    """One promotion, driven by `tick` until its step is serving or stopped."""

    def __init__(self, region: str, peers: Collection[str], seen: CellRecord) -> None:
        """
        region: the promoter's own. peers: the other cells. seen: a record whose lease has ended (lease.Watcher), or one
        that says that this region is opening the cell.
        """
        self.region = region
        self.step: Step = "promote" if seen.opening and seen.region == region else "epoch"
        self.epoch = seen.epoch if self.step == "promote" else seen.epoch + 1
        self.unchecked: set[str] = set()
        """The cells that did not answer within PATIENCE: compared later, and checked by the next audit."""
        self.contradictions: dict[str, int] = {}
        """The streams that others know further than the store does. If there are any, the cell stays closed."""
        self._seen = seen
        self._peers = frozenset(peers)
        self._waiting = set(peers)
        self._since = 0.0

    def tick(self, at: float) -> list[Effect]:
        """The effects that are due: those of the present step, as often as it takes. at: the own monotonic time."""
        if self.step in {"compare", "known"} and self._waiting and at - self._since >= PATIENCE_SECONDS:
            self.unchecked |= self._waiting
            self._waiting.clear()
        if self.step == "compare" and not self._waiting:
            self._enter("known", at)
            self._waiting -= self.unchecked
        if self.step == "known" and not self._waiting:
            self._enter("stopped" if self.contradictions else "audit", at)
        due: dict[Step, list[Effect]] = {
            "epoch": [TakeEpoch(self._seen, self.region)] if self._seen.standby == self.region else [],
            "promote": [PromoteServer(self.epoch)],
            "compare": [Compare(source) for source in sorted(self._waiting)],
            "known": [AskKnown(peer) for peer in sorted(self._waiting)],
            "audit": [Audit()],
            "open": [Open(self.epoch)],
        }
        return due.get(self.step, [])

    def on_record(self, record: CellRecord, at: float) -> None:
        """The record after TakeEpoch, whether that succeeded, failed, or nobody knows."""
        if self.step == "epoch":
            ours = record.epoch == self.epoch and record.region == self.region and record.opening
            self._enter("promote" if ours else "stopped", at)

    def on_promoted(self, at: float) -> None:
        """The server in this region is the primary, under this epoch."""
        if self.step == "promote":
            self._enter("compare", at)

    def on_compared(self, source: str) -> None:
        """All inboxes have what a source had."""
        if self.step == "compare":
            self._waiting.discard(source)

    def on_known(self, peer: str, known: Mapping[str, int], stored: Mapping[str, int]) -> None:
        """A cell knows these streams of ours so far; `stored`: how far our store goes, read after that."""
        if self.step == "known":
            self.contradictions |= unknown_to_store(known, stored)
            self._waiting.discard(peer)

    def on_audited(self, violations: int, at: float) -> None:
        """The audit has found so many violations. With any the cell stays closed."""
        if self.step == "audit":
            self._enter("stopped" if violations else "open", at)

    def on_opened(self, record: CellRecord) -> None:
        """The record after Open."""
        if self.step == "open" and record.epoch == self.epoch and not record.opening:
            self.step = "serving"

    def _enter(self, step: Step, at: float) -> None:
        self.step, self._since, self._waiting = step, at, set(self._peers)


def lost_tail(old: Iterable[T], survived: Callable[[T], bool]) -> list[T]:
    """What the old primary had stored and the promoted one has not, in order: a list for a person, never re-applied."""
    return [each for each in old if not survived(each)]
