"""Drives lease.Keeper: a process of its own that renews a cell's lease in Firestore and writes it to its databases."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.cells.lease import RENEW_EVERY_SECONDS, Effect, Keeper, LeaseRow, ReadClock, Renew, WriteLease
from shared.cells.record import CellRecord
from shared.errors import MeridianError
from shared.postgres.database import Database, Transaction
from shared.postgres.fence import read_clock, write_lease

log = logging.getLogger(__name__)

T = TypeVar("T")


class LeaseKeeper:
    """Keeps one cell's lease under one epoch."""

    def __init__(
        self,
        databases: Sequence[Database],
        renew: Callable[[int], CellRecord | None],
        epoch: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        databases: of the cell's services, all on one server; their pools are this keeper's own. renew: renews the lease
        of an epoch in Firestore (record.renewed, in a transaction); None if the comparison fails; raises Unavailable.
        """
        self._databases = databases
        self._renew = renew
        self._monotonic = monotonic
        self._machine = Keeper(epoch)

    @property
    def lost(self) -> bool:
        """Whether the cell is served by another region or under another epoch; the process has nothing more to do."""
        return self._machine.lost

    def run_round(self) -> None:
        """Renew once. A step that fails ends the round; the lease then lasts as long as it was written for."""
        effects = self._machine.tick(self._monotonic())
        try:
            while effects:
                effects = effects[1:] + self._do(effects[0])
        except MeridianError as error:
            log.warning("a lease is not renewed this time: %s", error)

    def keep(self, stop: threading.Event) -> None:
        """Renew every RENEW_EVERY_SECONDS until stopped or lost."""
        due = self._monotonic()
        while not self.lost and not stop.wait(max(0.0, due - self._monotonic())):
            due = self._monotonic() + RENEW_EVERY_SECONDS
            self.run_round()

    def _do(self, effect: Effect) -> list[Effect]:
        match effect:
            case ReadClock(number):
                clock, started = self._databases[0].read(read_clock)
                return self._machine.on_clock(number, clock, started, self._monotonic())
            case Renew(number, epoch):
                return self._machine.on_renewed(number, self._renew(epoch))
            case WriteLease(row):
                self._write(row)
                return []

    def _write(self, row: LeaseRow) -> None:
        """Write the row of every database; one that fails does not hold up the others, and is fenced in time."""

        def write(transaction: Transaction) -> None:
            if not write_lease(transaction, row):
                log.error("a database is not of epoch %d", row.epoch)

        for database in self._databases:
            try:
                with database.statement() as statement:
                    write(statement)
            except MeridianError as error:
                log.warning("a lease row is not written: %s", error)
