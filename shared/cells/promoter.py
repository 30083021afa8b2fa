"""Drives promotion.Promotion: waits until a cell's lease has ended, and promotes its standby in this region.

What a step takes is behind `PromotionSteps`: databases, inboxes, other cells. A step that raises Unavailable is
repeated, and so is the whole: a promoter that was lost is followed by another in the same region.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from shared.cells.lease import Watcher
from shared.cells.promotion import AskKnown, Audit, Compare, Effect, Open, PromoteServer, Promotion, TakeEpoch
from shared.cells.record import CellRecord, opened, promoted
from shared.errors import MeridianError, Refusal
from shared.firestore.cell_records import CellRecords

log = logging.getLogger(__name__)

WATCH_SECONDS: Final = 0.25
"""How often the record is read while its lease is watched."""

ALIVE_SECONDS: Final = 15.0
"""After how long of a lease that is still renewed a promotion is given up: the cell is served."""

STEP_SECONDS: Final = 0.2
"""How long until a step that is not done is repeated."""


class PromotionSteps(Protocol):
    """What a promotion does to the server in its region and asks of other cells. Each may be repeated.

    Of the steps that concern other cells, those of several cells run at once, each in a thread of its own.
    """

    def promote_server(self, epoch: int, generation: int) -> None:
        """Have the standby become a primary under an epoch, with an empty gate row. Raises Unavailable."""

    def compare(self, source: str) -> None:
        """Have all inboxes of the cell get what they lack of another cell's events. Raises Unavailable."""

    def ask_known(self, peer: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """How far a cell knows this cell's streams, where that may be beyond the store, and how far the store goes.

        The store is read after that. Raises Unavailable.
        """

    def audit(self) -> list[str]:
        """The violations that the audit finds in the cell. Raises Unavailable."""


@dataclass(slots=True)
class PromotionResult:
    """How a promotion has ended.

    serving: whether the cell takes requests under `epoch`. unchecked: cells that did not answer in time, which are
    compared later. contradictions: streams that others know further than the store, with the versions that they know.
    seconds: by step, how long it took.
    """

    epoch: int = 0
    serving: bool = False
    unchecked: list[str] = field(default_factory=list)
    contradictions: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class NotPromotable(Refusal):
    """The cell cannot be promoted here."""

    code = "NOT_PROMOTABLE"


class Promoter:
    """Promotes one cell to this region."""

    def __init__(
        self,
        records: CellRecords,
        cell: str,
        region: str,
        peers: Collection[str],
        steps: PromotionSteps,
        *,
        holder: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """region: this one. peers: the other cells. holder: this process, for a person to see."""
        self._records = records
        self._cell = cell
        self._region = region
        self._peers = peers
        self._steps = steps
        self._holder = holder
        self._monotonic = monotonic
        self._sleep = sleep
        self._generation = 0
        self._result = PromotionResult()

    def run(self) -> PromotionResult:
        """Promote the cell, unless that was done.

        Raises NotPromotable if it is served elsewhere, or its designated standby is not here.
        """
        began = self._monotonic()
        seen = self._until_expired()
        if seen.region == self._region and not seen.opening:
            return PromotionResult(epoch=seen.epoch, serving=True)
        machine = Promotion(self._region, self._peers, seen)
        self._result.epoch = machine.epoch
        self._note("watch", began)
        while machine.step not in {"serving", "stopped"}:
            effects, step, since = machine.tick(self._monotonic()), machine.step, self._monotonic()
            if not self._try_all(machine, effects):
                self._sleep(STEP_SECONDS)
            self._note(step, since)
        self._result.serving = machine.step == "serving"
        self._result.unchecked = sorted(machine.unchecked)
        self._result.contradictions = machine.contradictions
        return self._result

    def _note(self, step: str, since: float) -> None:
        seconds = self._result.seconds
        seconds[step] = seconds.get(step, 0.0) + self._monotonic() - since

    def _until_expired(self) -> CellRecord:
        """The record, once its lease has ended, or if it says that a promotion to this region was begun or made."""
        watcher, until = Watcher(), self._monotonic() + ALIVE_SECONDS
        while True:
            try:
                record = self._records.read(self._cell)
            except MeridianError as error:
                log.warning("the record of %s cannot be read: %s", self._cell, error)
                self._sleep(WATCH_SECONDS)
                continue
            if record.region == self._region:
                return record
            if record.standby != self._region:
                where = f"in {record.standby}" if record.standby else "nowhere"
                raise NotPromotable(f"The designated standby of {self._cell} is {where}, and not in {self._region}.")
            watcher.observe(record, now := self._monotonic())
            if (seen := watcher.expired(now)) is not None:
                return seen
            if now > until:
                raise NotPromotable(f"The lease of {self._cell} is still renewed in {record.region}.")
            self._sleep(WATCH_SECONDS)

    def _try_all(self, machine: Promotion, effects: Sequence[Effect]) -> bool:
        """Do what is due, of several cells at once: one that is waited for holds up no other. Whether all was done."""
        if len(effects) < 2:
            reports = [self._try(machine, effect) for effect in effects]
        else:
            with ThreadPoolExecutor(len(effects), thread_name_prefix="promotion") as pool:
                reports = list(pool.map(partial(self._try, machine), effects))
        for report in reports:
            if report is not None:
                report()
        return None not in reports

    def _try(self, machine: Promotion, effect: Effect) -> Callable[[], None] | None:
        """Do what is due. Returns what reports it to the machine, which is one thread's; None if it failed."""
        try:
            return self._do(machine, effect)
        except MeridianError as error:
            log.warning("%s is repeated: %s", type(effect).__name__, error)
            return None

    def _do(self, machine: Promotion, effect: Effect) -> Callable[[], None]:
        match effect:
            case TakeEpoch(seen, standby):
                self._records.change(self._cell, lambda record: promoted(record, seen, standby, self._holder))
                return partial(machine.on_record, self._read(), self._monotonic())
            case PromoteServer(epoch):
                self._steps.promote_server(epoch, self._read().generation)
                return partial(machine.on_promoted, self._monotonic())
            case Compare(source):
                self._steps.compare(source)
                return partial(machine.on_compared, source)
            case AskKnown(peer):
                return partial(machine.on_known, peer, *self._steps.ask_known(peer))
            case Audit():
                self._result.violations = self._steps.audit()
                return partial(machine.on_audited, len(self._result.violations), self._monotonic())
            case Open(epoch):
                self._records.change(self._cell, lambda record: opened(record, epoch))
                return partial(machine.on_opened, self._read())

    def _read(self) -> CellRecord:
        return self._records.read(self._cell)
