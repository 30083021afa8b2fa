"""A member of a Kafka consumer group, which commits by itself nothing, and tells when partitions come and go.

Rebalances are cooperative: only partitions that move stop, and they change hands within `take`, never while what was
taken is being handled.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from shared.adapters.kafka import attributes, connection
from shared.config import Settings
from shared.errors import Unavailable

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""How long the cluster may take to say how far the group has come."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """What was taken: `flaw` says what is wrong with its headers, if anything is."""

    place: Place
    offset: int
    attributes: Mapping[str, str]
    body: bytes
    flaw: str


class Owner(Protocol):
    """Who handles what is taken, and hears of partitions."""

    def assigned(self, places: Mapping[Place, int | None]) -> None:
        """These are ours from now on, each from an offset; None where the group has no place in it: from its begin."""

    def revoked(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """These are about to be others'; up to which offsets they have been handled."""

    def lost(self, places: Iterable[Place]) -> None:
        """These are others' already."""


def consuming(settings: Settings, group: str) -> dict[str, Any]:
    """How a group's members are configured."""
    return {
        **connection(settings),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 1_000,
        # So much is fetched ahead of what is being handled, and no more.
        "queued.max.messages.kbytes": 4096,
        "fetch.wait.max.ms": 100,
    }


class Group:
    """One member. It is used by one thread."""

    def __init__(self, settings: Settings, group: str, topics: Sequence[str], owner: Owner) -> None:
        """
        group: the name of the group; each has every record of its topics once.
        owner: is asked and told within `take` and `close`.
        """
        self._owner = owner
        self._failure: Exception | None = None
        """What went wrong in a callback: the client passes over what those raise."""
        self._consumer = Consumer(consuming(settings, group))
        self._consumer.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def take(self, most: int, within_seconds: float) -> list[Record]:
        """What came, of each partition in its order. Raises Unavailable."""
        taken = []
        try:
            for message in self._consumer.consume(most, within_seconds):
                error = message.error()
                if error is not None:
                    log.warning("Kafka: %s %s", message.topic() or "", error)
                    if error.fatal():
                        raise KafkaException(error)
                    continue
                taken.append(_record(message))
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error}") from error
        if self._failure is not None:
            raise Unavailable(f"Partitions could not be begun with: {self._failure}") from self._failure
        return taken

    def commit(self, offsets: Mapping[Place, int]) -> bool:
        """Note up to which offset each partition has been handled; tells whether that was noted.

        Where it was not, another member has it by now, or will: it takes some once more, whose effects are known.
        """
        if not offsets:
            return True
        try:
            done = self._consumer.commit(offsets=_offsets(offsets), asynchronous=False)
        except KafkaException as error:
            log.warning("Kafka takes no commit: %s", error)
            return False
        return all(each.error is None for each in done or ())

    def pause(self, place: Place) -> None:
        """Take nothing more of a partition, which stays ours."""
        with suppress(KafkaException):  # it is another's by now
            self._consumer.pause([TopicPartition(*place)])

    def resume(self, place: Place) -> None:
        """Take of a partition again, from where it was left."""
        with suppress(KafkaException):
            self._consumer.resume([TopicPartition(*place)])

    def close(self) -> None:
        """Leave the group, so that others have its partitions at once."""
        try:
            self._consumer.close()
        except (KafkaException, RuntimeError) as error:
            log.warning("a Kafka consumer did not end in order: %s", error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._begin(consumer, partitions)
        except Exception as error:  # noqa: BLE001 - it is raised where somebody hears it
            self._failure = error

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        known = consumer.committed(partitions, timeout=ANSWER_SECONDS)
        for each in known:
            if each.error is not None:
                raise KafkaException(each.error)
        self._owner.assigned({_place(each): each.offset if each.offset >= 0 else None for each in known})
        consumer.incremental_assign(
            [TopicPartition(*_place(each), each.offset if each.offset >= 0 else OFFSET_BEGINNING) for each in known]
        )
        # So that the group has a place in each.
        self.commit({_place(each): 0 for each in known if each.offset < 0})

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.commit(self._owner.revoked([_place(each) for each in partitions]))

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._owner.lost([_place(each) for each in partitions])


def rewind(settings: Settings, group: str, topics: Sequence[str], since: datetime) -> int:
    """Put a group's place in every partition back to its first record since a time; how many partitions have one.

    Raises Unavailable, also while the group has members: they would move it on at once.
    """
    consumer = Consumer(consuming(settings, group))
    try:
        there = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        milliseconds = int(since.timestamp() * 1000)
        wanted = [
            TopicPartition(topic, number, milliseconds)
            for topic in topics
            for number in (there[topic].partitions if topic in there else ())
        ]
        found = consumer.offsets_for_times(wanted, timeout=ANSWER_SECONDS)
        places = [each for each in found if each.error is None and each.offset >= 0]
        for each in consumer.commit(offsets=places, asynchronous=False) if places else ():
            if each.error is not None:
                raise KafkaException(each.error)
    except KafkaException as error:
        raise Unavailable(
            f"The group {group} does not go back; end its consumers first. Kafka says: {error}"
        ) from error
    finally:
        consumer.close()
    return len(places)


def _record(message: Any) -> Record:
    told, flaw = attributes(message.headers() or (), message.key())
    return Record(Place(message.topic(), message.partition()), message.offset(), told, message.value() or b"", flaw)


def _place(partition: TopicPartition) -> Place:
    return Place(partition.topic, partition.partition)


def _offsets(offsets: Mapping[Place, int]) -> list[TopicPartition]:
    return [TopicPartition(*place, offset) for place, offset in offsets.items()]
