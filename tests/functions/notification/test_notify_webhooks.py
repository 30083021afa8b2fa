"""A merchant's webhooks are told of orders in every cell, once; feeds have them from the cells of the orders."""

import msgspec

from shared import ids
from shared.contracts.events import StoredEvent
from tests.functions.notification.conftest import Harness
from tests.isolated_services import IsolatedUser


def elsewhere(harness: Harness, buyer: IsolatedUser, seller: IsolatedUser) -> StoredEvent:
    """The payment of an order in another cell."""
    paid = harness.paid(buyer, seller, stream=ids.new("ord", "eu"))
    return msgspec.structs.replace(paid, id=ids.new("evt", "eu"))


def test_webhooks_are_told_of_orders_elsewhere(harness: Harness) -> None:
    """Those that listen, once, however often the event arrives; and the feed stays as it is."""
    isolated = harness.isolated
    buyer, seller = isolated.new_user(), isolated.new_user()
    hook, other = (
        harness.hook(seller, "http://127.0.0.1:1/"),
        harness.hook(seller, "http://127.0.0.1:2/", "order.refunded"),
    )
    event = elsewhere(harness, buyer, seller)
    assert [isolated.receive("notify_webhooks", event) for _ in range(2)] == ["applied", "known"]
    isolated.handle("notify_webhooks", event)
    assert [each.event_id for each in harness.deliveries(seller, hook.id)] == [event.id]
    assert harness.deliveries(seller, other.id) == []
    assert harness.rows(seller) == harness.rows(buyer) == []


def test_orders_of_this_cell_are_left_to_their_own_row(harness: Harness) -> None:
    """Which notifies feeds as well; what is in a feed stays there when the event comes by."""
    isolated = harness.isolated
    buyer, seller = isolated.new_user(), isolated.new_user()
    hook, event = harness.hook(seller, "http://127.0.0.1:1/"), harness.paid(buyer, seller)
    assert isolated.receive("notify_webhooks", event) == "foreign"
    assert harness.deliveries(seller, hook.id) == []
    harness.consume(event)
    assert (len(harness.deliveries(seller, hook.id)), len(harness.rows(seller))) == (1, 1)
