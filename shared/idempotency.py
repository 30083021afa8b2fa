"""Idempotency keys: a repeated request gets the same response, and takes effect once.

A key is scoped to (caller, operation) and bound to a fingerprint: SHA-256 of method, path, query and canonical body
(RFC 8785). The response is stored in the service's database, in the transaction of the effect, for 24 hours.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec
import rfc8785

from shared.contracts.encode import to_json
from shared.errors import KeyInUse, KeyReused
from shared.postgres.database import Transaction
from shared.postgres.queries import queries
from shared.telemetry.context import trace_context

SQL: Final = queries(Path(__file__).with_suffix(".sql"))
KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=10)
"""How long a saga's lease lasts before another request with the same key, or the sweeper, may take over."""


class Answer(msgspec.Struct, frozen=True):
    """A response as it is stored and replayed."""

    status: int
    body: str
    tag: str | None = None
    """The ETag of its resource, if it has one."""

    media: str | None = None
    """The media type of a file, which is never stored; None for that of the row."""


@dataclass(frozen=True, slots=True)
class Key:
    """One idempotency key of one caller and operation, and the request it is bound to."""

    caller: str
    operation: str
    value: str
    fingerprint: str
    found: "SagaLease | Literal['unknown'] | None" = field(default="unknown", compare=False)
    """What the runtime found under it before it called a saga, which need not look again: a lease, or None for a new
    request; `unknown` where nobody has looked.
    """

    @property
    def command(self) -> str:
        """A unique id of the request for commands to other services, the same on every retry."""
        return hashlib.sha256(rfc8785.dumps([self.caller, self.operation, self.value, self.fingerprint])).hexdigest()

    def find(self, transaction: Transaction, now: datetime) -> "Answer | SagaLease | None":
        """What is stored under this key: a response, the lease of a saga in progress, or nothing.

        Raises KeyReused if the key is bound to another request.
        """
        row = SQL.find_key(transaction, caller=self.caller, operation=self.operation, key=self.value, now=now)
        if row is None:
            return None
        if row["fingerprint"] != self.fingerprint:
            raise KeyReused
        if row["status"] is not None:
            return Answer(row["status"], row["body"], row["tag"])
        return SagaLease(row["reference"], row["lease_expires_at"])

    def claim(self, transaction: Transaction) -> None:
        """Lock the key for this transaction. Raises KeyInUse."""
        if not SQL.claim_key(transaction, scope=f"{self.caller}/{self.operation}/{self.value}"):
            raise KeyInUse

    def keep(self, transaction: Transaction, answer: Answer, now: datetime) -> None:
        """Store the response in the transaction of its effect."""
        SQL.answer_key(
            transaction.later,
            caller=self.caller,
            operation=self.operation,
            key=self.value,
            fingerprint=self.fingerprint,
            request_id=trace_context().request_id,
            status=answer.status,
            body=answer.body,
            tag=answer.tag,
            now=now,
            expires_at=now + KEPT,
        )

    def lease(self, transaction: Transaction, reference: str, now: datetime) -> None:
        """Lease the key for a saga. Raises KeyInUse if another request was first.

        reference: the id of the entity that the saga creates, by which the key is found when it finishes.
        """
        if not lease_all(transaction, [NewLease(self, reference, trace_context().request_id)], now):
            raise KeyInUse


class NewLease(msgspec.Struct, frozen=True):
    """A key to be leased for a saga. reference: the entity that it creates. request_id: the request with this key."""

    key: Key
    reference: str
    request_id: str


def lease_all(transaction: Transaction, leases: Sequence[NewLease], now: datetime) -> set[str]:
    """Lease keys for sagas. Returns the references of those that no request had before; of equal keys, the first's."""
    first = {(lease.key.caller, lease.key.operation, lease.key.value): lease for lease in reversed(leases)}
    rows = [
        {
            "caller": lease.key.caller,
            "operation": lease.key.operation,
            "key": lease.key.value,
            "fingerprint": lease.key.fingerprint,
            "reference": lease.reference,
            "request_id": lease.request_id,
        }
        for lease in first.values()
    ]
    leased = SQL.lease_keys(
        transaction, leases=to_json(rows).decode(), now=now, lease_expires_at=now + LEASE, expires_at=now + KEPT
    )
    return {row["reference"] for row in leased}


class SagaLease(msgspec.Struct, frozen=True):
    """The lease of a saga that has no response yet."""

    reference: str
    lease_expires_at: datetime

    def resume(self, transaction: Transaction, now: datetime) -> str:
        """Take over an expired lease; returns the reference. Raises KeyInUse."""
        renewed = SQL.renew_lease(
            transaction,
            reference=self.reference,
            request_id=trace_context().request_id,
            lease_expires_at=now + LEASE,
            now=now,
        )
        if not renewed:
            raise KeyInUse
        return self.reference


def end_lease(transaction: Transaction, reference: str, now: datetime) -> None:
    """Release a lease without a response, so that the same key can resume at once."""
    SQL.end_lease(transaction, reference=reference, now=now)


def lease_request_ids(transaction: Transaction, references: Sequence[str]) -> dict[str, str]:
    """The ids of the requests that began sagas, by reference; none for one without a key."""
    return {row["reference"]: row["request_id"] for row in SQL.find_leases(transaction, references=list(references))}


def answer_leases(transaction: Transaction, answers: Mapping[str, Answer]) -> None:
    """Store the responses of sagas, by reference, in the transaction of their outcome."""
    rows = [
        {"reference": reference, "status": answer.status, "body": answer.body, "tag": answer.tag}
        for reference, answer in answers.items()
    ]
    SQL.answer_leases(transaction.later, answers=to_json(rows).decode())


def forget(transaction: Transaction, now: datetime, at_most: int) -> int:
    """Delete expired keys. Returns how many."""
    return int(SQL.forget_keys(transaction, now=now, at_most=at_most))


def fingerprint(method: str, path: str, query: Sequence[tuple[str, str]], body: object) -> str:
    """The fingerprint that a key is bound to. Raises rfc8785.CanonicalizationError for a body outside of I-JSON."""
    head = rfc8785.dumps([method, path, sorted([name, value] for name, value in query)])
    return hashlib.sha256(head + b"\n" + (rfc8785.dumps(body) if body is not None else b"")).hexdigest()
