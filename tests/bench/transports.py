"""Events per second from commit to effect, by Kafka and by Pub/Sub's pushes."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from shared.bus.kafka import KafkaBus
from shared.bus.kafka_group import Group
from shared.bus.pubsub import PubSubBus
from shared.bus.topics import row_topic, topic_name
from shared.bus.transport import EventBus
from shared.clock import SystemClock
from shared.config import Settings
from shared.contracts.events import Event
from shared.outbox.batch import BatchInbox
from shared.outbox.relay import Relay
from shared.postgres.database import Database, Transaction
from shared.registry import Row
from shared.runtime.consumer import Partitions, consume
from shared.runtime.receiver import DeliveredMessage, decode_message
from tests.bench.comparison import Comparison, compared
from tests.bench.relay import ROW, SERVICE, TOPIC, Claimed, append, endpoint, outbox, subscribe
from tests.kafka import Broker

BY_KAFKA: Final = 5000
BY_PUSH: Final = 500
PATIENCE_SECONDS: Final = 60


def kafka_beside_push() -> Comparison:
    """From the commit of a backlog to its last effect, with the same relay, inbox and handler on both."""
    with outbox() as (settings, database), _broker(settings) as own, endpoint(database) as (port, came):
        subscribe(settings, row_topic(TOPIC, ROW.name), f"http://127.0.0.1:{port}/{TOPIC}")
        with _group(own, database) as taken:
            ours = _rate(database, KafkaBus(own), BY_KAFKA, taken)
            other = _rate(database, PubSubBus(settings), BY_PUSH, came)
            return compared("kafka_beside_push", ours, "by push", other)


def _rate(database: Database, bus: EventBus, count: int, came: threading.Semaphore) -> Callable[[], float]:
    relay = Relay(SERVICE, database, bus)
    relay.lead(database.dedicated())

    def rate() -> float:
        append(database, count)
        began = time.perf_counter()
        relaying = threading.Thread(target=lambda: [None for _ in iter(relay.drain, False)])
        relaying.start()
        for _ in range(count):
            if not came.acquire(timeout=PATIENCE_SECONDS):
                raise TimeoutError("an event did not come")
        took = time.perf_counter() - began
        relaying.join()
        return count / took

    return rate


@contextmanager
def _broker(settings: Settings) -> Iterator[Settings]:
    """A broker, and the settings to connect to it."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "log") as broker:
        broker.create_topics(topic_name(TOPIC, settings.cell))
        yield replace(settings, event_bus="kafka", kafka_bootstrap=broker.bootstrap)


@contextmanager
def _group(settings: Settings, database: Database) -> Iterator[threading.Semaphore]:
    """A consumer with its inbox in a group; the semaphore is released for every effect."""
    came, stop = threading.Semaphore(0), threading.Event()

    def handle(event: Event[Any], transaction: Transaction) -> None:
        came.release()

    row = Row(service=SERVICE, name="bench_kafka", event=[Claimed.type], replay="fill", scale="event")
    inbox = BatchInbox(row, database, handle, SystemClock())

    class Taking:
        def receive_each(self, delivered: Sequence[DeliveredMessage], _: Callable[[], bool]) -> Sequence[str]:
            return [inbox.receive(decode_message(each, ROW)) for each in delivered]

        def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[str] | None:
            return inbox.receive_batch([decode_message(each, ROW) for each in delivered])

    def run() -> None:
        partitions = Partitions(row.name, Taking())
        group = Group(settings, row.name, [topic_name(TOPIC, settings.cell)], partitions)
        consume(group, partitions, stop)
        group.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield came
    stop.set()
    thread.join()
