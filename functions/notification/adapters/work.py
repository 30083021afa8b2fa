"""The work of an operation on feeds and webhooks: wires the adapters of its ports."""

from collections.abc import Collection
from functools import cached_property
from secrets import SystemRandom
from typing import TYPE_CHECKING

from functions.notification.adapters.http import HttpAddresses, HttpCourier
from functions.notification.adapters.notices import PostgresNotices
from functions.notification.adapters.webhooks import PostgresDeliveries, PostgresWebhooks
from shared.auth.encryption import SecretCipher
from shared.registry import load
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from functions.notification.adapters.feeds import FirestoreFeeds


class Work(UnitOfWork):
    """The work of one operation on feeds and webhooks."""

    @cached_property
    def notices(self) -> PostgresNotices:
        """The notices of users."""
        return PostgresNotices(self)

    @cached_property
    def feeds(self) -> "FirestoreFeeds":
        """The published feeds."""
        from functions.notification.adapters.feeds import FirestoreFeeds

        return FirestoreFeeds(self.resources, self.cells)

    @property
    def cells(self) -> Collection[str]:
        """The cells, each of which writes a lane of every feed."""
        return list(load().cells)

    @cached_property
    def seal(self) -> SecretCipher:
        """The encryption of webhook secrets."""
        return SecretCipher(bytes.fromhex(self.settings.secret("webhook_key").decode()))

    @cached_property
    def webhooks(self) -> PostgresWebhooks:
        """Webhooks."""
        return PostgresWebhooks(self, lambda: self.seal)

    @cached_property
    def deliveries(self) -> PostgresDeliveries:
        """Deliveries to them."""
        return PostgresDeliveries(self, lambda: self.seal)

    @property
    def addresses(self) -> HttpAddresses:
        """The check of webhook addresses."""
        return HttpAddresses(self.settings.webhooks_to_loopback)

    def courier(self) -> HttpCourier:
        """The courier that sends deliveries."""
        return HttpCourier(self.settings.webhooks_to_loopback, self.resources.clock, self.resources.gate(self.service))

    def chance(self) -> float:
        """A random number from 0 to 1."""
        return SystemRandom().random()
