"""The ports of notification operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from functions.notification.domain.feed import FeedCursor, FeedEntry, Item
    from functions.notification.domain.recipients import Notice
    from functions.notification.domain.webhook import Delivery, DeliveryStatus, Outcome, Webhook
    from shared.contracts.events import Event
    from shared.jobs.items import FailureStore


class Notices(Protocol):
    """The notices of users, within one transaction."""

    def record(self, event: Event[Any], notices: Sequence[Notice]) -> None:
        """Place an event in feeds and queue it for webhooks; entries and deliveries that exist are not added twice."""

    def unpublished(self, most: int) -> Sequence[FeedEntry]:
        """Entries not yet published in their present revision, except for those that back off; each feed in order.

        Each feed's first entry comes before any feed's second.
        """

    def mark_published(self, placed: Sequence[FeedEntry]) -> None:
        """Record that entries are published."""


class Feeds(Protocol):
    """Feeds, as published to every region."""

    def read(self, user_id: str, places: FeedCursor, limit: int) -> tuple[list[Item], FeedCursor]:
        """The next items of a feed, and the cursor behind them. Raises Unavailable."""

    def wait(self, user_id: str, places: FeedCursor, limit: int, seconds: int) -> tuple[list[Item], FeedCursor]:
        """Like read, waiting for the first item if there is none; at once if too many wait already."""

    def write(self, placed: Sequence[FeedEntry]) -> Sequence[FeedEntry]:
        """Publish entries; returns those now published. An older revision never overwrites a newer one.

        Raises Unavailable.
        """


class Webhooks(Protocol):
    """Webhooks, within one transaction."""

    def lock_owner(self, user_id: str) -> None:
        """Lock the count of a user's webhooks until the end of the transaction."""

    def count(self, user_id: str) -> int:
        """How many webhooks a user has. Lock the owner first, otherwise concurrent requests may create more."""

    def make(self, user_id: str, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
        """A new webhook, and its secret, which is not shown again."""

    def get(self, webhook_id: str, owner: str) -> Webhook:
        """An owner's webhook, locked. Raises NotFound for an absent or malformed id, or another user's webhook."""

    def find(self, webhook_id: str) -> Webhook:
        """Anybody's webhook, locked, for operators. Raises NotFound for an absent or malformed id."""

    def browse(
        self, owner: str | None, after: str | None, most: int, webhook_id: str | None = None
    ) -> Sequence[Webhook]:
        """The webhooks of a user, or of all for None, newest first, after an id. webhook_id: only this one."""

    def lock(self, webhook_id: str) -> Webhook | None:
        """A webhook, locked; None if it was deleted."""

    def save(self, webhook: Webhook) -> None:
        """Save a locked webhook."""

    def rotate(self, webhook: Webhook, until: datetime) -> str:
        """A new secret; the previous one signs too until a time."""

    def delete(self, webhook: Webhook) -> None:
        """Delete it with its deliveries."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery leased for sending.

    taken_until: when the lease ends; nobody else sends it before. traceparent: of its trace; empty outside of one.
    """

    delivery: Delivery
    url: str
    body: str
    secrets: Sequence[bytes]
    taken_until: datetime
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of sending a parcel."""

    parcel: Parcel
    outcome: Outcome
    at: datetime


class Deliveries(Protocol):
    """Deliveries, within one transaction."""

    def make_test(self, webhook: Webhook) -> Delivery:
        """The delivery of a test event."""

    def lock(self, webhook: Webhook, delivery_id: str) -> Delivery:
        """A delivery to a webhook, locked. Raises NotFound."""

    def redeliver(self, delivery: Delivery) -> None:
        """Reset a delivery, so that it is sent again."""

    def browse(
        self, webhook: Webhook, status: DeliveryStatus | None, after: str | None, most: int
    ) -> Sequence[Delivery]:
        """Deliveries to a webhook, newest first, after an id."""

    def take(self, *, trusted: bool, most: int) -> Sequence[Parcel]:
        """Lease due deliveries that do not back off; those that cannot be decoded are recorded as failures.

        trusted: to addresses whose last attempt succeeded, or to the others.
        """

    def save(self, delivery: Delivery, parcel: Parcel) -> None:
        """Save the delivery of a parcel, unless its lease has passed to somebody else."""

    def give_up(self, webhook: Webhook) -> None:
        """Fail the pending deliveries of a webhook."""

    def purge(self, before: datetime, most: int) -> int:
        """Delete ended deliveries created before a time. Returns how many."""


class Courier(Protocol):
    """Sends parcels concurrently, those to trusted addresses apart from the others."""

    def capacity(self, *, trusted: bool) -> int:
        """How many more can be sent at once."""

    def send(self, parcels: Sequence[Parcel], *, trusted: bool) -> None:
        """Start sending."""

    def completed(self) -> Sequence[Attempt]:
        """The results since the last call; waits briefly for the first, if any parcel is in flight."""

    @property
    def busy(self) -> bool:
        """Whether parcels are in flight."""


class Addresses(Protocol):
    """The check of webhook addresses."""

    def check(self, url: str) -> None:
        """Raises ValueError for what nothing is sent to."""


class NoticeWork(Protocol):
    """The work of notifying users, in one transaction."""

    @property
    def notices(self) -> Notices:
        """The notices of users."""

    @property
    def failures(self) -> FailureStore:
        """The failures of this service's jobs, by item."""


class PublishingWork(Protocol):
    """The work of publishing feed entries: several transactions."""

    def now(self) -> datetime:
        """The present."""

    @property
    def feeds(self) -> Feeds:
        """The published feeds."""

    def transaction(self) -> AbstractContextManager[NoticeWork]:
        """The work of one transaction, committed at the end."""


class FeedWork(Protocol):
    """The work of reading a feed."""

    @property
    def feeds(self) -> Feeds:
        """The published feeds."""

    @property
    def cells(self) -> Collection[str]:
        """The cells, each of which writes a lane of every feed."""


class WebhookWork(Protocol):
    """The work of one operation on webhooks, in one transaction."""

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks."""

    @property
    def deliveries(self) -> Deliveries:
        """Deliveries to them."""

    @property
    def addresses(self) -> Addresses:
        """The check of their addresses."""

    def now(self) -> datetime:
        """The time of this operation."""


class ResultsWork(Protocol):
    """The work of recording the results of parcels, in one transaction."""

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks."""

    @property
    def deliveries(self) -> Deliveries:
        """Deliveries to them."""

    @property
    def notices(self) -> Notices:
        """The notices of users."""

    @property
    def failures(self) -> FailureStore:
        """The failures of this service's jobs, by item."""

    def new_id(self, prefix: str) -> str:
        """A new id."""

    def chance(self) -> float:
        """A random number from 0 to 1."""


class SendingWork(Protocol):
    """The work of sending: several transactions, and a courier that outlives them."""

    def now(self) -> datetime:
        """The present."""

    def courier(self) -> AbstractContextManager[Courier]:
        """The courier; on exit it waits until all parcels in flight have completed."""

    def transaction(self) -> AbstractContextManager[ResultsWork]:
        """The work of one transaction, committed at the end."""
