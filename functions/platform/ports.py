"""What platform operations may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that breaks an invariant."""

    invariant: str
    subject: str
    detail: str


class Dependencies(Protocol):
    """The real parts that requests need."""

    def check(self) -> Mapping[str, str]:
        """The state of each, by name: `ok`, or what is wrong."""

    def needed(self) -> frozenset[str]:
        """The names of those without which nothing can be served."""


class Streams(Protocol):
    """The events of the service in whose host this runs."""

    def read(self, stream: str, from_version: int) -> Sequence[bytes]:
        """Events from a version on, oldest first, as stored JSON."""


class Invariants(Protocol):
    """What must hold of the data of the service in whose host this runs."""

    def check(self) -> tuple[list[str], list[Violation]]:
        """The names of the invariants that were checked, and what breaks them."""


class PlatformWork(Protocol):
    """The work of one platform operation."""

    dependencies: Dependencies
    streams: Streams
    invariants: Invariants

    def document(self) -> bytes:
        """The OpenAPI document of the whole system."""
