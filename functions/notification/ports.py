"""What notification operations may ask for."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from functions.notification.domain.concerning import Notice
from functions.notification.domain.feed import Item, Placed, Places
from functions.notification.domain.webhook import Delivery, DeliveryStatus, Outcome, Webhook
from shared.contracts.events import Event
from shared.jobs.items import Failures


class Notices(Protocol):
    """What users are told, as one transaction sees it."""

    def note(self, event: Event[Any], notices: Sequence[Notice]) -> None:
        """Tell users of an event, in their feeds and by their webhooks; what they were told before, only anew."""

    def unpublished(self, most: int) -> Sequence[Placed]:
        """Items that readers do not see as they are, but for those that back off; those of one feed in their order.

        Each feed's first comes before any other's second.
        """

    def mark_published(self, placed: Sequence[Placed]) -> None:
        """Readers see these."""


class Feeds(Protocol):
    """Feeds, as readers everywhere see them."""

    def read(self, user_id: str, places: Places, limit: int) -> tuple[list[Item], Places]:
        """The next items of a feed, and the places behind them. Raises Unavailable."""

    def wait(self, user_id: str, places: Places, limit: int, seconds: int) -> tuple[list[Item], Places]:
        """The same, waiting for the first item if there is none; at once where too many wait already."""

    def write(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """Let readers see items; tells which they see now. An older revision never takes a newer one's place.

        Raises Unavailable.
        """


class Webhooks(Protocol):
    """Webhooks, as one transaction sees them."""

    def lock_owner(self, user_id: str) -> None:
        """Have whoever else counts or makes a user's webhooks wait until the end of the transaction."""

    def count(self, user_id: str) -> int:
        """How many a user has. The owner is locked first, else others may be making some meanwhile."""

    def make(self, user_id: str, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
        """A new one, and its secret, which nobody is shown again."""

    def get(self, webhook_id: str, owner: str) -> Webhook:
        """A webhook of its owner, locked. Raises NotFound for an absent or malformed id, or another's."""

    def browse(self, owner: str, after: str | None, most: int) -> Sequence[Webhook]:
        """A user's webhooks, newest first, after an id."""

    def lock(self, webhook_id: str) -> Webhook | None:
        """A webhook, locked; None when it is gone."""

    def save(self, webhook: Webhook) -> None:
        """Keep what became of a locked webhook."""

    def rotate(self, webhook: Webhook, until: datetime) -> str:
        """A new secret; the one before it signs too until a time."""

    def delete(self, webhook: Webhook) -> None:
        """Forget it, and its deliveries."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that was taken to be sent. taken_until: nobody else sends it before."""

    delivery: Delivery
    url: str
    body: str
    secrets: Sequence[bytes]
    taken_until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of sending a parcel."""

    parcel: Parcel
    outcome: Outcome
    at: datetime


class Deliveries(Protocol):
    """Deliveries, as one transaction sees them."""

    def test(self, webhook: Webhook) -> Delivery:
        """A delivery that says nothing but that it is a test."""

    def lock(self, webhook: Webhook, delivery_id: str) -> Delivery:
        """A delivery to a webhook, locked. Raises NotFound."""

    def redeliver(self, delivery: Delivery) -> None:
        """Have a delivery tried afresh."""

    def browse(
        self, webhook: Webhook, status: DeliveryStatus | None, after: str | None, most: int
    ) -> Sequence[Delivery]:
        """Deliveries to a webhook, newest first, after an id."""

    def take(self, *, trusted: bool, most: int) -> Sequence[Parcel]:
        """What is due and does not back off, for nobody else to send meanwhile; what cannot be read of it is recorded.

        trusted: to addresses that succeed, or to the others.
        """

    def save(self, delivery: Delivery, parcel: Parcel) -> None:
        """Keep what became of a parcel, unless somebody else has it by now."""

    def give_up(self, webhook: Webhook) -> None:
        """Nothing more is sent to a webhook."""

    def forget(self, before: datetime, most: int) -> int:
        """Forget deliveries that came to an end, and were made before a time; how many."""


class Courier(Protocol):
    """Sends parcels, several at once, those to trusted addresses apart from the others."""

    def room(self, *, trusted: bool) -> int:
        """How many more can be sent at once."""

    def send(self, parcels: Sequence[Parcel], *, trusted: bool) -> None:
        """Begin to send."""

    def arrived(self) -> Sequence[Attempt]:
        """What came of parcels since the last time; waits a little for the first, if any is on its way."""

    @property
    def busy(self) -> bool:
        """Whether parcels are on their way."""


class Addresses(Protocol):
    """Where webhooks may be sent to."""

    def check(self, url: str) -> None:
        """Raises ValueError for what nothing is sent to."""


class NoticeWork(Protocol):
    """The work of telling users, in one transaction."""

    @property
    def notices(self) -> Notices:
        """What users are told."""

    @property
    def failures(self) -> Failures:
        """What this service's jobs fail at."""


class PublishingWork(Protocol):
    """The work of letting readers see items: transactions of its own."""

    def now(self) -> datetime:
        """The present."""

    @property
    def feeds(self) -> Feeds:
        """Feeds, as readers see them."""

    def transaction(self) -> AbstractContextManager[NoticeWork]:
        """Work of its own transaction, committed at the end."""


class FeedWork(Protocol):
    """The work of reading a feed."""

    @property
    def feeds(self) -> Feeds:
        """Feeds, as readers see them."""

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
        """Where they may be sent to."""

    def now(self) -> datetime:
        """The time of this operation."""


class ConcludingWork(Protocol):
    """The work of keeping what came of parcels, in one transaction."""

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks."""

    @property
    def deliveries(self) -> Deliveries:
        """Deliveries to them."""

    @property
    def notices(self) -> Notices:
        """What users are told."""

    @property
    def failures(self) -> Failures:
        """What this service's jobs fail at."""

    def new_id(self, prefix: str) -> str:
        """A fresh id."""

    def chance(self) -> float:
        """A number from 0 to 1, by chance."""


class SendingWork(Protocol):
    """The work of sending: transactions of its own, and a courier who outlives them."""

    def now(self) -> datetime:
        """The present."""

    def courier(self) -> AbstractContextManager[Courier]:
        """Who sends; at the end all that is on its way has arrived."""

    def transaction(self) -> AbstractContextManager[ConcludingWork]:
        """Work of its own transaction, committed at the end."""
