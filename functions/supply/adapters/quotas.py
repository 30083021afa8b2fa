"""This cell's quotas in PostgreSQL: the protocol of shared/cells/quota.py on the rows of stock and phases.

The account is made of the rows under the lock on the stock, the protocol decides, and what has moved is written back
together with the grant's event. Sales go through stock.py, set-based, on the same rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from functions.supply.adapters.sql import SQL, phase_units, phases_of
from functions.supply.adapters.stock import PostgresStock
from functions.supply.domain import events
from functions.supply.domain.entitlement import NO_UNITS
from functions.supply.domain.phases import open_at
from functions.supply.domain.quota import GrantStream, GrantSum
from functions.supply.domain.supply import Supply
from shared import ids
from shared.cells.quota import Account, Ask, Grant, Reserved
from shared.contracts.encode import to_json
from shared.contracts.events import Event
from shared.contracts.gen.supply_events_pb2 import SupplyCounted, SupplyQuotaMoved
from shared.errors import MeridianError
from shared.unit_of_work import UnitOfWork

GRANTS: Final = "quo"
REPORTS: Final = "cnt"
"""What the streams between two cells begin with: of grants, and of counters."""

AT_ONCE: Final = 100
"""The most grants in one answer; the bus brings the rest."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What this cell has of a supply, and where it may look for more.

    phase: the open phase, if it has a cap; else empty. units_elsewhere, rights_elsewhere: how many other cells may have
    at most, in that phase, as far as the home knows; None if this is not the home.
    """

    account: Account
    phase: str
    units_elsewhere: int | None = None
    rights_elsewhere: int | None = None

    def hopeless(self, units: int) -> bool:
        """Whether no cell can have what so many units lack here."""
        if self.units_elsewhere is None or self.rights_elsewhere is None:
            return False
        if units > self.account.available and self.units_elsewhere <= 0:
            return True
        short = bool(self.phase) and units > self.account.rights.get(self.phase, 0)
        return short and self.rights_elsewhere <= 0


class PostgresQuotas:
    """What this cell has of supplies, and what moves between it and other cells."""

    def __init__(self, work: UnitOfWork, stock: PostgresStock, waiting: Callable[[str, str], int]) -> None:
        """waiting: how many units of a supply, in a phase, requests of this process wait for."""
        self._work = work
        self._stock = stock
        self._waiting = waiting
        self._cell = work.settings.cell

    def shared(self) -> bool:
        return bool(self._work.settings.other_cells)

    def elsewhere(self, supply_id: str, units: int) -> bool:
        return self.shared() and not self.holding(supply_id).hopeless(units)

    def share(self, supply: Supply, units: int, *, caps: bool) -> None:
        others = self._work.settings.other_cells
        if not (others and supply.published):
            return
        account = self.holding(supply.id).account
        created = {name: rights for name, rights in account.rights.items() if caps}
        # As it was before they were created, since creating them is a part of sharing.
        kept = {name: rights for name, rights in account.rights.items() if name not in created}
        before = replace(account, available=account.available - units, rights=kept)
        for grant in before.share([self._cell, *others], units, created)[1]:
            self._give(grant)

    def give(self, supply_id: str, asker: str, units: int, phase: str, rights: int) -> None:
        self._stock.lock([supply_id])
        account = self.holding(supply_id).account
        ask = Ask(0, supply_id, asker, units, phase, rights)
        given = account.give(ask, self._waiting(supply_id, phase))
        if given is not None:
            self._give(given[1])

    def close(self, supply_id: str, version: int) -> bool:
        self._stock.lock([supply_id])
        try:
            _, grant = self.holding(supply_id).account.close()
        except Reserved:
            return False
        SQL.close_quota(self._work.current_transaction, supply_id=supply_id, cell=self._cell, version=version)
        self._work.changes([supply_id])
        if grant is not None:
            self._give(grant)
        return True

    def grants(self, supply_id: str, receiver: str, after: int) -> list[bytes]:
        stream = ids.between(GRANTS, self._cell, receiver, supply_id)
        return [msgspec.json.encode(event) for event in self._work.events.read(stream, after + 1, AT_ONCE)]

    def received(self, supply_id: str, giver: str) -> int:
        return SQL.find_received(self._work.current_transaction, supply_id=supply_id, peer=giver) or 0

    def credit(self, event: Event[SupplyQuotaMoved]) -> None:
        grant = event.data
        if grant.receiver != self._cell:
            return
        before = self.received(grant.supply_id, grant.giver)
        if event.version != before + 1:
            raise MeridianError(f"{event.stream} {event.version} is credited after {before}")
        rights = {part.phase: part.units for part in grant.rights}
        SQL.note_received(
            self._work.current_transaction,
            supply_id=grant.supply_id,
            peer=grant.giver,
            version=event.version,
            units=grant.units,
            rights=to_json(rights).decode(),
        )
        place = {"supply_id": grant.supply_id, "cell": self._cell}
        SQL.credit_quota(self._work.current_transaction, **place, units=grant.units)
        self._move_rights(place, rights)

    def report(self, most: int) -> int:
        transaction = self._work.current_transaction
        due = [row["supply_id"] for row in SQL.find_uncounted(transaction, most=most)]
        if not due:
            return 0
        self._stock.lock(due)
        rows = SQL.take_counters(transaction, supply_ids=due, cell=self._cell)
        self._work.events.append_all(
            (
                ids.between(REPORTS, self._cell, _home(row["supply_id"]), row["supply_id"]),
                row["reports"],
                events.SupplyCounted(row["supply_id"], self._cell, row["reserved"], row["sold"], row["changes"]),
            )
            for row in rows
        )
        return len(rows)

    def count(self, event: Event[SupplyCounted]) -> None:
        counters = event.data
        if _home(counters.supply_id) != self._cell:
            return
        self._stock.lock([counters.supply_id])
        place = {"supply_id": counters.supply_id, "cell": self._cell}
        known = bool(SQL.is_sold_out(self._work.current_transaction, **place))
        noted = SQL.note_counters(
            self._work.current_transaction,
            supply_id=counters.supply_id,
            cell=counters.cell,
            reserved=counters.reserved,
            sold=counters.sold,
            changes=counters.changes,
        )
        if noted:
            self._work.changes([counters.supply_id])
        if noted and not known:
            self._stock.say_sold_out([counters.supply_id])

    def holding(self, supply_id: str) -> Holding:
        """This cell's account of a supply; an empty one if nothing of it has come here. Locks nothing."""
        home = _home(supply_id)
        row = SQL.find_account(self._work.current_transaction, supply_id=supply_id, cell=self._cell)
        if row is None:
            return Holding(Account(supply_id, self._cell, home), "")
        at_home, units = home == self._cell, phase_units(row["by_phase"])
        phases = phases_of(row["phases"] or [])
        rights = {
            phase.name: units.get(phase.name, NO_UNITS).rights(phase.cap, at_home=at_home)
            for phase in phases
            if phase.cap is not None
        }
        own = {name: row[name] for name in ("available", "reserved", "sold", "given", "closed", "changes")}
        open_now = open_at(phases, self._work.now())
        phase = open_now.name if open_now and open_now.cap is not None else ""
        return Holding(
            Account(supply_id, self._cell, home, rights=rights, **own),
            phase,
            -row["moved"] - row["counted"] if at_home else None,
            -units.get(phase, NO_UNITS).moved if at_home else None,
        )

    def received_streams(self, after: GrantStream | None, most: int) -> list[GrantSum]:
        rows = SQL.find_received_grants(
            self._work.current_transaction,
            after_supply=after.supply_id if after else "",
            after_peer=after.giver if after else "",
            most=most,
        )
        return [
            GrantSum(
                GrantStream(row["supply_id"], row["peer"]),
                row["received"],
                row["units_received"],
                row["rights_received"],
            )
            for row in rows
        ]

    def given_sums(self, receiver: str, versions: Mapping[str, int]) -> Sequence[GrantSum]:
        streams = [
            {"supply_id": each, "stream": ids.between(GRANTS, self._cell, receiver, each), "version": version}
            for each, version in versions.items()
        ]
        rows = SQL.sum_grants(self._work.current_transaction, streams=to_json(streams).decode())
        return [
            GrantSum(GrantStream(row["supply_id"], self._cell), row["version"], row["units"], row["rights"])
            for row in rows
        ]

    def _give(self, grant: Grant) -> None:
        """Write a grant: the debit, its place in the stream, and its event."""
        rights = dict(grant.rights)
        SQL.note_given(
            self._work.current_transaction,
            supply_id=grant.supply,
            peer=grant.receiver,
            version=grant.version,
            units=grant.units,
            rights=to_json(rights).decode(),
        )
        place = {"supply_id": grant.supply, "cell": self._cell}
        SQL.debit_quota(self._work.current_transaction, **place, units=grant.units)
        self._move_rights(place, {phase: -units for phase, units in rights.items()})
        parts = [events.PhaseRights(phase, units) for phase, units in sorted(rights.items())]
        fact = events.SupplyQuotaMoved(grant.supply, self._cell, grant.receiver, grant.units, parts)
        stream = ids.between(GRANTS, self._cell, grant.receiver, grant.supply)
        self._work.events.append(stream, grant.version - 1, [fact])

    def _move_rights(self, place: Mapping[str, str], rights: Mapping[str, int]) -> None:
        if rights:
            SQL.move_rights(self._work.current_transaction, **place, rights=to_json(rights).decode())
        self._work.changes([place["supply_id"]])


def _home(supply_id: str) -> str:
    return ids.parse(supply_id, "sup").cell
