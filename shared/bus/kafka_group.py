"""A member of a Kafka consumer group, without auto-commit, that reports assigned and revoked partitions.

Rebalances are cooperative: only partitions that move are stopped, and they move within `take`, never while taken
records are being handled.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, Consumer, KafkaException
from confluent_kafka import TopicPartition as TopicPartitionOffset

from shared.bus.kafka import attributes, client_config
from shared.bus.records import RebalanceListener, Record, TopicPartition
from shared.config import Settings
from shared.errors import Unavailable

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""How long to wait for the group's committed offsets."""


def consumer_config(settings: Settings, group: str) -> dict[str, Any]:
    """The configuration of a group's members."""
    return {
        **client_config(settings),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 1_000,
        # The most that is prefetched.
        "queued.max.messages.kbytes": 4096,
        "fetch.wait.max.ms": 100,
    }


class Group:
    """One member of a group. Not thread-safe."""

    def __init__(self, settings: Settings, group: str, topics: Sequence[str], owner: RebalanceListener) -> None:
        """
        group: the group's name; each group gets every record of its topics once.
        owner: its methods are called within `take` and `close`.
        """
        self._owner = owner
        self._failure: Exception | None = None
        """An exception in a callback: the client ignores those."""
        self._consumer = Consumer(consumer_config(settings, group))
        self._consumer.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def take(self, most: int, within_seconds: float) -> list[Record]:
        """Poll records, in order within each partition. Raises Unavailable."""
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

    def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets; returns whether that succeeded.

        If not, another member has or will get the partition: it receives some records again, whose effects are
        deduplicated.
        """
        if not offsets:
            return True
        try:
            done = self._consumer.commit(offsets=_offsets(offsets), asynchronous=False)
        except KafkaException as error:
            log.warning("a Kafka commit failed: %s", error)
            return False
        return all(each.error is None for each in done or ())

    def pause(self, place: TopicPartition) -> None:
        """Stop polling a partition, without giving it up."""
        with suppress(KafkaException):  # it was revoked meanwhile
            self._consumer.pause([_position(place)])

    def resume(self, place: TopicPartition) -> None:
        """Poll a partition again, from where it was paused."""
        with suppress(KafkaException):
            self._consumer.resume([_position(place)])

    def close(self) -> None:
        """Leave the group, so that others get its partitions at once."""
        try:
            self._consumer.close()
        except (KafkaException, RuntimeError) as error:
            log.warning("a Kafka consumer did not close cleanly: %s", error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartitionOffset]) -> None:
        try:
            self._begin(consumer, partitions)
        except Exception as error:  # noqa: BLE001 - it is raised again by `take`
            self._failure = error

    def _begin(self, consumer: Consumer, partitions: list[TopicPartitionOffset]) -> None:
        known = consumer.committed(partitions, timeout=ANSWER_SECONDS)
        for each in known:
            if each.error is not None:
                raise KafkaException(each.error)
        self._owner.assigned({_partition(each): each.offset if each.offset >= 0 else None for each in known})
        consumer.incremental_assign(
            [_position(_partition(each), each.offset if each.offset >= 0 else OFFSET_BEGINNING) for each in known]
        )
        # So that the group has a committed offset in each.
        self.commit({_partition(each): 0 for each in known if each.offset < 0})

    def _revoked(self, _: Consumer, partitions: list[TopicPartitionOffset]) -> None:
        self.commit(self._owner.revoked([_partition(each) for each in partitions]))

    def _lost(self, _: Consumer, partitions: list[TopicPartitionOffset]) -> None:
        self._owner.lost([_partition(each) for each in partitions])


def rewind(settings: Settings, group: str, topics: Sequence[str], since: datetime) -> int:
    """Move a group's offsets back to the first records since a time; returns in how many partitions there are any.

    Raises Unavailable, also while the group has members: they would advance the offsets at once.
    """
    consumer = Consumer(consumer_config(settings, group))
    try:
        there = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        milliseconds = int(since.timestamp() * 1000)
        requested = [
            TopicPartitionOffset(topic, number, milliseconds)
            for topic in topics
            for number in (there[topic].partitions if topic in there else ())
        ]
        found = consumer.offsets_for_times(requested, timeout=ANSWER_SECONDS)
        positions = [each for each in found if each.error is None and each.offset >= 0]
        for each in consumer.commit(offsets=positions, asynchronous=False) if positions else ():
            if each.error is not None:
                raise KafkaException(each.error)
    except KafkaException as error:
        raise Unavailable(
            f"The group {group} does not go back; end its consumers first. Kafka says: {error}"
        ) from error
    finally:
        consumer.close()
    return len(positions)


def _record(message: Any) -> Record:
    parsed, flaw = attributes(message.headers() or (), message.key())
    return Record(
        TopicPartition(message.topic(), message.partition()), message.offset(), parsed, message.value() or b"", flaw
    )


def _partition(partition: TopicPartitionOffset) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


def _offsets(offsets: Mapping[TopicPartition, int]) -> list[TopicPartitionOffset]:
    return [_position(place, offset) for place, offset in offsets.items()]


def _position(place: TopicPartition, offset: int = OFFSET_INVALID) -> TopicPartitionOffset:
    return TopicPartitionOffset(place.topic, int(place.partition), offset)
