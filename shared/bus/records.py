"""What consumers take from either transport: records of partitions, and the port of where they come from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec


class TopicPartition(NamedTuple):
    """Where records are in order: a partition of a topic on Kafka, an ordering key of a subscription on Pub/Sub."""

    topic: str
    partition: int | str


class Record(msgspec.Struct, frozen=True):
    """A consumed record; `flaw` says what is wrong with its headers, if anything."""

    place: TopicPartition
    offset: int
    """Grows within a place; on Pub/Sub, which has none, it counts what this process was given."""
    attributes: Mapping[str, str]
    body: bytes
    flaw: str


class RebalanceListener(Protocol):
    """Is notified of rebalances."""

    def assigned(self, positions: Mapping[TopicPartition, int | None]) -> None:
        """These were assigned to us, each with its committed offset; None if there is none (start at the beginning)."""

    def revoked(self, positions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """These are about to be revoked; returns the offsets up to which they have been handled."""

    def lost(self, positions: Iterable[TopicPartition]) -> None:
        """These were lost: another member has them already, or gets them next."""


class RecordSource(Protocol):
    """Where the records of one consumer come from. Not thread-safe."""

    def take(self, most: int, within_seconds: float) -> list[Record]:
        """New records, in order within each place: about so many at most, after so many seconds at the latest.

        The listener's methods are called within `take`, `commit` and `close` alone. Raises Unavailable.
        """

    def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Note that the records before these offsets were handled; returns whether that succeeded.

        If not, some of them come again, and their effects are deduplicated.
        """

    def pause(self, place: TopicPartition) -> None:
        """Take no more of a place, whose records wait to be handled, without giving it up."""

    def resume(self, place: TopicPartition) -> None:
        """Take from a place again."""

    def close(self) -> None:
        """Leave what was not handled to other members, at once where the transport can be reached."""


class RecordSources(Protocol):
    """Opens sources of records for this process's cell."""

    def __call__(
        self, row: str, topics: Sequence[str], owner: RebalanceListener, cell: str | None = None, /
    ) -> RecordSource:
        """The source of a row's records. cell: the one whose topics they are; its own by default."""
