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
The state of an order. Three stages are shown as `paid`:

refunding: a refund was requested and is undecided; until it is decided, the order is neither claimed nor matured.
promised: the refund was refused because a voucher was issued; the claim's event has not arrived yet.
matured: the merchant has the money. The order can still be claimed, but not refunded.
"""

ENDED: Final[frozenset[Stage]] = frozenset({"failed", "cancelled", "expired"})
"""The stages that end an order without a purchase: reservations and hold are released."""

TAKES_NOTHING: Final = frozenset({"NOT_ON_SALE", "NOT_ALLOWED", "USER_LIMIT", "SOLD_OUT", "QUOTE_EXPIRED"})
"""Refusals before anything is taken: stock is reserved for all lines or none, and the hold is placed after that."""

RESUME_AFTER: Final = timedelta(seconds=15)
"""When a sweep resumes what a request started: after the request's lease ends, so that only one of them works on it."""

RECONCILE_AFTER: Final = timedelta(minutes=1)
"""When a sweep queries another service for an event that has not arrived: a released hold, or an issued voucher."""

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
"""The stages that each event may follow, and the stage that it leads to. A history starts with one order.placed."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order, folded from its events. `total` is in atomic units; `address` is the paying wallet's."""

    looked_after: ClassVar[Mapping[str, str]] = {
        "pending": "advance_orders",
        "confirmed": "advance_orders",
        "refunding": "advance_orders",
        "promised": "advance_orders",
        "paid": "mature_orders",
        "claimed": "watch_redemptions",
    }
    ends: ClassVar[frozenset[str]] = frozenset({"failed", "cancelled", "expired", "refunded", "matured", "completed"})
    """The registry row that handles each non-terminal state, at a stored due time; and the terminal states."""

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
        """The status that callers see."""
        match self.stage:
            case "refunding" | "promised" | "matured":
                return "paid"
            case status:
                return status

    @property
    def claimable(self) -> bool:
        """Whether it is paid, and neither claimed nor being refunded."""
        return self.stage in ("paid", "matured")

    @property
    def hold_id(self) -> str:
        """The id of this order's one hold; empty if there is nothing to pay."""
        return ids.sibling(self.id, "hld") if self.total else ""

    @property
    def ended(self) -> bool:
        """Whether it ended without a purchase."""
        return self.stage in ENDED

    @property
    def took_nothing(self) -> bool:
        """Whether it failed before it reserved or held anything."""
        return self.failure is not None and self.failure[0] in TAKES_NOTHING

    @property
    def superseded(self) -> bool:
        """Whether it has events beyond the outcome that the placing request is answered with."""
        return self.version > (2 if self.total or self.ended else 3)

    def matures_at(self, after: timedelta) -> datetime:
        """When its refund window ends. Raises ValueError if it is not paid."""
        if self.paid_at is None:
            raise ValueError(f"{self.id} is not paid")
        return self.paid_at + after

    def due_at(self, matures_after: timedelta) -> datetime | None:
        """When a sweep has to handle it, if nothing happens to it before; None if none has to."""
        if self.stage == "pending":
            return min(self.updated_at + RESUME_AFTER, self.expires_at)
        if self.stage == "refunding":
            return self.updated_at + RESUME_AFTER
        if self.stage in ("confirmed", "promised"):
            return self.updated_at + RECONCILE_AFTER
        return self.matures_at(matures_after) if self.stage == "paid" else None

    def confirm(self) -> list[OrderEvent]:
        """Stock is reserved and funds are held. A free order needs no wallet, and is paid at once."""
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
        """The order is cancelled."""
        return [events.OrderCancelled(self.id, self.user_id, self.merchant_id, self.hold_id, self.items)]

    def expire(self) -> list[OrderEvent]:
        """Its time ran out."""
        return [events.OrderExpired(self.id, self.user_id, self.merchant_id, self.hold_id, self.items)]

    def claim(self, claim_id: str) -> list[OrderEvent]:
        """The voucher is issued."""
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
        """The refund window is over."""
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
        """The claim is redeemed on the chain."""
        return [events.OrderCompleted(self.id, self.user_id, self.merchant_id, claim_id)]

    def request_refund(self, requested_by: str, reason: str, *, restock: bool) -> list[OrderEvent]:
        """The merchant or an operator requests a refund."""
        return [
            events.OrderRefundRequested(
                self.id, self.user_id, self.merchant_id, requested_by=requested_by, reason=reason, restock=restock
            )
        ]

    def refuse_refund(self, code: str) -> list[OrderEvent]:
        """The refund is refused: a voucher was issued."""
        return [events.OrderRefundRefused(self.id, self.user_id, self.merchant_id, code)]

    def refund(self) -> list[OrderEvent]:
        """The money is paid back."""
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
        """The amount due to each of the merchant's wallets, before the fee."""
        due: dict[str, int] = defaultdict(int)
        for item in self.items:
            due[item.payout_wallet_id] += item.unit_price * item.quantity
        return tuple(events.Payout(wallet_id, Amount(amount)) for wallet_id, amount in due.items() if amount)


def apply(order: Order | None, event: OrderEvent, at: datetime) -> Order:
    """The order after one more event. Raises ValueError for an impossible history."""
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
    """Fold a history, events with their times, into an order; None if it is empty."""
    order: Order | None = None
    for event, at in history:
        order = apply(order, event, at)
    return order
