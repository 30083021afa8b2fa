"""Drives gate.Designation: decides, in the keeper's process, which standby of a cell is designated.

The gate row is in each database of the cell, and all are written alike. Between two of these writes some have the row
of before: either agrees with the record, and names whatever the record names. So rows that differ, after a keeper has
died between them, are made the one that names most.

In a synchronous cell the server's setting follows the row: before anything is decided by it, and once it is written.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from shared.cells.gate import Designate, Designation, Effect, GateRow, WriteRow, renamed, watermark
from shared.cells.keeper import keepers_databases
from shared.cells.record import CellRecord, designated
from shared.errors import MeridianError, Unavailable
from shared.firestore.cell_records import CellRecords
from shared.postgres.database import Database, Transaction
from shared.postgres.gate import GateSession, GateState, read_gate, write_gate
from shared.postgres.synchronous import CommitWaits
from shared.registry import load
from shared.resources import Resources
from shared.telemetry.cell_metrics import note_gate

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 1.0
"""How often the gate is looked at."""


class DesignationKeeper:
    """Keeps one cell's gate while its region serves it, epoch after epoch."""

    def __init__(
        self,
        databases: Sequence[Database],
        records: CellRecords,
        cell: str,
        region: str,
        elsewhere: Collection[str],
        *,
        synchronous: bool = False,
        names: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        databases: of the cell, all on one server. region: this one. elsewhere: the regions where it may have a standby,
        which is named like its region, or in `names` (region by name). synchronous: whether commits wait for the
        standbys that the gate row names.
        """
        self._sessions = [GateSession(database) for database in databases]
        self._records = records
        self._cell = cell
        self._region = region
        self._elsewhere = frozenset(elsewhere)
        self._regions = dict(names or {})
        self._names = {region: name for name, region in self._regions.items()}
        self._waits = CommitWaits(databases[-1]) if synchronous else None
        self._monotonic = monotonic
        self._epoch = 0
        self._machine = Designation(0)

    def keep(self, stop: threading.Event) -> None:
        """Decide every EVERY_SECONDS, until `stop` is set."""
        while not stop.wait(EVERY_SECONDS):
            self.run_once()
        self.end()

    def run_once(self) -> None:
        """Decide once. What fails is tried again the next time, with sessions of its own."""
        try:
            self._decide()
        except MeridianError as error:
            log.warning("the gate of %s is left as it is: %s", self._cell, error)
            self.end()

    def end(self) -> None:
        """End all sessions."""
        for session in self._sessions:
            session.end()

    def _decide(self) -> None:
        if not self._serves(self._records.read(self._cell)):
            self.end()  # whoever promotes the server here writes its gate
            return
        transactions = [session.transaction() for session in self._sessions]
        held = [transaction for transaction in transactions if transaction is not None]
        if len(held) < len(self._sessions):
            return
        states = [self._read(transaction) for transaction in held]
        row = max((state.row for state in states), key=lambda each: (len(each.names), each.generation))
        passed = watermark(row, states[-1].flushed)
        note_gate(bool(row.standby), 0 if passed is None else max(0, states[-1].reached - passed))
        for transaction, state in zip(held, states, strict=True):
            self._write(transaction, state.row, row)
        waited = self._follow(held[-1], row)
        if not row.names and not self._standbys(states[-1]):
            return
        record = self._records.read(self._cell)  # after the rows: see Designation.tick
        if not self._serves(record):
            return
        if record.epoch != self._epoch:
            self._epoch, self._machine = record.epoch, Designation(record.epoch)
        last = self._read(held[-1])  # its position is the end of the WAL, after all rows have been read
        now, standbys = self._monotonic(), self._standbys(last)
        for effect in self._machine.tick(now, record, row, standbys, last.reached, waited):
            self._do(held, effect)

    def _follow(self, transaction: Transaction, row: GateRow) -> frozenset[str] | None:
        """Have a synchronous cell's commits wait for what the row names. Returns for which they do; None elsewhere."""
        if self._waits is None:
            return None
        named = renamed(row, self._names)
        return self._waits.follow(transaction, [name for name in (named.joining, named.standby) if name])

    def _serves(self, record: CellRecord) -> bool:
        return record.region == self._region and not record.opening

    def _standbys(self, state: GateState) -> dict[str, int]:
        return {name: position for name, position in state.flushed.items() if name in self._elsewhere}

    def _do(self, held: Sequence[Transaction], effect: Effect) -> None:
        match effect:
            case WriteRow(before, row):
                for transaction in held:
                    self._write(transaction, before, row)
                self._follow(held[-1], row)
                log.info("the gate of %s: standby %s, joining %s", self._cell, row.standby or "-", row.joining or "-")
            case Designate(epoch, generation, standby):

                def change(record: CellRecord) -> CellRecord | None:
                    return designated(record, epoch, generation, standby)

                if self._records.change(self._cell, change):
                    log.info("the designated standby of %s is now %s", self._cell, standby or "none")

    def _read(self, transaction: Transaction) -> GateState:
        """Look at the gate, whose row has the standbys' own names: here they are called by their regions.

        Raises Unavailable if it names one that this process has not been told: it must not be taken for none.
        """
        state = read_gate(transaction)
        if self._regions and (strangers := state.row.names - self._regions.keys()):
            raise Unavailable(f"The gate of {self._cell} waits for {min(strangers)}, which STANDBY_NAMES lacks.")
        flushed = {self._regions.get(name, name): position for name, position in state.flushed.items()}
        return GateState(renamed(state.row, self._regions), state.reached, flushed)

    def _write(self, transaction: Transaction, before: GateRow, row: GateRow) -> None:
        """Write a row. Raises Unavailable if it was not as it was read, which only another writer explains."""
        before, row = (renamed(each, self._names) for each in (before, row))
        if row != before and not write_gate(transaction, before, row):
            raise Unavailable(f"The gate row of {self._cell} has changed.")


def keep_gate(resources: Resources, stop: threading.Event) -> None:
    """Keep the gate of this process's cell until `stop` is set."""
    settings = resources.settings
    regions = load().regions if settings.standbys != "none" else ()
    elsewhere = [region for region in regions if region != settings.region]
    synchronous = settings.standbys == "synchronous"
    records = resources.cell_records()
    databases, names = keepers_databases(resources), settings.standby_names
    keeper = DesignationKeeper(
        databases, records, settings.cell, settings.region, elsewhere, synchronous=synchronous, names=names
    )
    keeper.keep(stop)
