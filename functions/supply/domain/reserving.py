"""Reserving stock for orders: all lines of an order, or none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["reserved", "committed", "released"]


@dataclass(frozen=True, slots=True)
class Line:
    """Some units of a supply for one line of an order."""

    reservation_id: str
    supply_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that asks for stock."""

    order_id: str
    user_id: str
    lines: tuple[Line, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OnSale:
    """A supply's stock in this cell, locked: what is left, and on what terms."""

    supply_id: str
    status: str
    available: int
    per_user_limit: int | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units set aside for one line of an order until a time; `firm` once the order is confirmed."""

    id: str
    order_id: str
    supply_id: str
    user_id: str
    quantity: int
    expires_at: datetime
    status: Status = "reserved"
    firm: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Reserving:
    """The outcome of a batch: what to reserve, and why orders are refused (by order id: code and detail)."""

    reserved: tuple[Reservation, ...]
    refused: Mapping[str, tuple[str, str]]


def reserve(wanted: Sequence[Wanted], on_sale: Mapping[str, OnSale], taken: Mapping[tuple[str, str], int]) -> Reserving:
    """Decide each order in turn against what the ones before it leave; one refusal does not touch the others.

    taken: units by (supply, user) that the user has reserved or bought before.
    """
    left = Counter({supply.supply_id: supply.available for supply in on_sale.values()})
    used = Counter(taken)
    reserved: list[Reservation] = []
    refused: dict[str, tuple[str, str]] = {}
    for order in wanted:
        asked: Counter[str] = Counter()
        for line in order.lines:
            asked[line.supply_id] += line.quantity
        refusal = next(filter(None, (_refusal(order, s, n, on_sale, left, used) for s, n in asked.items())), None)
        if refusal:
            refused[order.order_id] = refusal
            continue
        for supply_id, quantity in asked.items():
            left[supply_id] -= quantity
            used[supply_id, order.user_id] += quantity
        reserved.extend(
            Reservation(
                line.reservation_id, order.order_id, line.supply_id, order.user_id, line.quantity, order.expires_at
            )
            for line in order.lines
        )
    return Reserving(tuple(reserved), refused)


def _refusal(
    order: Wanted,
    supply_id: str,
    quantity: int,
    on_sale: Mapping[str, OnSale],
    left: Counter[str],
    used: Counter[tuple[str, str]],
) -> tuple[str, str] | None:
    """Why an order may not have so many units of a supply; None when it may."""
    supply = on_sale.get(supply_id)
    if supply is None or supply.status != "active":
        return "NOT_ON_SALE", f"{supply_id} is not on sale."
    limit = supply.per_user_limit
    if limit is not None and used[supply_id, order.user_id] + quantity > limit:
        return "USER_LIMIT", f"{supply_id} is limited to {limit} a buyer."
    if quantity > left[supply_id]:
        return "SOLD_OUT", f"{supply_id} has fewer than {quantity} left."
    return None
