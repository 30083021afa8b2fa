"""Shared by the tests of notification: events of other services, and webhooks of islanders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.notification.create_webhook import CreateWebhook
from functions.notification.list_activity import ListActivity
from functions.notification.list_deliveries import ListDeliveries
from functions.notification.views import ActivityListView, DeliveryView, NewWebhookView
from shared import ids
from shared.contracts.events import StoredEvent
from shared.resources import Resources
from tests.isolated_services import IsolatedServices, IsolatedUser


@dataclass(frozen=True)
class Harness:
    """Isolated services that consume events which no service has stored; nothing is sent or published by itself."""

    isolated: IsolatedServices

    def paid(self, buyer: IsolatedUser, seller: IsolatedUser, version: int = 1, stream: str = "") -> StoredEvent:
        """An order.paid event."""
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

    def consume(self, *events: StoredEvent) -> list[str]:
        """Deliver events to the consumer; what came of each."""
        return [self.isolated.receive("notify_users", event) for event in events]

    def rows(self, somebody: IsolatedUser) -> list[dict[str, Any]]:
        """The feed of somebody, as it is stored."""
        sql = "SELECT * FROM activity WHERE user_id = :id ORDER BY position"
        return self.isolated.probe.rows("notification", sql, id=somebody.user_id)

    def feed(self, somebody: IsolatedUser, **params: Any) -> ActivityListView:
        """The feed of somebody, as readers see it."""
        view: ActivityListView = self.isolated.run(
            "list_activity", request=ListActivity(**params), caller=somebody.caller
        )
        return view

    def hook(self, somebody: IsolatedUser, url: str, *events: str) -> NewWebhookView:
        """A webhook of somebody's."""
        request = CreateWebhook(url=url, events=list(events or ("order.paid",)))
        view: NewWebhookView = self.isolated.run("create_webhook", request=request, caller=somebody.caller)
        return view

    def deliveries(self, somebody: IsolatedUser, webhook_id: str) -> list[DeliveryView]:
        """What is and was delivered to a webhook, oldest first."""
        request = ListDeliveries(webhook_id=webhook_id, limit=100)
        found = self.isolated.run("list_deliveries", request=request, caller=somebody.caller).items
        return list(reversed(found))

    def send(self) -> dict[str, int]:
        """Send what is due."""
        done: dict[str, int] = self.isolated.run("send_deliveries")
        return done


@pytest.fixture
def harness(isolated: IsolatedServices, resources: Resources) -> Iterator[Harness]:
    """Facts, feeds and webhooks of the isolated services, whose feeds are in the stack's Firestore.

    None of these services has stored the events, so no other test finds them.
    """
    yield Harness(isolated)
    with isolated.superuser("notification") as connection:
        connection.run("TRUNCATE feeds, activity, webhooks, deliveries, inbox, parked, job_failures")


@pytest.fixture
def somebody(isolated: IsolatedServices) -> Callable[[], IsolatedUser]:
    """Makes people who need no wallets."""
    return lambda: IsolatedUser(ids.new("wal", "us"), "0x" + "0" * 40)
