"""Reserving stock for orders: all lines of an order, or none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from functions.supply.domain.selling import NOTHING, Entitlement, Had, OnSale, reasons

Status = Literal["reserved", "committed", "released", "returned"]

Taken = Mapping[tuple[str, str, str], int]
"""Units by (supply, user, phase) that users have reserved or bought."""


@dataclass(frozen=True, slots=True)
class Line:
    """Some units of a supply for one line of an order, and what its buyer was entitled to when it was placed."""

    reservation_id: str
    supply_id: str
    quantity: int
    entitled: Entitlement = NOTHING


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that asks for stock. Lines of one supply are entitled alike."""

    order_id: str
    user_id: str
    lines: tuple[Line, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a reservation was held to when it was made, for audits: later changes do not make it wrong.

    user: how many its buyer might have; phase_user: in its phase; phase: how many all might have in its phase.
    """

    user: int | None = None
    phase_user: int | None = None
    phase: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units set aside for one line of an order until a time; `firm` once the order is confirmed.

    phase: in which they were taken; empty for none.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"reserved": "sweep_reservations"}
    ends: ClassVar[frozenset[str]] = frozenset({"committed", "released", "returned"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

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
class Reserving:
    """The outcome of a batch: what to reserve, and why orders are refused (by order id: code and detail)."""

    reserved: tuple[Reservation, ...]
    refused: Mapping[str, tuple[str, str]]


def reserve(wanted: Sequence[Wanted], on_sale: Mapping[str, OnSale], taken: Taken) -> Reserving:
    """Decide each order in turn against what the ones before it leave; one refusal does not touch the others.

    taken: what users have reserved or bought before.
    """
    left = dict(on_sale)
    used = Counter(taken)
    reserved: list[Reservation] = []
    refused: dict[str, tuple[str, str]] = {}
    for order in wanted:
        asked = _asked(order.lines)
        refusal = next((r for s, line in asked.items() if (r := _refusal(order, line, left.get(s), used))), None)
        if refusal:
            refused[order.order_id] = refusal
            continue
        for supply_id, line in asked.items():
            sale = left[supply_id]
            left[supply_id] = replace(
                sale,
                available=sale.available - line.quantity,
                taken_in_phase=sale.taken_in_phase + line.quantity,
            )
            used[supply_id, order.user_id, sale.phase_name] += line.quantity
        reserved.extend(_reservation(order, line, on_sale[line.supply_id]) for line in order.lines)
    return Reserving(tuple(reserved), refused)


def had(supply_id: str, user_id: str, phase: str, taken: Taken) -> Had:
    """What a buyer has of a supply, in all and in a phase."""
    units = sum(n for (supply, user, _), n in taken.items() if (supply, user) == (supply_id, user_id))
    return Had(units, taken.get((supply_id, user_id, phase), 0))


def _asked(lines: Sequence[Line]) -> dict[str, Line]:
    """The lines of an order by their supply, summed."""
    asked: dict[str, Line] = {}
    for line in lines:
        before = asked.get(line.supply_id)
        asked[line.supply_id] = replace(line, quantity=line.quantity + (before.quantity if before else 0))
    return asked


def _refusal(order: Wanted, line: Line, sale: OnSale | None, used: Taken) -> tuple[str, str] | None:
    """Why an order may not have so many units of a supply, by the gravest reason; None when it may."""
    before = had(line.supply_id, order.user_id, sale.phase_name if sale else "", used)
    return next(iter(reasons(sale, line.quantity, line.entitled, before).items()), None)


def _reservation(order: Wanted, line: Line, sale: OnSale) -> Reservation:
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
