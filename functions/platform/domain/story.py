"""What the services know about one order, as operators see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event. trace_id: the trace that it is part of; empty for none."""

    service: str
    event_id: str
    stream: str
    version: int
    type: str
    at: datetime
    data: Mapping[str, Any]
    trace_id: str


@dataclass(frozen=True, slots=True)
class Posting:
    """A leg of a transfer. amount: in atomic units, with its sign, as a decimal string."""

    transfer_id: str
    kind: str
    account: str
    currency: str
    amount: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClaimState:
    """The order's claim. recipient, transaction_hash, failure: empty for none; block_number: 0 for none."""

    id: str
    status: str
    recipient: str
    chain_id: int
    transaction_hash: str
    block_number: int
    failure: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery of one of its events to a webhook. response_status: 0 for none. error: empty for none."""

    webhook_id: str
    id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    response_status: int
    error: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderPart:
    """What one service has about an order. events: as they are stored, in JSON."""

    events: Sequence[bytes]
    postings: Sequence[Posting]
    claim: ClaimState | None
    deliveries: Sequence[Delivered]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known about an order. unchecked: the services, with their cells, that did not answer."""

    occurrences: Sequence[Occurrence]
    postings: Sequence[Posting]
    claim: ClaimState | None
    deliveries: Sequence[Delivered]
    unchecked: Sequence[str] = ()
