"""Sample event payloads of an existing contract, and stored events."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from shared import ids
from shared.contracts.events import StoredEvent
from shared.money import Amount

TYPE = "claim.opened"
AT = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Opened:
    """A claim was opened; its version takes the place of the order's id."""

    type: ClassVar[str] = TYPE
    claim_id: str
    order_id: str
    user_id: str = "usr_us_1"


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


def stream() -> str:
    """The id of a new stream."""
    return ids.new("clm", "us")


def opened_events(stream: str, first: int, count: int) -> list[Opened]:
    """Payloads that carry their version."""
    return [Opened(stream, str(version)) for version in range(first, first + count)]


def event(stream: str, version: int, event_type: str = TYPE, **metadata: str) -> StoredEvent:
    """An event as a transport delivers it."""
    return StoredEvent(
        id=ids.new("evt", "us"),
        type=event_type,
        stream=stream,
        version=version,
        at=AT,
        data={"claim_id": stream, "order_id": str(version)},
        metadata=metadata,
    )
