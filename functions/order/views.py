"""What callers see of orders."""

from typing import Any

import msgspec

from functions.order.domain.events import Item
from functions.order.domain.order import Order, Status
from functions.order.domain.placement import Line
from functions.order.domain.quote import Eligibility
from shared.contracts.fields import CurrencyCode
from shared.contracts.operations import Resource, Time, View
from shared.money import Amount


class OrderFailureView(msgspec.Struct):
    """Why an order was refused."""

    code: str
    detail: str


class OrderItemView(View):
    """A line of an order."""

    id: str
    supply_id: str
    title: str
    unit_price: Amount
    quantity: int

    @classmethod
    def of(cls, item: Item) -> "OrderItemView":
        """What a caller sees of a line."""
        return cls(
            id=item.item_id,
            supply_id=item.supply_id,
            title=item.title,
            unit_price=item.unit_price,
            quantity=item.quantity,
        )


class OrderView(Resource, kw_only=True):
    """An order."""

    id: str
    user_id: str
    wallet_id: str
    merchant_id: str
    currency: CurrencyCode
    total: Amount
    status: Status
    failure: OrderFailureView | msgspec.UnsetType = msgspec.UNSET
    items: list[OrderItemView]
    expires_at: Time
    version: int
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, order: Order) -> "OrderView":
        """What a caller sees of an order."""
        return cls(
            id=order.id,
            user_id=order.user_id,
            wallet_id=order.wallet_id,
            merchant_id=order.merchant_id,
            currency=order.currency,
            total=Amount(order.total),
            status=order.status,
            failure=OrderFailureView(*order.failure) if order.failure else msgspec.UNSET,
            items=[OrderItemView.of(item) for item in order.items],
            expires_at=order.expires_at,
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class OrderEventView(View):
    """An event of an order."""

    version: int
    type: str
    data: dict[str, Any]
    at: Time


class QuotedItemView(View):
    """A line of a quoted order, with every reason against it."""

    supply_id: str
    title: str
    unit_price: Amount
    quantity: int
    phase: str
    limit_remaining: int | None
    reasons: list[str]

    @classmethod
    def of(cls, line: Line, eligibility: Eligibility) -> "QuotedItemView":
        """What a caller sees of a quoted line."""
        return cls(
            supply_id=line.terms.supply_id,
            title=line.terms.title,
            unit_price=Amount(line.terms.unit_price),
            quantity=line.quantity,
            phase=eligibility.phase,
            limit_remaining=eligibility.limit_remaining,
            reasons=list(eligibility.reasons),
        )


class QuoteView(View):
    """What an order would cost, whether it would succeed, and the quote that locks in its prices."""

    eligible: bool
    reasons: list[str]
    total: Amount
    currency: CurrencyCode
    items: list[QuotedItemView]
    available_balance: Amount
    expires_at: Time
    quote: str | None
