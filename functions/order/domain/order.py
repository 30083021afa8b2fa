"""An order: the fold of its events, and the rules of what may follow."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from functions.order.domain import events
from functions.order.domain.events import Item, OrderEvent
from shared import ids
from shared.money import Amount

Status = Literal["pending", "confirmed", "paid", "claimed", "completed", "failed", "cancelled", "expired", "refunded"]

ENDED: Final[frozenset[Status]] = frozenset({"failed", "cancelled", "expired"})
"""Came to nothing: what was reserved and held is given back."""

STEPS: Final[dict[type[OrderEvent], tuple[frozenset[Status], Status]]] = {
    events.OrderConfirmed: (frozenset({"pending"}), "confirmed"),
    events.OrderPaid: (frozenset({"confirmed"}), "paid"),
    events.OrderFailed: (frozenset({"pending"}), "failed"),
    events.OrderCancelled: (frozenset({"pending", "confirmed"}), "cancelled"),
    events.OrderExpired: (frozenset({"pending"}), "expired"),
    events.OrderClaimed: (frozenset({"paid"}), "claimed"),
}
"""What each fact may follow, and the status that it leads to. A history begins with order.placed, once."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its events tell it. `total` is in atomic units; `address` is the paying wallet's."""

    id: str
    user_id: str
    wallet_id: str
    address: str
    merchant_id: str
    currency: str
    total: int
    fee_bps: int
    items: tuple[Item, ...]
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    status: Status = "pending"
    version: int = 0
    failure: tuple[str, str] | None = None

    @property
    def hold_id(self) -> str:
        """The one hold of this order; empty when there is nothing to pay."""
        return ids.sibling(self.id, "hld") if self.total else ""

    @property
    def ended(self) -> bool:
        """Whether it came to nothing."""
        return self.status in ENDED

    def confirm(self) -> list[OrderEvent]:
        """All is reserved and held. A free order is paid at once: no wallet has a say in it."""
        confirmed = events.OrderConfirmed(
            order_id=self.id,
            user_id=self.user_id,
            merchant_id=self.merchant_id,
            wallet_id=self.wallet_id,
            currency=self.currency,
            total=Amount(self.total),
            hold_id=self.hold_id,
        )
        return [confirmed] if self.total else [confirmed, *self.pay()]

    def pay(self) -> list[OrderEvent]:
        """The money is in escrow."""
        return [
            events.OrderPaid(
                order_id=self.id,
                user_id=self.user_id,
                merchant_id=self.merchant_id,
                wallet_id=self.wallet_id,
                address=self.address,
                currency=self.currency,
                total=Amount(self.total),
                items=self.items,
            )
        ]

    def fail(self, code: str, detail: str) -> list[OrderEvent]:
        """A service refused."""
        return [
            events.OrderFailed(
                self.id, self.user_id, self.merchant_id, self.hold_id, self.items, code=code, detail=detail
            )
        ]

    def cancel(self) -> list[OrderEvent]:
        """The buyer changed their mind."""
        return [events.OrderCancelled(self.id, self.user_id, self.merchant_id, self.hold_id, self.items)]

    def expire(self) -> list[OrderEvent]:
        """Its time ran out."""
        return [events.OrderExpired(self.id, self.user_id, self.merchant_id, self.hold_id, self.items)]

    def claim(self, claim_id: str) -> list[OrderEvent]:
        """What was bought is handed out."""
        due: dict[str, int] = defaultdict(int)
        for item in self.items:
            due[item.payout_wallet_id] += item.unit_price * item.quantity
        return [
            events.OrderClaimed(
                order_id=self.id,
                user_id=self.user_id,
                merchant_id=self.merchant_id,
                claim_id=claim_id,
                currency=self.currency,
                total=Amount(self.total),
                payouts=tuple(events.Payout(wallet_id, Amount(amount)) for wallet_id, amount in due.items() if amount),
                fee_bps=self.fee_bps,
            )
        ]


def apply(order: Order | None, event: OrderEvent, at: datetime) -> Order:
    """The order after one more event. Raises ValueError for a history that cannot be."""
    if isinstance(event, events.OrderPlaced):
        if order is not None:
            raise ValueError(f"{order.id} is placed once")
        return Order(
            id=event.order_id,
            user_id=event.user_id,
            wallet_id=event.wallet_id,
            address=event.address,
            merchant_id=event.merchant_id,
            currency=event.currency,
            total=event.total,
            fee_bps=event.fee_bps,
            items=event.items,
            expires_at=event.expires_at,
            created_at=at,
            updated_at=at,
            version=1,
        )
    follows, status = STEPS[type(event)]
    if order is None or order.status not in follows:
        raise ValueError(f"{event.type} cannot follow {order.status if order else 'nothing'}")
    after = replace(order, status=status, version=order.version + 1, updated_at=at)
    if isinstance(event, events.OrderFailed):
        return replace(after, failure=(event.code, event.detail))
    return after


def fold(history: Iterable[tuple[OrderEvent, datetime]]) -> Order | None:
    """An order of its events, each with its time; None of an empty history."""
    order: Order | None = None
    for event, at in history:
        order = apply(order, event, at)
    return order
