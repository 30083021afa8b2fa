"""Sample event payloads of an existing contract, and stored events."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from shared import ids
from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent
from shared.money import Amount

TYPE = "claim.claimed"
"""A type that one row handles."""

ROW = "record_claim"
FOREIGN = "claim.voided"
"""A type of the same topic that no row handles."""

KEPT = "claim.opened"
"""One that is not even published."""

NOBODY = "nobody"
"""No id: it names no cell."""

AT = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim was claimed; its version takes the place of the order's id."""

    type: ClassVar[str] = TYPE
    claim_id: str
    order_id: str
    user_id: str = NOBODY


class Foreign(Claimed):
    """The same of a type that no row handles."""

    type: ClassVar[str] = FOREIGN


class Kept(Claimed):
    """The same of a type that stays in the store."""

    type: ClassVar[str] = KEPT


@dataclass(frozen=True, slots=True)
class Priced:
    """A payload with an amount and a time."""

    type: ClassVar[str] = "order.confirmed"
    order_id: str
    total: Amount
    at: datetime = AT


@dataclass(frozen=True, slots=True)
class Unroutable:
    """A payload of a type that no topic carries."""

    type: ClassVar[str] = "claim.unheard"
    claim_id: str


def stream(cell: str = "us") -> str:
    """The id of a new stream."""
    return ids.new("clm", cell)


def claimed_events(stream: str, first: int, count: int, user_id: str = NOBODY) -> list[Claimed]:
    """Payloads that carry their version."""
    return [Claimed(stream, str(version), user_id) for version in range(first, first + count)]


def event(
    stream: str,
    version: int,
    event_type: str = TYPE,
    prior: int | None = None,
    user_id: str = NOBODY,
    **metadata: str,
) -> StoredEvent:
    """An event as a transport delivers it. prior: None for a stream of which the consumer handles every event."""
    return StoredEvent(
        id=ids.new("evt", ids.source_of(stream) or "us"),
        type=event_type,
        stream=stream,
        version=version,
        at=AT,
        data={"claim_id": stream, "order_id": str(version), "user_id": user_id},
        metadata=metadata,
        prior=prior,
    )


def to_row(*events: StoredEvent, row: str = ROW) -> list[AddressedEvent]:
    """Events as the relay publishes them to one row."""
    return [AddressedEvent(event, {row: event.follows}) for event in events]
