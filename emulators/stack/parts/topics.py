"""Maintains the topics of a cell in the Kafka broker, from the registry.

    python -m emulators.stack.parts.topics

The broker keeps them in memory and loses them when it restarts: this process checks, and recreates them.
"""

import logging
import os
import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shared.bus.topics import dead_topic, topic_name
from shared.config import read
from shared.registry import load

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 5.0

POLL_SECONDS: Final = 2.0
"""Between two checks whether the topics still exist."""

CREATED: Final = "topics of %s are made"


class Topics:
    """The topics of one cell, with the registry's numbers of partitions."""

    def __init__(self, cell: str, bootstrap: str) -> None:
        """bootstrap: host:port of a broker."""
        self._cell = cell
        self._admin = AdminClient({"bootstrap.servers": bootstrap})

    def missing(self) -> list[NewTopic]:
        """Those that do not exist. Raises KafkaException."""
        existing = self._admin.list_topics(timeout=CALL_SECONDS).topics
        return [topic for topic in self._expected() if topic.topic not in existing]

    def create(self, topics: list[NewTopic]) -> None:
        """Create some. Raises KafkaException when the broker refuses one, unless it exists already."""
        for created in self._admin.create_topics(topics, operation_timeout=CALL_SECONDS).values():
            try:
                created.result(CALL_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def _expected(self) -> Iterator[NewTopic]:
        for name, topic in load().topics.items():
            yield NewTopic(topic_name(name, self._cell), topic.partitions, 1)
            yield NewTopic(topic_name(dead_topic(name), self._cell), 1, 1)


def main() -> None:
    """Run until the process is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = read(os.environ)
    topics = Topics(settings.cell, settings.kafka_bootstrap)
    reported = False
    while True:
        try:
            missing = topics.missing()
            if missing:
                topics.create(missing)
            if missing or not reported:
                log.info(CREATED, settings.cell)
                reported = True
        except (KafkaException, TimeoutError) as error:
            log.warning("the broker refused a request, which is retried: %s", error)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
