"""An order: the fold of its events, and the rules of what may follow."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from functions.order.domain import events
from functions.order.domain.events import Item, OrderEvent
from shared import ids
from shared.money import Amount

Status = Literal["pending", "confirmed", "paid", "claimed", "completed", "failed", "cancelled", "expired", "refunded"]
Stage = Status | Literal["refunding", "promised", "matured"]
"""
Where an order stands. Three stages are shown as `paid`:

refunding: a refund was requested and is not decided; until it is, there is no claim and no maturing.
promised: the refund was refused, since there is a voucher; the claim is yet to be told of.
matured: the merchant has the money. It can be claimed still, but not refunded.
"""

ENDED: Final[frozenset[Stage]] = frozenset({"failed", "cancelled", "expired"})
"""Came to nothing: what was reserved and held is given back."""

SILENT_FOR: Final = timedelta(seconds=15)
"""When a sweeper takes up what a request began: later than its lease ends, so that both are not at it."""

UNTOLD_FOR: Final = timedelta(minutes=1)
"""When a sweeper asks another service what it has not told: whether a hold was given back, or a claim handed out."""

STEPS: Final[dict[type[OrderEvent], tuple[frozenset[Stage], Stage]]] = {
    events.OrderConfirmed: (frozenset({"pending"}), "confirmed"),
    events.OrderPaid: (frozenset({"confirmed"}), "paid"),
    events.OrderFailed: (frozenset({"pending"}), "failed"),
    events.OrderCancelled: (frozenset({"pending", "confirmed"}), "cancelled"),
    events.OrderExpired: (frozenset({"pending"}), "expired"),
    events.OrderRefundRequested: (frozenset({"paid"}), "refunding"),
    events.OrderRefundRefused: (frozenset({"refunding"}), "promised"),
    events.OrderRefunded: (frozenset({"refunding"}), "refunded"),
    events.OrderMatured: (frozenset({"paid"}), "matured"),
    events.OrderClaimed: (frozenset({"paid", "promised", "matured"}), "claimed"),
    events.OrderCompleted: (frozenset({"claimed"}), "completed"),
}
"""What each fact may follow, and the stage that it leads to. A history begins with order.placed, once."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its events tell it. `total` is in atomic units; `address` is the paying wallet's."""

    looked_after: ClassVar[Mapping[str, str]] = {
        "pending": "advance_orders",
        "confirmed": "advance_orders",
        "refunding": "advance_orders",
        "promised": "advance_orders",
        "paid": "mature_orders",
        "claimed": "watch_redemptions",
    }
    ends: ClassVar[frozenset[str]] = frozenset({"failed", "cancelled", "expired", "refunded", "matured", "completed"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

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
    stage: Stage = "pending"
    version: int = 0
    failure: tuple[str, str] | None = None
    paid_at: datetime | None = None
    restock: bool = False

    @property
    def status(self) -> Status:
        """What is shown of its stage."""
        match self.stage:
            case "refunding" | "promised" | "matured":
                return "paid"
            case status:
                return status

    @property
    def claimable(self) -> bool:
        """Whether it was paid for, and is neither claimed nor being given back."""
        return self.stage in ("paid", "matured")

    @property
    def hold_id(self) -> str:
        """The one hold of this order; empty when there is nothing to pay."""
        return ids.sibling(self.id, "hld") if self.total else ""

    @property
    def ended(self) -> bool:
        """Whether it came to nothing."""
        return self.stage in ENDED

    @property
    def outrun(self) -> bool:
        """Whether more has become of it than the outcome that the request which placed it is answered with."""
        return self.version > (2 if self.total or self.ended else 3)

    def matures_at(self, after: timedelta) -> datetime:
        """When it can no longer be refunded. Raises ValueError for one that is not paid."""
        if self.paid_at is None:
            raise ValueError(f"{self.id} is not paid")
        return self.paid_at + after

    def due_at(self, matures_after: timedelta) -> datetime | None:
        """When somebody has to look after it, if nothing happens to it until then; None when nobody has to."""
        if self.stage == "pending":
            return min(self.updated_at + SILENT_FOR, self.expires_at)
        if self.stage == "refunding":
            return self.updated_at + SILENT_FOR
        if self.stage in ("confirmed", "promised"):
            return self.updated_at + UNTOLD_FOR
        return self.matures_at(matures_after) if self.stage == "paid" else None

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
        return [
            events.OrderClaimed(
                order_id=self.id,
                user_id=self.user_id,
                merchant_id=self.merchant_id,
                claim_id=claim_id,
                currency=self.currency,
                total=Amount(self.total),
                payouts=self.payouts,
                fee_bps=self.fee_bps,
            )
        ]

    def mature(self) -> list[OrderEvent]:
        """The time for a refund is over."""
        return [
            events.OrderMatured(
                order_id=self.id,
                user_id=self.user_id,
                merchant_id=self.merchant_id,
                currency=self.currency,
                total=Amount(self.total),
                payouts=self.payouts,
                fee_bps=self.fee_bps,
            )
        ]

    def complete(self, claim_id: str) -> list[OrderEvent]:
        """What was bought is on the chain."""
        return [events.OrderCompleted(self.id, self.user_id, self.merchant_id, claim_id)]

    def request_refund(self, requested_by: str, reason: str, *, restock: bool) -> list[OrderEvent]:
        """Somebody who may wants the money given back."""
        return [
            events.OrderRefundRequested(
                self.id, self.user_id, self.merchant_id, requested_by=requested_by, reason=reason, restock=restock
            )
        ]

    def refuse_refund(self, code: str) -> list[OrderEvent]:
        """It cannot be given back any more."""
        return [events.OrderRefundRefused(self.id, self.user_id, self.merchant_id, code)]

    def refund(self) -> list[OrderEvent]:
        """The money is given back."""
        return [
            events.OrderRefunded(
                order_id=self.id,
                user_id=self.user_id,
                merchant_id=self.merchant_id,
                wallet_id=self.wallet_id,
                currency=self.currency,
                total=Amount(self.total),
                restock=self.restock,
                items=self.items,
            )
        ]

    @property
    def payouts(self) -> tuple[events.Payout, ...]:
        """What each of the merchant's wallets is due, before the fee."""
        due: dict[str, int] = defaultdict(int)
        for item in self.items:
            due[item.payout_wallet_id] += item.unit_price * item.quantity
        return tuple(events.Payout(wallet_id, Amount(amount)) for wallet_id, amount in due.items() if amount)


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
    follows, stage = STEPS[type(event)]
    if order is None or order.stage not in follows:
        raise ValueError(f"{event.type} cannot follow {order.stage if order else 'nothing'}")
    after = replace(order, stage=stage, version=order.version + 1, updated_at=at)
    if isinstance(event, events.OrderFailed):
        return replace(after, failure=(event.code, event.detail))
    if isinstance(event, events.OrderPaid):
        return replace(after, paid_at=at)
    if isinstance(event, events.OrderRefundRequested):
        return replace(after, restock=event.restock)
    return after


def fold(history: Iterable[tuple[OrderEvent, datetime]]) -> Order | None:
    """An order of its events, each with its time; None of an empty history."""
    order: Order | None = None
    for event, at in history:
        order = apply(order, event, at)
    return order
