"""What operators see of the platform."""

from functions.platform.ports import ParkedStream, RedriveResult
from shared.contracts.operations import Time, View


class ViolationView(View):
    """A violation of an invariant."""

    invariant: str
    subject: str
    detail: str


class ParkedView(View):
    """A stream with parked events, and why its next event could not be applied.

    If that event has not arrived yet, only its version is known.
    """

    consumer: str
    stream: str
    reason: str
    error: str | None
    attempts: int
    version: int
    type: str | None
    event_id: str | None
    events: int
    since: Time
    retry_at: Time | None

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

    consumer: str
    dry_run: bool
    streams: list[str]
    events: int
    left: int

    @classmethod
    def of(cls, consumer: str, dry_run: bool, released: RedriveResult) -> "RedriveOutcomeView":
        """What operators see of it."""
        return cls(consumer, dry_run, list(released.streams), released.events, released.left)
