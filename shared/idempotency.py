"""Idempotency keys: the same request again gets the same answer, and takes effect once.

A key is scoped to (caller, operation) and bound to a fingerprint: SHA-256 of method, path, query and canonical body
(RFC 8785). The answer is stored in the service's database, in the transaction of the effect, for 24 hours.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import rfc8785

from shared.adapters.postgres import Transaction
from shared.adapters.queries import queries
from shared.errors import KeyInUse, KeyReused
from shared.telemetry.context import trail

SQL: Final = queries(Path(__file__).with_suffix(".sql"))
KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=10)
"""How long a saga's request may be silent before another with the same key, or the sweeper, takes over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it is stored and repeated."""

    status: int
    body: str
    tag: str | None = None
    """What the ETag of its resource says, where it has one."""


@dataclass(frozen=True, slots=True)
class Key:
    """One idempotency key of one caller and operation, and the request it is bound to."""

    caller: str
    operation: str
    value: str
    fingerprint: str

    @property
    def command(self) -> str:
        """What the request is known by where it asks others: the same on every try, and of no other request."""
        return hashlib.sha256(rfc8785.dumps([self.caller, self.operation, self.value, self.fingerprint])).hexdigest()

    def find(self, transaction: Transaction, now: datetime) -> "Answer | Began | None":
        """What is known under this key: the answer, a saga that began, or nothing.

        Raises KeyReused when the key is bound to another request.
        """
        row = SQL.find_key(transaction, caller=self.caller, operation=self.operation, key=self.value, now=now)
        if row is None:
            return None
        if row["fingerprint"] != self.fingerprint:
            raise KeyReused
        if row["status"] is not None:
            return Answer(row["status"], row["body"], row["tag"])
        return Began(row["reference"], row["lease_expires_at"])

    def claim(self, transaction: Transaction) -> None:
        """Be the only transaction at work under this key. Raises KeyInUse."""
        if not SQL.claim_key(transaction, scope=f"{self.caller}/{self.operation}/{self.value}"):
            raise KeyInUse

    def keep(self, transaction: Transaction, answer: Answer, now: datetime) -> None:
        """Store the answer beside its effect."""
        SQL.answer_key(
            transaction,
            caller=self.caller,
            operation=self.operation,
            key=self.value,
            fingerprint=self.fingerprint,
            request_id=trail().request_id,
            status=answer.status,
            body=answer.body,
            tag=answer.tag,
            now=now,
            expires_at=now + KEPT,
        )

    def lease(self, transaction: Transaction, reference: str, now: datetime) -> None:
        """Take the key for a saga. Raises KeyInUse when another request was first.

        reference: the id of what the saga begins, by which whoever finishes it finds the key.
        """
        taken = SQL.lease_key(
            transaction,
            caller=self.caller,
            operation=self.operation,
            key=self.value,
            fingerprint=self.fingerprint,
            reference=reference,
            request_id=trail().request_id,
            lease_expires_at=now + LEASE,
            now=now,
            expires_at=now + KEPT,
        )
        if not taken:
            raise KeyInUse


@dataclass(frozen=True, slots=True)
class Began:
    """A saga that began under a key and has no answer yet."""

    reference: str
    lease_expires_at: datetime

    def resume(self, transaction: Transaction, now: datetime) -> str:
        """Take over from a holder that was silent too long; returns the reference. Raises KeyInUse."""
        renewed = SQL.renew_lease(
            transaction,
            reference=self.reference,
            request_id=trail().request_id,
            lease_expires_at=now + LEASE,
            now=now,
        )
        if not renewed:
            raise KeyInUse
        return self.reference


def end_lease(transaction: Transaction, reference: str, now: datetime) -> None:
    """Give a lease up without an answer, so that the same key resumes at once."""
    SQL.end_lease(transaction, reference=reference, now=now)


def lease_request_id(transaction: Transaction, reference: str) -> str | None:
    """The id of the request that began a saga; None when it came without a key."""
    return SQL.find_lease(transaction, reference=reference)  # type: ignore[no-any-return]


def answer_lease(transaction: Transaction, reference: str, answer: Answer) -> None:
    """Store a saga's answer beside its outcome."""
    SQL.answer_lease(transaction, reference=reference, status=answer.status, body=answer.body, tag=answer.tag)


def forget(transaction: Transaction, now: datetime, at_most: int) -> int:
    """Delete keys that are past their time. Returns how many."""
    return int(SQL.forget_keys(transaction, now=now, at_most=at_most))


def fingerprint(method: str, path: str, query: Sequence[tuple[str, str]], body: object) -> str:
    """What a key is bound to. Raises rfc8785.CanonicalizationError for a body outside of I-JSON."""
    head = rfc8785.dumps([method, path, sorted([name, value] for name, value in query)])
    return hashlib.sha256(head + b"\n" + (rfc8785.dumps(body) if body is not None else b"")).hexdigest()
