"""Stock and reservations of this cell in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from functions.supply.adapters.sql import SQL, phase_units, phases_of
from functions.supply.domain import events
from functions.supply.domain.entitlement import SaleSnapshot
from functions.supply.domain.reservation import Reservation, Status, TakenUnits
from shared import ids
from shared.chain.asset_bindings import is_own_token
from shared.contracts.encode import to_json
from shared.errors import Contended
from shared.outbox.log import Fact
from shared.postgres.database import Row
from shared.telemetry.context import context_of
from shared.unit_of_work import UnitOfWork

UNPROVEN: Final = "unproven"
"""The status, when selling, of a supply whose asset was never proven to be its merchant's."""

CLOSED: Final = "closed"
"""The status, when selling, of a supply that its home is deleting."""

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
"""The back-off for querying an undecided order: initial, and maximum."""


class PostgresStock:
    """Units of supplies in this cell."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._cell = work.settings.cell

    def lock(self, supply_ids: Sequence[str]) -> None:
        transaction, cell = self._work.current_transaction, self._cell
        locked = SQL.lock_stock(transaction.later, supply_ids=list(supply_ids), cell=cell)
        others = {each for each in supply_ids if ids.cell_of(each) not in (None, cell)}
        if not others:
            return  # it goes with what is read next: a statement after this one, as it has to be
        absent = sorted(others - {row["supply_id"] for row in locked.result()})
        # Another cell's supply of which nothing has come here yet: without a row nothing would be locked.
        if absent and SQL.open_stock(transaction, supply_ids=absent, cell=cell) < len(absent):
            SQL.lock_stock(transaction, supply_ids=absent, cell=cell)

    def read(
        self, supply_ids: Sequence[str], reservation_ids: Sequence[str], user_ids: Sequence[str]
    ) -> tuple[Mapping[str, Reservation], Mapping[str, SaleSnapshot], TakenUnits]:
        later = self._work.current_transaction.later
        known = SQL.find_reservations(later, ids=list(reservation_ids))
        taken = SQL.count_taken(later, supply_ids=list(supply_ids), user_ids=list(user_ids))
        on_sale = self.on_sale(supply_ids)
        return _reservations(known.result()), on_sale, _taken(taken.result())

    def on_sale(self, supply_ids: Sequence[str]) -> Mapping[str, SaleSnapshot]:
        rows = SQL.find_on_sale(self._work.current_transaction, supply_ids=list(supply_ids), cell=self._cell)
        return {row["supply_id"]: self._on_sale(row) for row in rows}

    def _on_sale(self, row: Row) -> SaleSnapshot:
        asset = {name: row[name] for name in ("supply_id", "chain_id", "contract", "token_id")}
        proven = row["asset_proven"] or is_own_token(self._work.settings, **asset)
        return SaleSnapshot.of(
            supply_id=row["supply_id"],
            available=row["available"],
            per_user_limit=row["per_user_limit"],
            status=CLOSED if row["closed"] else row["status"] if proven else UNPROVEN,
            phases=phases_of(row["phases"]),
            by_phase=phase_units(row["by_phase"]),
            at=self._work.now(),
            at_home=self._at_home(row["supply_id"]),
        )

    def _at_home(self, supply_id: str) -> bool:
        return ids.cell_of(supply_id) == self._cell

    def taken(self, supply_ids: Sequence[str], user_ids: Sequence[str]) -> TakenUnits:
        rows = SQL.count_taken(self._work.current_transaction, supply_ids=list(supply_ids), user_ids=list(user_ids))
        return _taken(rows)

    def find(self, reservation_ids: Sequence[str]) -> Mapping[str, Reservation]:
        return _reservations(SQL.find_reservations(self._work.current_transaction, ids=list(reservation_ids)))

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        if not reservations:
            return
        rows = [
            {
                **_ids(r),
                "place": place,
                "quantity": r.quantity,
                "phase": r.phase,
                "user_limit": r.bounds.user,
                "phase_limit": r.bounds.phase_user,
                "phase_cap": r.bounds.phase,
                "expires_at": r.expires_at,
            }
            for place, r in enumerate(reservations)
        ]
        later = self._work.current_transaction.later
        SQL.insert_reservations(later, reservations=to_json(rows).decode(), cell=self._cell, at=self._work.now())
        self._move(reservations, available=-1, reserved=1)
        if moves := _in_phases(reservations):
            SQL.take_in_phases(later, moves=moves, cell=self._cell)
        self._append([(r, 1, events.SupplyReserved(**_fact(r), expires_at=r.expires_at)) for r in reservations])

    def release(self, reservations: Sequence[Reservation], reason: str) -> None:
        if not reservations:
            return
        self._end(reservations, "released", reason)
        self._move(reservations, available=1, reserved=-1)
        self._return_to_phases(reservations)
        self._append([(r, r.version + 1, events.SupplyReleased(**_fact(r), reason=reason)) for r in reservations])

    def write_tombstones(self, reservations: Sequence[Reservation], reason: str) -> None:
        if not reservations:
            return
        rows = [{**_ids(r), "reason": reason} for r in reservations]
        SQL.write_reservation_tombstones(
            self._work.current_transaction.later,
            reservations=to_json(rows).decode(),
            cell=self._cell,
            at=self._work.now(),
        )
        self._append(
            [(r, 1, events.SupplyReleased(**{**_fact(r), "quantity": 0}, reason=reason)) for r in reservations]
        )

    def commit(self, reservations: Sequence[Reservation]) -> None:
        if not reservations:
            return
        self._end(reservations, "committed", None)
        self._move(reservations, reserved=-1, sold=1)
        self._append([(r, r.version + 1, events.SupplyCommitted(**_fact(r))) for r in reservations])
        self.say_sold_out([r.supply_id for r in reservations])

    def say_sold_out(self, supply_ids: Sequence[str]) -> None:
        """Append the event of those supplies whose last unit is sold. Only their home writes their streams."""
        own = sorted({each for each in supply_ids if self._at_home(each)})
        sold_out = SQL.find_sold_out(self._work.current_transaction, ids=own, cell=self._cell) if own else []
        self._work.events.append_all(
            (row["id"], row["stream_version"], events.SupplySoldOut(row["id"], row["merchant_id"], row["quantity"]))
            for row in sold_out
        )

    def return_sold(self, reservations: Sequence[Reservation]) -> None:
        if not reservations:
            return
        self._end(reservations, "returned", "refunded", before="committed")
        self._move(reservations, available=1, sold=-1)
        self._return_to_phases(reservations)
        self._append([(r, r.version + 1, events.SupplyReturned(**_fact(r))) for r in reservations])

    def _append(self, facts: Sequence[tuple[Reservation, int, Fact]]) -> None:
        """Append events of reservations, each in the trace of its order."""
        self._work.events.append_all(
            ((reservation.id, version, fact) for reservation, version, fact in facts),
            traces={reservation.id: context_of(reservation.order_id) for reservation, _, _ in facts},
        )

    def firm(self, reservation_ids: Sequence[str]) -> None:
        at = self._work.now() + LONGEST_WAIT
        SQL.firm_reservations(self._work.current_transaction, ids=list(reservation_ids), at=at)

    def expired(self, now: datetime, most: int) -> list[Reservation]:
        rows = SQL.find_expired_reservations(self._work.current_transaction, now=now, most=most)
        return [Reservation(**row) for row in rows]

    def back_off(self, reservation_ids: Sequence[str], now: datetime) -> None:
        SQL.back_off_reservations(
            self._work.current_transaction, ids=list(reservation_ids), now=now, first=FIRST_WAIT, longest=LONGEST_WAIT
        )

    def _end(
        self, reservations: Sequence[Reservation], status: Status, reason: str | None, before: Status = "reserved"
    ) -> None:
        ended = SQL.end_reservations(
            self._work.current_transaction,
            ids=[r.id for r in reservations],
            status=status,
            reason=reason,
            before=before,
            at=self._work.now(),
        )
        if ended < len(reservations):
            raise Contended

    def _move(self, reservations: Sequence[Reservation], available: int = 0, reserved: int = 0, sold: int = 0) -> None:
        moves = [
            {
                "supply_id": r.supply_id,
                "available": available * r.quantity,
                "reserved": reserved * r.quantity,
                "sold": sold * r.quantity,
            }
            for r in reservations
        ]
        later = self._work.current_transaction.later
        SQL.move_stock(later, moves=to_json(moves).decode(), cell=self._cell)
        self._work.changes(r.supply_id for r in reservations)
        if others := sorted({r.supply_id for r in reservations if not self._at_home(r.supply_id)}):
            SQL.note_uncounted(later, supply_ids=others)

    def _return_to_phases(self, reservations: Sequence[Reservation]) -> None:
        if moves := _in_phases(reservations):
            SQL.return_to_phases(self._work.current_transaction.later, moves=moves, cell=self._cell)


def _reservations(rows: Sequence[Row]) -> Mapping[str, Reservation]:
    return {row["id"]: Reservation(**row) for row in rows}


def _taken(rows: Sequence[Row]) -> TakenUnits:
    return {(row["supply_id"], row["user_id"], row["phase"]): row["taken"] for row in rows}


def _in_phases(reservations: Sequence[Reservation]) -> str | None:
    """The units that reservations take in phases, as JSON; None if they take none."""
    moves = [{"supply_id": r.supply_id, "phase": r.phase, "taken": r.quantity} for r in reservations if r.phase]
    return to_json(moves).decode() if moves else None


def _ids(reservation: Reservation) -> dict[str, Any]:
    return {name: getattr(reservation, name) for name in ("id", "order_id", "supply_id", "user_id")}


def _fact(reservation: Reservation) -> dict[str, Any]:
    names = ("supply_id", "order_id", "user_id", "quantity")
    return {**{name: getattr(reservation, name) for name in names}, "reservation_id": reservation.id}
