"""The events of an order; shared/contracts/order_events.proto is their contract."""

from datetime import datetime
from typing import ClassVar

import msgspec

from shared.money import Amount


class Item(msgspec.Struct, frozen=True):
    """A line of an order, with the terms that it was placed at and the token that its claim delivers.

    phase, listed, limit: the buyer's entitlement, as in Terms; reserving stock enforces it.
    """

    item_id: str
    supply_id: str
    title: str
    unit_price: Amount
    quantity: int
    chain_id: int
    contract: str
    token_id: str
    standard: str
    payout_wallet_id: str
    phase: str
    listed: bool
    limit: int


class Payout(msgspec.Struct, frozen=True):
    """The amount due to one of the merchant's wallets for an order, before the fee."""

    wallet_id: str
    amount: Amount


class OrderPlaced(msgspec.Struct, frozen=True):
    """A buyer ordered these items at these prices."""

    type: ClassVar[str] = "order.placed"
    order_id: str
    user_id: str
    wallet_id: str
    address: str
    merchant_id: str
    currency: str
    total: Amount
    fee_bps: int
    items: tuple[Item, ...]
    expires_at: datetime


class OrderConfirmed(msgspec.Struct, frozen=True):
    """Stock is reserved and funds are held; `hold_id` is empty if there is nothing to pay."""

    type: ClassVar[str] = "order.confirmed"
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    currency: str
    total: Amount
    hold_id: str


class OrderPaid(msgspec.Struct, frozen=True):
    """The money is in escrow (the pivot): from here on the order only goes forward, or is refunded."""

    type: ClassVar[str] = "order.paid"
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    address: str
    currency: str
    total: Amount
    items: tuple[Item, ...]


class OrderFailed(msgspec.Struct, frozen=True):
    """The order was refused by the supply or wallet service."""

    type: ClassVar[str] = "order.failed"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]
    code: str
    detail: str


class OrderCancelled(msgspec.Struct, frozen=True):
    """The order was cancelled before it was paid."""

    type: ClassVar[str] = "order.cancelled"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]


class OrderExpired(msgspec.Struct, frozen=True):
    """The order reached no outcome before its expiry."""

    type: ClassVar[str] = "order.expired"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]


class OrderClaimed(msgspec.Struct, frozen=True):
    """The voucher is issued, so the merchant is due the money."""

    type: ClassVar[str] = "order.claimed"
    order_id: str
    user_id: str
    merchant_id: str
    claim_id: str
    currency: str
    total: Amount
    payouts: tuple[Payout, ...]
    fee_bps: int


class OrderMatured(msgspec.Struct, frozen=True):
    """The refund window is over, so the merchant is due the money, claimed or not."""

    type: ClassVar[str] = "order.matured"
    order_id: str
    user_id: str
    merchant_id: str
    currency: str
    total: Amount
    payouts: tuple[Payout, ...]
    fee_bps: int


class OrderCompleted(msgspec.Struct, frozen=True):
    """The claim is redeemed on the chain."""

    type: ClassVar[str] = "order.completed"
    order_id: str
    user_id: str
    merchant_id: str
    claim_id: str


class OrderRefundRequested(msgspec.Struct, frozen=True):
    """The merchant or an operator requested a refund. restock: whether the units go back on sale."""

    type: ClassVar[str] = "order.refund_requested"
    order_id: str
    user_id: str
    merchant_id: str
    requested_by: str
    reason: str
    restock: bool


class OrderRefundRefused(msgspec.Struct, frozen=True):
    """The refund was refused: a voucher was issued already."""

    type: ClassVar[str] = "order.refund_refused"
    order_id: str
    user_id: str
    merchant_id: str
    code: str


class OrderRefunded(msgspec.Struct, frozen=True):
    """The buyer has the money back, and there is nothing left to claim."""

    type: ClassVar[str] = "order.refunded"
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    currency: str
    total: Amount
    restock: bool
    items: tuple[Item, ...]


OrderEvent = (
    OrderPlaced
    | OrderConfirmed
    | OrderPaid
    | OrderFailed
    | OrderCancelled
    | OrderExpired
    | OrderClaimed
    | OrderMatured
    | OrderCompleted
    | OrderRefundRequested
    | OrderRefundRefused
    | OrderRefunded
)
"""Any event of an order."""
