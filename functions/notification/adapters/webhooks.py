"""Webhooks and deliveries in PostgreSQL."""

import logging
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from functions.notification.domain.webhook import DELIVERED_WITHIN, AttemptRecord, Delivery, DeliveryStatus, Webhook
from functions.notification.ports import Parcel
from shared import ids
from shared.auth.encryption import SecretCipher
from shared.contracts.encode import to_json
from shared.contracts.events import cloudevent_json
from shared.decoding import ready
from shared.errors import NotFound, summary
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")

ABSENT: Final = "There is no such webhook."
SECRET_BYTES: Final = 32
TEST: Final = "webhook.test"
SOURCE: Final = "/notification"

MAX_PER_ADDRESS: Final = {True: 4, False: 1}
"""How many deliveries are in flight to one address at once, by whether it is trusted."""

LEASE: Final = timedelta(seconds=60)
"""How long a delivery is leased for sending: longer than any attempt takes."""

WEBHOOK_COLUMNS: Final = (
    *("id", "user_id", "url", "created_at", "updated_at", "listens_since", "status", "reason", "trusted"),
    *("failures", "failing_since", "rests_until", "disablings"),
)
DELIVERY_COLUMNS: Final = (
    *("webhook_id", "id", "event_id", "event_type", "created_at", "expires_at", "status", "attempts", "failures"),
    *("due_at", "attempted_at", "response_status", "error"),
)


class PostgresWebhooks:
    """Webhooks, within one transaction."""

    def __init__(self, work: UnitOfWork, seal: Callable[[], SecretCipher]) -> None:
        """seal: the encryption of webhook secrets, on first use."""
        self._work = work
        self._seal = seal

    def lock_owner(self, user_id: str) -> None:
        SQL.lock_owner(self._work.current_transaction, user_id=user_id)

    def count(self, user_id: str) -> int:
        return int(SQL.count_webhooks(self._work.current_transaction, user_id=user_id))

    def make(self, user_id: str, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
        now = self._work.now()
        made = Webhook(self._work.new_id("whk"), user_id, url, tuple(events), now, now, listens_since=now)
        secret, sealed = self._secret(made.id)
        SQL.make_webhook(
            self._work.current_transaction,
            id=made.id,
            user_id=user_id,
            url=url,
            events=list(events),
            secret=sealed,
            at=made.created_at,
        )
        return made, secret

    def get(self, webhook_id: str, owner: str) -> Webhook:
        found = self.find(webhook_id)
        if found.user_id != owner:
            raise NotFound(ABSENT)
        return found

    def find(self, webhook_id: str) -> Webhook:
        found = self.lock(webhook_id) if ids.valid(webhook_id, "whk") else None
        if found is None:
            raise NotFound(ABSENT)
        return found

    def browse(
        self, owner: str | None, after: str | None, most: int, webhook_id: str | None = None
    ) -> Sequence[Webhook]:
        transaction = self._work.current_transaction
        if owner is not None and webhook_id is None:
            rows = SQL.list_webhooks(transaction, user_id=owner, after=after, most=most)
        else:
            rows = SQL.browse_webhooks(transaction, user_id=owner, id=webhook_id, after=after, most=most)
        return [_webhook(row) for row in rows]

    def lock(self, webhook_id: str) -> Webhook | None:
        row = SQL.lock_webhook(self._work.current_transaction, id=webhook_id)
        return _webhook(row) if row else None

    def save(self, webhook: Webhook) -> None:
        fixed = ("user_id", "url", "created_at")
        SQL.save_webhook(
            self._work.current_transaction,
            **{name: getattr(webhook, name) for name in WEBHOOK_COLUMNS if name not in fixed},
        )

    def rotate(self, webhook: Webhook, until: datetime) -> str:
        secret, sealed = self._secret(webhook.id)
        SQL.rotate_secret(
            self._work.current_transaction, id=webhook.id, secret=sealed, until=until, at=self._work.now()
        )
        return secret

    def delete(self, webhook: Webhook) -> None:
        SQL.delete_webhook(self._work.current_transaction, id=webhook.id)

    def _secret(self, webhook_id: str) -> tuple[str, bytes]:
        """A new secret, as shown to its owner, and encrypted for storage."""
        secret = secrets.token_bytes(SECRET_BYTES)
        return f"whsec_{b64encode(secret).decode()}", self._seal().encrypt(secret, webhook_id)


class PostgresDeliveries:
    """Deliveries, within one transaction."""

    def __init__(self, work: UnitOfWork, seal: Callable[[], SecretCipher]) -> None:
        """seal: the encryption of webhook secrets, on first use."""
        self._work = work
        self._seal = seal

    def make_test(self, webhook: Webhook) -> Delivery:
        now, event_id = self._work.now(), self._work.new_id("evt")
        data = {"webhook_id": webhook.id, "user_id": webhook.user_id}
        body = cloudevent_json(event_id, TEST, SOURCE, now, data, {"subject": webhook.id})
        made = Delivery(
            webhook.id, ids.sibling(event_id, "dlv"), event_id, TEST, now, now + DELIVERED_WITHIN, due_at=now
        )
        SQL.make_delivery(
            self._work.current_transaction,
            webhook_id=webhook.id,
            id=made.id,
            event_id=event_id,
            event_type=TEST,
            body=body.decode(),
            at=now,
            expires_at=made.expires_at,
        )
        return made

    def lock(self, webhook: Webhook, delivery_id: str) -> Delivery:
        known = ids.valid(delivery_id, "dlv")
        row = (
            SQL.lock_delivery(self._work.current_transaction, webhook_id=webhook.id, id=delivery_id) if known else None
        )
        if row is None:
            raise NotFound("There is no such delivery.")
        return _delivery(row)

    def redeliver(self, delivery: Delivery) -> None:
        SQL.redeliver(
            self._work.current_transaction,
            webhook_id=delivery.webhook_id,
            id=delivery.id,
            due_at=delivery.due_at,
            expires_at=delivery.expires_at,
        )

    def browse(
        self, webhook: Webhook, status: DeliveryStatus | None, after: str | None, most: int
    ) -> Sequence[Delivery]:
        rows = SQL.list_deliveries(
            self._work.current_transaction, webhook_id=webhook.id, status=status, after=after, most=most
        )
        return [_delivery(row) for row in rows]

    def take(self, *, trusted: bool, most: int) -> Sequence[Parcel]:
        now = self._work.now()
        SQL.lock_taking(self._work.current_transaction)
        rows = SQL.take_deliveries(
            self._work.current_transaction,
            now=now,
            until=now + LEASE,
            trusted=trusted,
            each_most=MAX_PER_ADDRESS[trusted],
            most=most,
        )
        return [parcel for row in rows if (parcel := self._readable(row))]

    def _readable(self, row: Row) -> Parcel | None:
        """A parcel; None if the row cannot be decoded: the failure is recorded, and the others are still sent."""
        try:
            return self._parcel(row)
        except Exception as error:
            name = f"{row['webhook_id']} {row['id']}"
            log.exception("the delivery %s cannot be read", name)
            self._work.failures.record("send_deliveries", name, summary(error))
            return None

    def _parcel(self, row: Row) -> Parcel:
        sealed = [row[name] for name in ("secret", "previous_secret") if row[name] is not None]
        try:
            opened = [self._seal().decrypt(bytes(each), row["webhook_id"]) for each in sealed]
        except ValueError:  # this delivery fails alone
            log.exception("a secret of %s cannot be opened", row["webhook_id"])
            opened = []
        return Parcel(_delivery(row), row["url"], row["body"], opened, row["taken_until"], row["traceparent"])

    def save(self, delivery: Delivery, parcel: Parcel) -> None:
        fixed = ("event_id", "event_type", "created_at")
        values = {name: getattr(delivery, name) for name in DELIVERY_COLUMNS if name not in fixed}
        values["tried"] = to_json(delivery.tried).decode()
        SQL.save_delivery(self._work.current_transaction, **values, taken_until=parcel.taken_until)

    def give_up(self, webhook: Webhook) -> None:
        SQL.give_up(self._work.current_transaction, webhook_id=webhook.id, error="the webhook was disabled")

    def purge(self, before: datetime, most: int) -> int:
        return int(SQL.purge_deliveries(self._work.current_transaction, before=before, most=most))


def _webhook(row: Row) -> Webhook:
    return Webhook(**{name: row[name] for name in WEBHOOK_COLUMNS}, events=tuple(row["events"]))


def _delivery(row: Row) -> Delivery:
    tried = msgspec.convert(row["tried"], ready(tuple[AttemptRecord, ...]))
    return Delivery(**{name: row[name] for name in DELIVERY_COLUMNS}, tried=tried)
