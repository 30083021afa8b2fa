"""Who is notified of an event, and which of its data they may see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

COVERED_BY_OTHER_EVENTS: Final = frozenset({"capture", "refund", "deposit", "withdrawal"})
"""Kinds of transfers that are a step of something another event reports; feeds leave them out."""

SELLER_TYPES: Final = frozenset(
    {"order.paid", "order.refunded", "order.refund_refused", "order.claimed", "order.completed"}
)
"""The order events in a merchant's feed: sales and what follows. Orders that were never paid are the buyer's alone."""

FOR_OTHER_CELLS: Final = frozenset({"terms", "stock"})
"""What events say so that other cells can keep copies; users read the resource instead."""

DISABLED: Final = "webhook.disabled"
"""The event in the owner's feed when a webhook is disabled."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one user may see of an event. in_feed: whether their feed shows it; webhooks may subscribe to it anyway."""

    user_id: str
    data: Mapping[str, Any]
    in_feed: bool


def notices(event_type: str, data: Mapping[str, Any]) -> list[Notice]:
    """The notices of an event, one for each recipient, sorted by user id."""
    found = _of_transfer(data) if event_type == "transfer.posted" else _of_event(event_type, data)
    return sorted(found, key=lambda notice: notice.user_id)


def _of_event(event_type: str, given: Mapping[str, Any]) -> Iterator[Notice]:
    """The event's user, and the merchant of an order; both may see all of an order's events."""
    data = {name: value for name, value in given.items() if name not in FOR_OTHER_CELLS}
    user, merchant = data.get("user_id"), data.get("merchant_id")
    if user:
        yield Notice(user, data, in_feed=True)
    if merchant and merchant != user:
        yield Notice(merchant, data, in_feed=event_type in SELLER_TYPES)


def _of_transfer(data: Mapping[str, Any]) -> Iterator[Notice]:
    """The users whose wallets a transfer touches, each with their own postings only."""
    for user in set(data.get("user_ids", ())):
        seen_by = ("", user)  # a system account has no user
        postings = [posting for posting in data["postings"] if posting.get("user_id", "") in seen_by]
        own = [{name: value for name, value in posting.items() if name != "user_id"} for posting in postings]
        seen = {**data, "postings": own, "user_ids": [user]}
        yield Notice(user, seen, in_feed=data["kind"] not in COVERED_BY_OTHER_EVENTS)
