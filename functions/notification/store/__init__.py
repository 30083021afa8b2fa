"""Feeds and webhooks in PostgreSQL and Firestore, and who sends: the implementation of the ports."""

from collections.abc import Callable, Collection
from functools import cached_property
from secrets import SystemRandom
from typing import TYPE_CHECKING

from functions.notification.store.addresses import NamedAddresses, PooledCourier
from functions.notification.store.notices import NoticeStore
from functions.notification.store.webhooks import DeliveryStore, WebhookStore
from shared.adapters.postgres import Transaction
from shared.adapters.sealing import Seal
from shared.outbox.verify import Projection
from shared.outbox.work import UnitOfWork
from shared.registry import load

if TYPE_CHECKING:
    from functions.notification.store.feeds import FeedStore


class Work(UnitOfWork):
    """The work of one operation on feeds and webhooks."""

    @cached_property
    def notices(self) -> NoticeStore:
        """What users are told."""
        return NoticeStore(self)

    @cached_property
    def feeds(self) -> "FeedStore":
        """Feeds, as readers see them."""
        from functions.notification.store.feeds import FeedStore

        return FeedStore(self.resources, self.cells)

    @property
    def cells(self) -> Collection[str]:
        """The cells, each of which writes a lane of every feed."""
        return [region.cell for region in load().regions.values()]

    @cached_property
    def seal(self) -> Seal:
        """What closes the secrets of webhooks."""
        return Seal(bytes.fromhex(self.settings.secret("webhook_key").decode()))

    @cached_property
    def webhooks(self) -> WebhookStore:
        """Webhooks."""
        return WebhookStore(self)

    @cached_property
    def deliveries(self) -> DeliveryStore:
        """Deliveries to them."""
        return DeliveryStore(self)

    @property
    def addresses(self) -> NamedAddresses:
        """Where webhooks may be sent to."""
        return NamedAddresses(self.settings.webhooks_to_loopback)

    def courier(self) -> PooledCourier:
        """Who sends."""
        return PooledCourier(self.settings.webhooks_to_loopback, self.resources.clock)

    def chance(self) -> float:
        """A number from 0 to 1, by chance."""
        return SystemRandom().random()


def projections(work: Callable[[Transaction | None], Work]) -> list[Projection]:
    """What is made of the events of others, and how."""
    from functions.notification.store.verifying import Activity, Documents

    return [Activity(work), Documents(work)]
