"""A Kafka broker for tests: Tansu, in memory, which starts quickly and can be killed."""

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from emulators.stack import binaries, readiness
from emulators.stack.ports import HOST, Ports
from emulators.waiting import until


class Broker:
    """A broker whose address survives its restarts."""

    def __init__(self, log: Path) -> None:
        """log: the file of its output."""
        self._ports = Ports(["kafka"], free=True)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"{HOST}:{self._ports.chosen['kafka']}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._ports.release()

    def start(self) -> None:
        """Start it, empty."""
        url = f"tcp://{self.bootstrap}"
        listening = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([str(binaries.tansu()), "broker", *listening], stdout=log, stderr=log)
        until(readiness.port_open(self._ports.chosen["kafka"]), bool)

    def kill(self) -> None:
        """Kill it; its data is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def create_topics(self, *topics: str, partitions: int = 16) -> None:
        """Create topics, and return when clients can see them."""
        admin = self._admin()
        for each in admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics]).values():
            each.result(10)
        until(self.topics, lambda there: set(topics) <= there)

    def remove(self, topic: str) -> None:
        """Delete a topic, and return when it is gone."""
        admin = self._admin()
        for each in admin.delete_topics([topic]).values():
            each.result(10)
        until(self.topics, lambda there: topic not in there)

    def topics(self) -> set[str]:
        """The names of the existing topics."""
        return set(self._admin().list_topics(timeout=10).topics)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap})


class Reader:
    """Reads a topic from its beginning, without a consumer group."""

    def __init__(self, broker: Broker, topic: str, partitions: int = 16) -> None:
        group = f"reader-{secrets.token_hex(6)}"
        self._consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
        self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])

    def read(self, within_seconds: float = 0.2) -> Iterator[Any]:
        """The records since the last call."""
        for message in self._consumer.consume(500, within_seconds):
            error = message.error()
            if error is None:
                yield message
            else:
                assert error.code() in (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART), error

    def close(self) -> None:
        self._consumer.close()


def headers_of(message: Any) -> dict[str, str]:
    """The headers of a record, as text."""
    found: Sequence[tuple[str, bytes]] = message.headers() or ()
    return {name: value.decode() for name, value in found}
