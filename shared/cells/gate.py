"""The gate: nothing that others act on leaves a cell before its state is flushed on the designated standby.

A failover undoes what had not reached the standby that is promoted. If nothing of it has left, it contradicts nobody.
So whoever lets something out takes the WAL position *after* what it tells was committed or read, and waits until the
watermark has passed it. The watermark is the position up to which the standbys of the gate row have flushed; the row is
in the cell's database, and read in one statement with `pg_stat_replication`; alone, while it names no standby, since
then no position counts.

Designation. The gate row always names what the record names, and may name more: a standby that is to be designated is
first `joining`, and from then on the watermark waits for it too; only when it has passed all that may have left before
does the record name it. What the row names is given up only after the record's generation has ended, so that no
compare-and-set on its way can still name it. One keeper at a time does this, by a lock of the session that also writes
the row.

A synchronous cell's commits wait for the standbys of the row: the server's setting follows the row, and a standby joins
only from when commits are known to wait for it. So they wait for whatever the record names, and a failover undoes
nothing that was acknowledged; and the waiting ends only after the record names it no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from shared.cells.record import CellRecord
from shared.cells.words import Kind, Mode

STALLED_SECONDS: Final = 10.0
"""After how long without progress a standby is un-designated."""

JOIN_SECONDS: Final = 2.0
"""How long a joining standby is waited for: what leaves waits for it as well."""

HELD_BACK: Final[Collection[Kind]] = frozenset({"voucher", "withdrawal"})
"""What `strict` refuses while no standby is designated: it cannot be undone, and waits best."""

Passage = Literal["leave", "wait", "refuse"]


@dataclass(frozen=True, slots=True)
class GateRow:
    """The one gate row of a cell: the standbys whose flushing counts; empty for none.

    generation: of the record that the row was last made to agree with, so that an older record is known to be old.
    """

    standby: str = ""
    joining: str = ""
    generation: int = 0

    @property
    def names(self) -> frozenset[str]:
        """The standbys that the watermark waits for."""
        return frozenset({self.standby, self.joining} - {""})


def renamed(row: GateRow, names: Mapping[str, str]) -> GateRow:
    """A row with other names of the standbys. names: the other one of each that has one."""
    return replace(row, standby=names.get(row.standby, row.standby), joining=names.get(row.joining, row.joining))


def watermark(row: GateRow, flushed: Mapping[str, int]) -> int | None:
    """The position that all standbys of the row have flushed, 0 if one is not connected; None if the row names none.

    flushed: by standby, read in the same statement as the row. A position read earlier only holds back longer.
    """
    return min((flushed.get(name, 0) for name in row.names), default=None)


def passage(kind: Kind, position: int, row: GateRow, flushed: Mapping[str, int], mode: Mode) -> Passage:
    """Whether something may leave. position: of the WAL, taken after what it tells was committed or read."""
    passed = watermark(row, flushed)
    if passed is None:
        return "refuse" if mode == "strict" and kind in HELD_BACK else "leave"
    return "leave" if position <= passed else "wait"


@dataclass(frozen=True, slots=True)
class WriteRow:
    """Write the gate row, where it still is `before`."""

    before: GateRow
    row: GateRow


@dataclass(frozen=True, slots=True)
class Designate:
    """Compare-and-set the record's standby (record.designated). The next tick shows whether it took effect."""

    epoch: int
    generation: int
    standby: str


Effect = WriteRow | Designate


class Designation:
    """Decides which standby is designated. It knows what has happened from row and record alone, so it may restart.

    Each tick is given a row that was read after WriteRow was answered, or after the session that wrote it has ended: a
    statement that was only given up may still take effect. The record may be an old one.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._progress: tuple[str, int, float] = ("", 0, 0.0)
        self._end_before: int | None = None
        self._joined: tuple[GateRow, float] | None = None
        """The row that a standby joins by, and since when it is known."""
        self._target: int | None = None
        """What that standby has to have flushed; None as long as commits may not wait for it."""
        self._withdrawn: tuple[GateRow, int] | None = None
        """The row whose joining standby is given up once the record's generation is beyond this one."""

    def tick(
        self,
        at: float,
        record: CellRecord,
        row: GateRow,
        flushed: Mapping[str, int],
        end: int,
        waited: Collection[str] | None = None,
    ) -> list[Effect]:
        """Decide the next step.

        at: the own monotonic time. flushed: by connected standby, on this primary's timeline. waited: of a synchronous
        cell the standbys that commits are known to wait for; None of another. end: the end of the WAL, read after the
        row and `waited`: whatever left under an earlier row, or was acknowledged without a wait, is below it.
        """
        end_before, self._end_before = self._end_before, end
        if record.epoch != self._epoch or record.generation < row.generation:
            return []  # a delayed response
        if row.joining:
            return self._joining(at, record, row, flushed, end, waited)
        if row.standby and record.standby != row.standby:
            return [WriteRow(row, GateRow(generation=record.generation))]  # un-designated: the record was first
        if row.standby:
            stalled = self._stalled(at, row.standby, flushed.get(row.standby, 0), end)
            return [Designate(self._epoch, record.generation, "")] if stalled else []
        # A standby that keeps up: it has all that there was a tick ago.
        near = [name for name, reached in flushed.items() if end_before is not None and reached >= end_before]
        best = max(near, key=lambda name: (flushed[name], name), default="")
        return [WriteRow(row, replace(row, joining=best))] if best else []

    def switch(self, row: GateRow, standby: str) -> list[Effect]:
        """Have another standby join, to be designated in place of the present one."""
        return [] if row.joining or standby == row.standby else [WriteRow(row, replace(row, joining=standby))]

    def _joining(
        self,
        at: float,
        record: CellRecord,
        row: GateRow,
        flushed: Mapping[str, int],
        end: int,
        waited: Collection[str] | None,
    ) -> list[Effect]:
        if record.standby == row.joining:
            return [WriteRow(row, GateRow(row.joining, generation=record.generation))]
        if self._withdrawn is not None and self._withdrawn[0] == row:
            if record.generation > self._withdrawn[1]:
                self._withdrawn = None
                return [WriteRow(row, GateRow(record.standby, generation=record.generation))]
            return [Designate(self._epoch, record.generation, record.standby)]
        if self._joined is None or self._joined[0] != row:
            self._joined, self._target = (row, at), None
        if waited is not None and row.joining not in waited:
            self._target = None
        elif self._target is None:
            self._target = end
        if self._target is not None and flushed.get(row.joining, 0) >= self._target:
            return [Designate(self._epoch, record.generation, row.joining)]
        if at - self._joined[1] >= JOIN_SECONDS:
            self._withdrawn = (row, record.generation)
            return [Designate(self._epoch, record.generation, record.standby)]
        return []

    def _stalled(self, at: float, name: str, flushed: int, end: int) -> bool:
        """Whether a standby that lags has made no progress for STALLED_SECONDS."""
        before, reached, since = self._progress
        if name != before or flushed > reached or flushed >= end:
            self._progress = (name, flushed, at)
            return False
        return at - since >= STALLED_SECONDS
