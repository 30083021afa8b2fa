"""What callers see of orders."""

from typing import Annotated

import msgspec

from functions.order.domain.events import Item
from functions.order.domain.order import Order, Status
from functions.order.domain.placement import Line
from functions.order.domain.quote import Eligibility
from shared.contracts.fields import (
    CurrencyCode,
    EventData,
    OrderId,
    OrderItemId,
    ReasonCode,
    SupplyId,
    Units,
    UserId,
    Version,
    WalletId,
)
from shared.contracts.operations import Resource, Time, View
from shared.money import Amount

SealedQuote = Annotated[str, msgspec.Meta(examples=["eyJhbGciOiJIUzI1NiJ9.eyJpZCI6InF0ZV91cyJ9.c2lnbmF0dXJl"])]
"""A quote as its buyer gets it and sends it."""


class OrderFailureView(msgspec.Struct):
    """Why an order was refused."""

    code: Annotated[str, msgspec.Meta(examples=["SOLD_OUT"])]
    """The error code that the request was refused with."""

    detail: Annotated[str, msgspec.Meta(examples=["The supply has fewer than 2 left."])]
    """The reason as a sentence, for a person."""


class OrderItemView(View):
    """A line of an order."""

    id: OrderItemId
    """The line's own id."""

    supply_id: SupplyId
    """The supply that it is of."""

    title: Annotated[str, msgspec.Meta(examples=["First light"])]
    """The supply's title when the order was placed."""

    unit_price: Amount
    """The price of one unit in atomic units of the order's currency, as it was when the order was placed."""

    quantity: Units
    """How many units."""

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

    id: OrderId
    """The order's id."""

    user_id: UserId
    """The buyer."""

    wallet_id: WalletId
    """The buyer's wallet that pays, and that a refund goes back to."""

    merchant_id: UserId
    """The merchant who sells all of its lines."""

    currency: CurrencyCode
    """The currency of its prices."""

    total: Amount
    """The sum of its lines in atomic units of the currency."""

    status: Status
    """`confirmed`: stock is reserved and funds are held; `paid`: captured, and a claim is possible; `claimed`: a
    voucher was issued; `completed`: redeemed on the chain. `failed`, `cancelled`, `expired` and `refunded` are
    final, as is `completed`.
    """

    failure: OrderFailureView | msgspec.UnsetType = msgspec.UNSET
    """Why it failed; only with the status `failed`."""

    items: list[OrderItemView]
    """Its lines, in the order of the request."""

    expires_at: Time
    """When it expires unless it is paid by then."""

    version: Version
    """How often it was changed; its ETag."""

    created_at: Time
    """When it was placed."""

    updated_at: Time
    """When it was last changed."""

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

    version: Version
    """Its place among the order's events, from 1 without gaps."""

    type: Annotated[str, msgspec.Meta(examples=["order.paid"])]
    """What happened."""

    data: EventData
    """The event's data, in the form that webhooks deliver (see `webhooks` in this document)."""

    at: Time
    """When it happened."""


class QuotedItemView(View):
    """A line of a quoted order, with every reason against it."""

    supply_id: SupplyId
    """The supply that it is of."""

    title: Annotated[str, msgspec.Meta(examples=["First light"])]
    """The supply's title."""

    unit_price: Amount
    """The price of one unit for this buyer now, in atomic units of the quote's currency."""

    quantity: Units
    """How many units."""

    phase: Annotated[str, msgspec.Meta(examples=["Friends"])]
    """The open phase of the sale; empty for none."""

    limit_remaining: Units | None
    """How many more units this buyer may have; null without a limit."""

    reasons: list[ReasonCode]
    """Every reason against it, by error code."""

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
    """Whether this order would succeed now."""

    reasons: list[ReasonCode]
    """Every reason against it, by error code; empty if it is eligible."""

    total: Amount
    """The sum of the lines in atomic units of the currency."""

    currency: CurrencyCode
    """The currency of the prices."""

    items: list[QuotedItemView]
    """The lines, in the order of the request."""

    available_balance: Amount
    """What the wallet has available of that currency, in atomic units."""

    expires_at: Time
    """Until when the quoted prices hold."""

    quote: SealedQuote | None
    """Send it with the order to get these prices: signed, for this buyer, wallet and lines, and used once. Null unless
    the order is eligible.
    """
