"""The facts of an order; shared/contracts/order_events.proto is their contract."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.money import Amount


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order, with the terms that it was placed at and what a claim hands out for it."""

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


@dataclass(frozen=True, slots=True)
class Payout:
    """What a wallet is due of an order, before the fee."""

    wallet_id: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A buyer wants these things at these prices."""

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


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """Everything is reserved, and the funds are held; `hold_id` is empty when there is nothing to pay."""

    type: ClassVar[str] = "order.confirmed"
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    currency: str
    total: Amount
    hold_id: str


@dataclass(frozen=True, slots=True)
class OrderPaid:
    """The money is in escrow: from here on the order only goes forward, or is refunded."""

    type: ClassVar[str] = "order.paid"
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    address: str
    currency: str
    total: Amount
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class OrderFailed:
    """The order was refused."""

    type: ClassVar[str] = "order.failed"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The buyer changed their mind in time."""

    type: ClassVar[str] = "order.cancelled"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class OrderExpired:
    """The order did not come to an outcome in its time."""

    type: ClassVar[str] = "order.expired"
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class OrderClaimed:
    """What was bought is handed out, so the merchant is due the money."""

    type: ClassVar[str] = "order.claimed"
    order_id: str
    user_id: str
    merchant_id: str
    claim_id: str
    currency: str
    total: Amount
    payouts: tuple[Payout, ...]
    fee_bps: int


OrderEvent = OrderPlaced | OrderConfirmed | OrderPaid | OrderFailed | OrderCancelled | OrderExpired | OrderClaimed
"""Any fact of an order."""
