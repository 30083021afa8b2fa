"""Facts for these tests, of a contract that there is."""

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
    """A claim is open; the number stands where its order would."""

    type: ClassVar[str] = TYPE
    claim_id: str
    order_id: str
    user_id: str = "usr_us_1"


@dataclass(frozen=True, slots=True)
class Priced:
    """A fact with an amount and a time."""

    type: ClassVar[str] = "order.confirmed"
    order_id: str
    total: Amount
    at: datetime = AT


@dataclass(frozen=True, slots=True)
class Unheard:
    """A fact of a type that no topic carries."""

    type: ClassVar[str] = "claim.unheard"
    claim_id: str


def stream() -> str:
    """A stream that no other test has."""
    return ids.new("clm", "us")


def facts(stream: str, first: int, count: int) -> list[Opened]:
    """Facts that say which version they are."""
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
