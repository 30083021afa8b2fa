"""Reserving stock for orders: all lines of an order, or none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from functions.supply.domain.entitlement import NO_ENTITLEMENT, Entitlement, Holdings, SaleSnapshot, reasons

Status = Literal["reserved", "committed", "released", "returned"]

TakenUnits = Mapping[tuple[str, str, str], int]
"""Units by (supply, user, phase) that users have reserved or bought."""


@dataclass(frozen=True, slots=True)
class Line:
    """The units of a supply for one line of an order, and the buyer's entitlement when the order was placed."""

    reservation_id: str
    supply_id: str
    quantity: int
    entitled: Entitlement = NO_ENTITLEMENT


@dataclass(frozen=True, slots=True)
class StockRequest:
    """An order's request for stock. Lines of one supply have the same entitlement."""

    order_id: str
    user_id: str
    lines: tuple[Line, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that applied when a reservation was made, kept for the audit: later changes do not invalidate it.

    user: the buyer's limit; phase_user: the buyer's limit in the phase; phase: the phase's cap. None for no limit.
    """

    user: int | None = None
    phase_user: int | None = None
    phase: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units reserved for one line of an order until `expires_at`; `firm` (not expiring) once the order is confirmed.

    phase: the phase of the sale in which they were taken; empty for none.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"reserved": "sweep_reservations"}
    ends: ClassVar[frozenset[str]] = frozenset({"committed", "released", "returned"})
    """The registry row that handles each non-terminal state, at a stored due time; and the terminal states."""

    id: str
    order_id: str
    supply_id: str
    user_id: str
    quantity: int
    expires_at: datetime
    status: Status = "reserved"
    firm: bool = False
    version: int = 1
    phase: str = ""
    bounds: Bounds = Bounds()


@dataclass(frozen=True, slots=True)
class ReservationDecision:
    """The decision on a batch: what to reserve, and why orders are refused (by order id: code and detail)."""

    reserved: tuple[Reservation, ...]
    refused: Mapping[str, tuple[str, str]]


def reserve(
    wanted: Sequence[StockRequest], on_sale: Mapping[str, SaleSnapshot], taken: TakenUnits
) -> ReservationDecision:
    """Decide the orders in turn, each against what the earlier ones leave; a refusal does not affect the others.

    taken: the units that users have reserved or bought before.
    """
    left = dict(on_sale)
    used = Counter(taken)
    reserved: list[Reservation] = []
    refused: dict[str, tuple[str, str]] = {}
    for order in wanted:
        totals = _totals(order.lines)
        refusal = next((r for s, line in totals.items() if (r := _refusal(order, line, left.get(s), used))), None)
        if refusal:
            refused[order.order_id] = refusal
            continue
        for supply_id, line in totals.items():
            sale = left[supply_id]
            left[supply_id] = sale.after(line.quantity)
            used[supply_id, order.user_id, sale.phase_name] += line.quantity
        reserved.extend(_reservation(order, line, on_sale[line.supply_id]) for line in order.lines)
    return ReservationDecision(tuple(reserved), refused)


def holdings_of(supply_id: str, user_id: str, phase: str, taken: TakenUnits) -> Holdings:
    """The units of a supply that a buyer has, in total and in a phase."""
    units = sum(n for (supply, user, _), n in taken.items() if (supply, user) == (supply_id, user_id))
    return Holdings(units, taken.get((supply_id, user_id, phase), 0))


def _totals(lines: Sequence[Line]) -> dict[str, Line]:
    """The lines of an order summed by supply."""
    totals: dict[str, Line] = {}
    for line in lines:
        before = totals.get(line.supply_id)
        totals[line.supply_id] = replace(line, quantity=line.quantity + before.quantity) if before else line
    return totals


def _refusal(order: StockRequest, line: Line, sale: SaleSnapshot | None, used: TakenUnits) -> tuple[str, str] | None:
    """The most serious reason why an order may not reserve so many units of a supply; None if it may."""
    before = holdings_of(line.supply_id, order.user_id, sale.phase_name if sale else "", used)
    return next(iter(reasons(sale, line.quantity, line.entitled, before).items()), None)


def _reservation(order: StockRequest, line: Line, sale: SaleSnapshot) -> Reservation:
    bounds = Bounds(
        user=sale.per_user_limit,
        phase_user=sale.phase_limit(line.entitled),
        phase=sale.phase.cap if sale.phase else None,
    )
    return Reservation(
        line.reservation_id,
        order.order_id,
        line.supply_id,
        order.user_id,
        line.quantity,
        order.expires_at,
        phase=sale.phase_name,
        bounds=bounds,
    )
