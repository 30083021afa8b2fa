"""Events that the transport accepted and lost: their effects happen all the same, without intervention."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from emulators.demo.api_user import ApiUser
from emulators.stack.parts.subscriptions import Subscriptions
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.bus.topics import subscription_name
from shared.config import Settings
from shared.outbox.comparison import COMPARE_EVERY, SETTLED_AFTER
from shared.outbox.inbox import GAP_WAIT
from shared.resources import Resources

PATIENCE_SECONDS = (SETTLED_AFTER + 2 * COMPARE_EVERY + GAP_WAIT).total_seconds() + 30


@pytest.mark.long
def test_an_order_is_paid_though_pubsub_lost_what_tells_of_it(
    stack: Stack,
    settings: Settings,
    resources: Resources,
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    ordered: Callable[..., dict[str, Any]],
    probe: Any,
) -> None:
    """The wallet's subscription to orders is deleted while an order is confirmed, and recreated without the event."""
    assert resources.settings.event_bus == "pubsub"
    subscriber = SubscriberClient()
    name = subscription_name("capture_hold", "order-events", settings.cell)
    path = subscriber.subscription_path(settings.project, name)
    push = subscriber.get_subscription(subscription=path, timeout=10).push_config.push_endpoint
    supply = on_sale()
    subscriber.delete_subscription(subscription=path, timeout=10)
    try:
        order = ordered(buyer, supply)
        sql = "SELECT count(*) AS n FROM unsent WHERE stream = :id"
        until(lambda: probe.rows("order", sql, id=order["id"])[0]["n"], lambda unsent: unsent == 0)
    finally:
        address, _, token = push.removeprefix("http://").partition("/_events/capture_hold?token=")
        Subscriptions(settings.cell, settings.project, address, token).create()
    assert subscriber.get_subscription(subscription=path, timeout=10).push_config.push_endpoint == push
    assert buyer.get(f"/v1/orders/{order['id']}")["status"] == "confirmed"
    found = until(
        lambda: buyer.get(f"/v1/orders/{order['id']}")["status"],
        lambda status: status != "confirmed",
        PATIENCE_SECONDS,
    )
    assert found == "paid"
