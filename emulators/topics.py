"""Keeps the topics of a region in the Kafka broker, from the registry.

    python -m emulators.topics <region>

The broker holds them in memory, so that one that was started again has none: this process looks, and makes them.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shared.adapters.topics import dead, topic_name
from shared.registry import load

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 5.0

LOOK_SECONDS: Final = 2.0
"""Between two looks whether the topics are still there."""

MADE: Final = "topics of %s are made"


class Topics:
    """The topics of one region, with as many partitions as the registry says."""

    def __init__(self, region: str, bootstrap: str) -> None:
        """bootstrap: host:port of a broker."""
        self._region = region
        self._admin = AdminClient({"bootstrap.servers": bootstrap})

    def missing(self) -> list[NewTopic]:
        """Those that are not there. Raises KafkaException."""
        there = self._admin.list_topics(timeout=CALL_SECONDS).topics
        return [topic for topic in self._wanted() if topic.topic not in there]

    def make(self, topics: list[NewTopic]) -> None:
        """Make some. Raises KafkaException when the broker refuses one that is not there."""
        for made in self._admin.create_topics(topics, operation_timeout=CALL_SECONDS).values():
            try:
                made.result(CALL_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def _wanted(self) -> Iterator[NewTopic]:
        for name, topic in load().topics.items():
            yield NewTopic(topic_name(name, self._region), topic.partitions, 1)
            yield NewTopic(topic_name(dead(name), self._region), 1, 1)


def main(region: str) -> None:
    """Run until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    topics = Topics(region, os.environ["KAFKA_BOOTSTRAP"])
    said = False
    while True:
        try:
            missing = topics.missing()
            if missing:
                topics.make(missing)
            if missing or not said:
                log.info(MADE, region)
                said = True
        except (KafkaException, TimeoutError) as error:
            log.warning("the broker does not do what is asked; it is asked again: %s", error)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
