"""Notify merchants' webhooks of orders in other cells; their feeds have what those cells place there."""

from dataclasses import replace

from functions.notification.domain.recipients import notices
from functions.notification.ports import NoticeWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import (
    OrderCancelled,
    OrderClaimed,
    OrderCompleted,
    OrderConfirmed,
    OrderExpired,
    OrderFailed,
    OrderPaid,
    OrderRefunded,
)

OrderEvents = (
    OrderConfirmed
    | OrderPaid
    | OrderFailed
    | OrderCancelled
    | OrderExpired
    | OrderRefunded
    | OrderClaimed
    | OrderCompleted
)


def notify_webhooks(event: Event[OrderEvents], work: NoticeWork) -> None:
    """Queue the event for its recipients' webhooks, which are in the cell of their owner."""
    work.notices.record(event, [replace(each, in_feed=False) for each in notices(event.type, event.fields)])
