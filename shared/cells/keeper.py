"""Drives lease.Keeper: a process of its own that renews a cell's lease in Firestore and writes it to its databases."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.cells.lease import RENEW_EVERY_SECONDS, Effect, Keeper, LeaseRow, ReadClock, Renew, WriteLease
from shared.cells.record import CellRecord, renewed
from shared.errors import MeridianError, Unavailable
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.postgres.fence import read_clock, write_lease
from shared.postgres.roles import KEEPER
from shared.registry import load
from shared.resources import Resources
from shared.telemetry.cell_metrics import note_renewal

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
        self._held = False
        self._clock = (0.0, 0.0)
        """What the database's clock said, and the own time before it was asked."""

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
            self._held = False
            note_renewal("failed")

    def keep(self, stop: threading.Event) -> None:
        """Renew every RENEW_EVERY_SECONDS until stopped or lost."""
        due = self._monotonic()
        while not self.lost and not stop.wait(max(0.0, due - self._monotonic())):
            due = self._monotonic() + RENEW_EVERY_SECONDS
            self.run_round()

    def _do(self, effect: Effect) -> list[Effect]:
        match effect:
            case ReadClock(number):
                asked_at = self._monotonic()
                clock, started = self._databases[0].read(read_clock)
                self._clock = (clock, asked_at)
                return self._machine.on_clock(number, clock, started, self._monotonic())
            case Renew(number, epoch):
                following = self._machine.on_renewed(number, self._renew(epoch))
                if self.lost:
                    note_renewal("lost")
                return following
            case WriteLease(row):
                self._write(row)
                if not self._held:
                    log.info("the lease is held under epoch %d", row.epoch)
                self._held = True
                clock, asked_at = self._clock
                note_renewal("held", asked_at + row.until - clock, self._monotonic)
                return []

    def _write(self, row: LeaseRow) -> None:
        """Write the row of every database; one that fails does not hold up the others, and is fenced in time."""
        for database in self._databases:
            try:
                try:
                    _write_row(database, row)
                except Unavailable:  # an idle connection may have died
                    _write_row(database, row)
            except MeridianError as error:
                log.warning("a lease row is not written: %s", error)


def _write_row(database: Database, row: LeaseRow) -> None:
    with database.statement() as statement:
        if not write_lease(statement, row):
            log.error("a database is not of epoch %d", row.epoch)


def keep_cell(resources: Resources, stop: threading.Event) -> None:
    """Keep the lease of this process's cell while its region serves it, epoch after epoch, until `stop` is set."""
    settings, records, databases = resources.settings, resources.cell_records(), keepers_databases(resources)
    holder = f"{socket.gethostname()}/{os.getpid()}"

    def renew(epoch: int) -> CellRecord | None:
        return records.change(settings.cell, lambda record: renewed(record, settings.region, epoch, holder))

    served_in = settings.region
    while not stop.is_set():
        try:
            record = records.read(settings.cell)
        except Unavailable as error:
            log.warning("the record of the cell %s cannot be read: %s", settings.cell, error)
        else:
            if record.region == settings.region and not record.opening:
                served_in = settings.region
                LeaseKeeper(databases, renew, record.epoch).keep(stop)
            elif record.region not in (settings.region, served_in):
                served_in = record.region
                log.info("%s is served in %s: this keeper waits", settings.cell, served_in)
        stop.wait(RENEW_EVERY_SECONDS)


def keepers_databases(resources: Resources) -> list[Database]:
    """The databases of this process's cell, as its keeper logs in: in the cloud by its account."""
    settings = resources.settings
    login = None if settings.cloud_sql_instance else KEEPER
    return [
        Database(connector(settings, name, login), resources.breaker("database", f"{name} keeper", 1))
        for name, service in load().services.items()
        if service.database
    ]
