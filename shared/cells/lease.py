"""The lease of a cell: who may write, until when, and who may acknowledge a write.

Three clocks take part, and none is compared with another: the database's clock says until when it commits, the
monotonic clock of whoever writes says whether that is past when the response arrives, and the promoter's monotonic
clock says how long it has seen no renewal. The order of the holder's steps makes them agree: the database's clock is
read *before* the renewal in Firestore, so `until` always ends before a promoter that saw that renewal has waited for a
lease.

Units and money do not depend on any of these clocks: the gate and the comparison protect them. The lease protects
acknowledgements and strong reads, which would otherwise be those of a primary that has been replaced.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from shared.cells.record import CellRecord

LEASE_SECONDS: Final = 5.0
"""How long a renewal counts."""

MARGIN_SECONDS: Final = 0.5
"""By how much the holder stops earlier: covers a database clock that runs slow or steps back within a lease."""

DRIFT_SECONDS: Final = 0.25
"""By how much the promoter waits longer: covers clocks whose rates differ, up to 1 %."""

RENEW_EVERY_SECONDS: Final = 1.0
"""How often the holder renews."""

ROUND_SECONDS: Final = 2.0
"""After how long an unfinished renewal is given up, and the next one begins."""

STEP_SECONDS: Final = 0.1
"""By how much a database clock may fall behind the keeper's between two renewals before it counts as stepped back."""

Verdict = Literal["acknowledged", "unknown"]


class Fenced(Exception):
    """The database must not commit, nor answer strong reads: `reason` says why, and never reaches a user."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The one lease row of a database. `until` and `started` are times of the database's own clock, in seconds.

    started: when the server that the lease was written for had started. Another start means that the row was written
    before a restart, or on the server that this one was a standby of: the lease has to be written anew.
    """

    epoch: int
    until: float = -math.inf
    started: float = -math.inf


def fence(row: LeaseRow, epoch: int, clock: float, started: float) -> float:
    """The time left to the holder of an epoch, in seconds. The rule of the SQL function of this name.

    clock, started: the database's present time, and when its server started. Raises Fenced.
    """
    left = row.until - clock
    if row.epoch != epoch:
        raise Fenced(f"epoch {epoch} is not {row.epoch}")
    if row.started != started:
        raise Fenced("the server has restarted since")
    if left <= 0:
        raise Fenced("the lease has ended")
    if left > LEASE_SECONDS - MARGIN_SECONDS:
        raise Fenced("the clock has stepped back")
    return left


def verdict(sent_at: float, left: float, now: float, *, warned: bool) -> Verdict:
    """Whether a commit or strong read may be acknowledged, or its outcome is unknown.

    sent_at: the own monotonic time before the fence was sent: what was left then is no less than `left`, which the
    database computed later. now: the own monotonic time, with the response in hand. warned: whether the response
    carried a warning: a cancelled wait for a synchronous standby is reported as a successful commit with a warning.
    """
    return "acknowledged" if now < sent_at + left and not warned else "unknown"


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Read the database's clock and its server's start, then call `on_clock`."""

    round: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew the lease in Firestore (record.renewed) for the keeper's region and epoch, then call `on_renewed`."""

    round: int
    epoch: int


@dataclass(frozen=True, slots=True)
class WriteLease:
    """Write the lease row of every database, where the row is of the same epoch.

    Not worth waiting for a flush or a standby: a lost row only fences (synchronous_commit off).
    """

    row: LeaseRow


Effect = ReadClock | Renew | WriteLease


class Keeper:
    """Keeps the lease of a cell in the region that serves it; a process and connection of its own."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.lost = False
        """Whether Firestore says that the cell is not this one's to serve; then the keeper has nothing more to do."""
        self._round = 0
        self._pending_since: float | None = None
        self._begun = 0.0
        self._clock: float | None = None
        self._started = -math.inf
        self._last: tuple[float, float] | None = None

    def tick(self, at: float) -> list[Effect]:
        """Begin a renewal, unless one is under way. at: the own monotonic time. To be called each RENEW_EVERY."""
        if self.lost or (self._pending_since is not None and at - self._pending_since < ROUND_SECONDS):
            return []
        self._round += 1
        self._pending_since = self._begun = at
        self._clock = None
        return [ReadClock(self._round)]

    def on_clock(self, number: int, clock: float, started: float, at: float) -> list[Effect]:
        """The database's clock was read in a round. A clock that has stepped back ends the present lease at once."""
        if number != self._round or self.lost:
            return []
        effects: list[Effect] = [Renew(number, self.epoch)]
        if self._last is not None:
            last_clock, last_at = self._last
            if clock - last_clock < self._begun - last_at - STEP_SECONDS:
                effects.insert(0, WriteLease(LeaseRow(self.epoch, clock, started)))
        self._clock, self._started, self._last = clock, started, (clock, at)
        return effects

    def on_renewed(self, number: int, record: CellRecord | None) -> list[Effect]:
        """Firestore has answered a round's renewal. record: the new record; None if the comparison failed."""
        if number != self._round or self._clock is None:
            return []
        self._pending_since = None
        if record is None:
            self.lost = True
            return []
        return [WriteLease(LeaseRow(self.epoch, self._clock + LEASE_SECONDS - MARGIN_SECONDS, self._started))]


class Watcher:
    """The promoter's side: how long a cell's lease has not been renewed."""

    def __init__(self) -> None:
        self._seen: CellRecord | None = None
        self._since = math.inf

    def observe(self, record: CellRecord, at: float) -> None:
        """Note a record. at: the own monotonic time when it had been read; an earlier time would count too much."""
        if self._seen is None or (record.epoch, record.renewal) != (self._seen.epoch, self._seen.renewal):
            self._since = at
        self._seen = record

    def expired(self, at: float) -> CellRecord | None:
        """The record to promote from, if its lease has ended by any clock that is within the drift; else None."""
        return self._seen if at - self._since >= LEASE_SECONDS + DRIFT_SECONDS else None
