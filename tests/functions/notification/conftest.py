"""What tests of being told have in common: facts that other services tell of, and webhooks of islanders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.notification.create_webhook import CreateWebhook
from functions.notification.list_activity import ListActivity
from functions.notification.list_deliveries import ListDeliveries
from functions.notification.views import ActivityView, DeliveryView, NewWebhookView
from shared import ids
from shared.adapters.resources import Resources
from shared.contracts.events import StoredEvent
from tests.island import Island, Islander


@dataclass(frozen=True)
class Told:
    """An island on which facts are told that nobody else hears of; nothing there is sent or published by itself."""

    island: Island

    def paid(self, buyer: Islander, seller: Islander, version: int = 1, stream: str = "") -> StoredEvent:
        """That an order was paid."""
        order_id = stream or ids.new("ord", "us")
        data = {"order_id": order_id, "user_id": buyer.user_id, "merchant_id": seller.user_id, "total": "5"}
        return StoredEvent(
            id=ids.new("evt", "us"),
            type="order.paid",
            stream=order_id,
            version=version,
            at=datetime.now(UTC),
            data=data,
        )

    def tell(self, *events: StoredEvent) -> list[str]:
        """What became of these at the consumer."""
        return [self.island.receive("notify_users", event) for event in events]

    def rows(self, somebody: Islander) -> list[dict[str, Any]]:
        """The feed of somebody, as it is stored."""
        sql = "SELECT * FROM activity WHERE user_id = :id ORDER BY position"
        return self.island.books.rows("notification", sql, id=somebody.user_id)

    def feed(self, somebody: Islander, **asked: Any) -> ActivityView:
        """The feed of somebody, as readers see it."""
        view: ActivityView = self.island.run("list_activity", request=ListActivity(**asked), caller=somebody.caller)
        return view

    def hook(self, somebody: Islander, url: str, *events: str) -> NewWebhookView:
        """A webhook of somebody's."""
        request = CreateWebhook(url=url, events=list(events or ("order.paid",)))
        view: NewWebhookView = self.island.run("create_webhook", request=request, caller=somebody.caller)
        return view

    def deliveries(self, somebody: Islander, webhook_id: str) -> list[DeliveryView]:
        """What is and was delivered to a webhook, oldest first."""
        request = ListDeliveries(webhook_id=webhook_id, limit=100)
        found = self.island.run("list_deliveries", request=request, caller=somebody.caller).items
        return list(reversed(found))

    def send(self) -> dict[str, int]:
        """Send what is due."""
        done: dict[str, int] = self.island.run("send_deliveries")
        return done


@pytest.fixture
def told(island: Island, resources: Resources) -> Iterator[Told]:
    """Facts, feeds and webhooks of the island, whose feeds are in the stack's Firestore.

    No service of the island has stored these facts, so that nothing of them stays for other tests to find.
    """
    yield Told(island)
    with island.superuser("notification") as connection:
        connection.run("TRUNCATE feeds, activity, webhooks, deliveries, inbox, parked, job_failures")


@pytest.fixture
def somebody(island: Island) -> Callable[[], Islander]:
    """Makes people who need no wallets."""
    return lambda: Islander(ids.new("wal", "us"), "0x" + "0" * 40)
