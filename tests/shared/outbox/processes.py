"""A relay and a consumer as separate processes that can be killed.

python -m tests.shared.outbox.processes relay SETTINGS
python -m tests.shared.outbox.processes consumer SETTINGS PORT NAME     PORT is for pushes alone
"""

import pickle
import random
import sys
import threading
import time
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from shared.bus.transport import event_bus, record_sources
from shared.clock import SystemClock
from shared.config import Settings
from shared.contracts.events import Event
from shared.errors import Unavailable
from shared.outbox.batch import BatchInbox
from shared.outbox.log import EventLog, StreamPart
from shared.outbox.relay import Relay
from shared.postgres.connect import connector
from shared.postgres.database import Database, Transaction
from shared.registry import Row, load
from shared.resilience.breakers import Breakers
from shared.runtime import receiver as receiving
from shared.runtime.consumer import Partitions, consume
from shared.runtime.event import parse_push
from shared.runtime.receiver import MessageReceiver
from tests.push_endpoint import push_handler
from tests.shared.outbox.sample_events import AT, TYPE

EFFECT = "insert into effects (consumer, stream, version) values (:consumer, :name, :version)"
SENDER = load().rows["record_claim"]
"""A row that consumes the type of these tests' events."""

FAILING = 0.01
"""The share of effects that fail at first."""


def relay(settings: Settings) -> None:
    """Publish until killed."""
    database = Database(connector(settings, "claiming"), Breakers().of("database", "claiming", 2))
    Relay("claiming", database, event_bus(settings)).run(threading.Event())


def consumer(settings: Settings, port: int, name: str) -> None:
    """Consume what the transport delivers, and fill gaps, until killed."""
    database = Database(connector(settings, "claiming"), Breakers().of("database", "claiming", 4))
    row = Row(service="claiming", name=name, event=[TYPE], replay="fill", scale="event")

    def handle(event: Event[Any], transaction: Transaction) -> None:
        values = {"consumer": name, "name": event.stream, "version": event.version}
        transaction.count(EFFECT, values)
        if random.random() < FAILING:
            raise Unavailable("not now")

    inbox = BatchInbox(row, database, handle, SystemClock())

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        with database.transaction() as transaction:
            return EventLog(transaction, "us", AT).read_types(stream, from_version, types)

    def fill() -> None:
        while True:
            time.sleep(0.5)
            inbox.fill_gaps(read)

    threading.Thread(target=fill, daemon=True).start()
    bound: Any = SimpleNamespace(row=SENDER)
    with patch.object(receiving, "inbox", lambda *_: inbox):
        receiver = MessageReceiver(bound, settings, SystemClock())
    if settings.event_bus == "kafka" or settings.event_delivery == "pull":
        partitions = Partitions(name, receiver)
        consume(record_sources(settings)(name, ["claim-events"], partitions), partitions, threading.Event())
    else:
        handler = push_handler(lambda body: receiver.receive(parse_push(body)))
        ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


if __name__ == "__main__":
    chosen = pickle.loads(Path(sys.argv[2]).read_bytes())
    if sys.argv[1] == "relay":
        relay(chosen)
    else:
        consumer(chosen, int(sys.argv[3]), sys.argv[4])
