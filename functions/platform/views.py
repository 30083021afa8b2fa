"""What callers see of the platform."""

from functions.platform.ports import ParkedStream, Released
from shared.contracts.operations import Time, View


class ViolationView(View):
    """Something that breaks an invariant."""

    invariant: str
    subject: str
    detail: str


class ParkedView(View):
    """A stream in which a consumer could not go on, and what is wrong with its next event.

    Of an event that is not here yet only the version is known.
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
        """As operators see it."""
        return cls(**{name: getattr(parked, name) for name in cls.__struct_fields__})

    @property
    def place(self) -> str:
        """Where the next page goes on."""
        return f"{self.consumer} {self.stream}"


class RedriveView(View):
    """What was released, or would be; `left` streams are parked beside."""

    consumer: str
    dry_run: bool
    streams: list[str]
    events: int
    left: int

    @classmethod
    def of(cls, consumer: str, dry_run: bool, released: Released) -> "RedriveView":
        """As operators see it."""
        return cls(consumer, dry_run, list(released.streams), released.events, released.left)
