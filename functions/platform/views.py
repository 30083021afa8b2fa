"""What operators see of the platform."""

from typing import Annotated

import msgspec

from functions.platform.domain.parked import ParkedStream, RedriveResult
from shared.contracts.fields import EventId, EventType, Version, example_id
from shared.contracts.operations import Time, View

ConsumerName = Annotated[
    str, msgspec.Meta(description="An event row, by its name in the registry.", examples=["capture_hold"])
]
StreamName = Annotated[
    str,
    msgspec.Meta(description="A stream of events: the id of what they are about.", examples=[example_id("ord")]),
]
InvariantName = Annotated[str, msgspec.Meta(examples=["wallet.entries_sum_to_balances"])]

SignedAmount = Annotated[str, msgspec.Meta(pattern="^-?(0|[1-9][0-9]{0,77})$", examples=["-10000000"])]


class ViolationView(View):
    """A violation of an invariant."""

    invariant: InvariantName
    """The invariant that does not hold."""

    subject: Annotated[str, msgspec.Meta(examples=[example_id("wal")])]
    """The id of what it does not hold for."""

    detail: Annotated[str, msgspec.Meta(examples=["The entries sum to 10, the balance is 11."])]
    """What differs, for a person."""


class ParkedView(View):
    """A stream with parked events, and why its next event could not be applied.

    If that event has not arrived yet, only its version is known.
    """

    consumer: ConsumerName
    """The event row that could not apply it."""

    stream: StreamName
    """The stream whose events wait."""

    reason: Annotated[str, msgspec.Meta(examples=["failed"])]
    """Why they wait: `failed`, `unavailable`, `gap` (an earlier event has not arrived) or `unread` (not understood)."""

    error: Annotated[str, msgspec.Meta(examples=["CONTENDED: Another request was first."])] | None
    """What the last attempt failed with; null if there was none."""

    attempts: Annotated[int, msgspec.Meta(examples=[10])]
    """How often the next event was tried."""

    version: Version
    """The version of the next event."""

    type: EventType | None
    """The type of the next event; null if it has not arrived yet."""

    event_id: EventId | None
    """The id of the next event; null if it has not arrived yet."""

    events: Annotated[int, msgspec.Meta(examples=[1])]
    """How many events of the stream wait."""

    since: Time
    """Since when the stream has been parked."""

    retry_at: Time | None
    """When it is tried again by itself; null if it is not."""

    @classmethod
    def of(cls, parked: ParkedStream) -> "ParkedView":
        """What operators see of it."""
        return cls(**{name: getattr(parked, name) for name in cls.__struct_fields__})

    @property
    def place(self) -> str:
        """Where the next page starts."""
        return f"{self.consumer} {self.stream}"


class RedriveOutcomeView(View):
    """What was released, or would be; `left` streams are still parked."""

    consumer: ConsumerName
    """The event row whose events they are."""

    dry_run: bool
    """Whether this only says what would be released."""

    streams: list[StreamName]
    """The streams that are released."""

    events: Annotated[int, msgspec.Meta(examples=[1])]
    """How many events wait in them."""

    left: Annotated[int, msgspec.Meta(examples=[0])]
    """How many streams are still parked."""

    @classmethod
    def of(cls, consumer: str, dry_run: bool, released: RedriveResult) -> "RedriveOutcomeView":
        """What operators see of it."""
        return cls(consumer, dry_run, list(released.streams), released.events, released.left)
