"""A relay and a consumer as processes of their own, so that they can be killed.

python -m tests.shared.outbox.processes relay SETTINGS
python -m tests.shared.outbox.processes consumer SETTINGS PORT NAME     with Kafka, PORT is nobody's
"""

import pickle
import random
import sys
import threading
import time
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.connect import connector
from shared.adapters.kafka_group import Group
from shared.adapters.postgres import Database, Transaction
from shared.adapters.topics import topic_name
from shared.adapters.transport import event_bus
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Unavailable
from shared.outbox.batch import BatchInbox
from shared.outbox.log import EventLog
from shared.outbox.relay import Relay
from shared.registry import Row, load
from shared.resilience.breakers import Breakers
from shared.runtime.consumer import Partitions, consume
from shared.runtime.event import Delivered, decode_push, decoded
from tests.pushes import push_handler
from tests.shared.outbox.facts import AT, TYPE

EFFECT = "insert into effects (consumer, stream, version) values (:consumer, :name, :version)"
SENDER = load().rows["record_claim"]
"""A row that consumes what these tests' facts are."""

FAILING = 0.01
"""How many effects fail at first."""


def relay(settings: Settings) -> None:
    """Publish until killed."""
    database = Database(connector(settings, "claiming"), Breakers().of("database", "claiming", 2))
    Relay("claiming", database, event_bus(settings), SystemClock()).run(threading.Event())


def consumer(settings: Settings, port: int, name: str) -> None:
    """Take what the transport delivers, and look after gaps, until killed."""
    database = Database(connector(settings, "claiming"), Breakers().of("database", "claiming", 4))
    row = Row(service="claiming", name=name, event=[TYPE], replay="fill", scale="background")

    def handle(event: Event[Any], transaction: Transaction) -> None:
        values = {"consumer": name, "name": event.stream, "version": event.version}
        transaction.count(EFFECT, values)
        if random.random() < FAILING:
            raise Unavailable("not now")

    inbox = BatchInbox(row, database, handle, SystemClock())

    def read(event_type: str, stream: str, from_version: int) -> list[StoredEvent]:
        with database.transaction() as transaction:
            return EventLog(transaction, "us", AT).read(stream, from_version)

    def fill() -> None:
        while True:
            time.sleep(0.5)
            inbox.fill_gaps(read)

    threading.Thread(target=fill, daemon=True).start()
    if settings.event_bus == "kafka":
        take(settings, name, inbox)
    else:
        serve(port, inbox)


def take(settings: Settings, name: str, inbox: BatchInbox) -> None:
    """Take from Kafka until killed."""

    class Taking:
        def take(self, delivered: Delivered) -> str:
            return inbox.receive(decoded(delivered, SENDER))

        def take_together(self, delivered: Sequence[Delivered]) -> bool:
            return inbox.receive_together([decoded(each, SENDER) for each in delivered])

    partitions = Partitions(name, Taking())
    consume(
        Group(settings, name, [topic_name("claim-events", settings.region)], partitions), partitions, threading.Event()
    )


def serve(port: int, inbox: BatchInbox) -> None:
    """Take pushes until killed."""
    handler = push_handler(lambda body: inbox.receive(decode_push(body, SENDER)))
    ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


if __name__ == "__main__":
    chosen = pickle.loads(Path(sys.argv[2]).read_bytes())
    if sys.argv[1] == "relay":
        relay(chosen)
    else:
        consumer(chosen, int(sys.argv[3]), sys.argv[4])
