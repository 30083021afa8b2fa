"""The content of a receipt: the order, its payment, the claim, and the digest of the voucher."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.claiming.domain.claim import Claim


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order."""

    item_id: str
    supply_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order, as far as its receipt needs it. total: a decimal string of atomic units. hold_id: what paid it."""

    order_id: str
    merchant_id: str
    wallet_id: str
    address: str
    currency: str
    total: str
    hold_id: str
    paid_at: datetime | None
    lines: tuple[Line, ...]


def state(claim: Claim, digest: str) -> str:
    """The state of a claim that its receipt depends on: there is one receipt for each."""
    return f"{claim.status} {digest}"


def content(claim: Claim, digest: str, purchase: Purchase) -> dict[str, Any]:
    """The content of the receipt of a claim. digest: its voucher's."""
    lines = [{"id": i.item_id, "supply_id": i.supply_id, "quantity": i.quantity} for i in purchase.lines]
    return {
        "sub": claim.user_id,
        "order": {
            "id": purchase.order_id,
            "merchant_id": purchase.merchant_id,
            "items": lines,
            "currency": purchase.currency,
            "total": purchase.total,
        },
        "payment": {
            "wallet_id": purchase.wallet_id,
            "address": purchase.address,
            "hold_id": purchase.hold_id,
            "paid_at": _text(purchase.paid_at),
        },
        "claim": {
            "id": claim.id,
            "recipient": claim.recipient,
            "claimed_at": _text(claim.claimed_at),
            "status": claim.status,
        },
        "voucher": {"digest": digest},
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
