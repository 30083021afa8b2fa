"""Whom an event concerns, and what of it is for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

TOLD_OTHERWISE: Final = frozenset({"capture", "refund", "deposit", "withdrawal"})
"""Kinds of transfers that are a step of something of which another event tells; feeds leave them out."""

SELLERS: Final = frozenset({"order.paid", "order.refunded", "order.refund_refused", "order.claimed", "order.completed"})
"""What a seller's feed has of orders: what was sold, and what became of it. Who tried in vain is not their business."""

DISABLED: Final = "webhook.disabled"
"""What an owner's feed says when nothing more is sent to a webhook."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one user is told of an event. in_feed: whether their feed shows it; their webhooks may ask for it anyway."""

    user_id: str
    data: Mapping[str, Any]
    in_feed: bool


def notices(event_type: str, data: Mapping[str, Any]) -> list[Notice]:
    """Who is told of an event, once each, in the order of their ids."""
    told = _transfer(data) if event_type == "transfer.posted" else _others(event_type, data)
    return sorted(told, key=lambda notice: notice.user_id)


def _others(event_type: str, data: Mapping[str, Any]) -> Iterator[Notice]:
    """The user of the event, and the merchant of an order; both may see all of an order's events."""
    user, merchant = data.get("user_id"), data.get("merchant_id")
    if user:
        yield Notice(user, data, in_feed=True)
    if merchant and merchant != user:
        yield Notice(merchant, data, in_feed=event_type in SELLERS)


def _transfer(data: Mapping[str, Any]) -> Iterator[Notice]:
    """Those whose wallets a transfer touches, each with their own side of it."""
    for user in set(data.get("user_ids", ())):
        seen_by = ("", user)  # an account of the house's is nobody's
        postings = [posting for posting in data["postings"] if posting.get("user_id", "") in seen_by]
        own = [{name: value for name, value in posting.items() if name != "user_id"} for posting in postings]
        seen = {**data, "postings": own, "user_ids": [user]}
        yield Notice(user, seen, in_feed=data["kind"] not in TOLD_OTHERWISE)
