"""Throughput of the relay, and latency from commit to handler."""

import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions
from google.protobuf.duration_pb2 import Duration
from msgspec.structs import replace

from emulators.stack.stack import Stack
from shared import ids
from shared.bus.pubsub import PubSubBus
from shared.bus.topics import row_topic, topic_name
from shared.clock import SystemClock
from shared.config import Settings, read
from shared.contracts.events import Event, StoredEvent
from shared.outbox.addressing import LOOK_BACK, addressed
from shared.outbox.inbox import Inbox
from shared.outbox.log import SQL, EventLog
from shared.outbox.relay import Relay
from shared.postgres.connect import connector
from shared.postgres.database import Database, Transaction
from shared.registry import Row, load
from shared.resilience.breakers import Breakers
from shared.runtime.event import parse_push
from shared.runtime.receiver import decode_message
from tests.bench.comparison import Comparison, compared
from tests.serving import serve

SERVICE: Final = "claiming"
ROW: Final = load().rows["record_claim"]
TOPIC: Final = "claim-events"
BACKLOG: Final = 4000
BACKLOG_ROW_AT_A_TIME: Final = 200
SAMPLES: Final = 15
PATIENCE_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """A fact."""

    type: ClassVar[str] = "claim.claimed"
    claim_id: str
    order_id: str
    user_id: str = "usr_us_1"


@contextmanager
def outbox() -> Iterator[tuple[Settings, Database]]:
    """A stack's event log whose relay is stopped, and an emulator project of its own."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), free_ports=True) as stack:
        stack.stop(f"relay-{SERVICE}-{stack.layout.regions[0]}")
        os.environ["PUBSUB_EMULATOR_HOST"] = stack.environment["PUBSUB_EMULATOR_HOST"]
        settings = replace(read(stack.environment), project="bench")
        database = Database(connector(settings, SERVICE), Breakers().of("database", SERVICE, 4))
        for topic in (row_topic(TOPIC, ROW.name), "bare"):
            PublisherClient().create_topic(name=_topic(settings, topic), timeout=10)
        yield settings, database
        database.close()


def relay() -> Comparison:
    """Draining a backlog in batches, beside a relay that reads, publishes and marks one row at a time."""
    with outbox() as (settings, database):
        bus = PubSubBus(settings)
        draining = Relay(SERVICE, database, bus)
        draining.lead(database.dedicated())

        def ours() -> float:
            append(database, BACKLOG)
            began = time.perf_counter()
            while draining.drain():
                pass
            draining.settle()
            return BACKLOG / (time.perf_counter() - began)

        def other() -> float:
            append(database, BACKLOG_ROW_AT_A_TIME)
            began = time.perf_counter()
            while _row_at_a_time(database, bus):
                pass
            return BACKLOG_ROW_AT_A_TIME / (time.perf_counter() - began)

        return compared("relay", ours, "row at a time", other)


def commit_to_handler() -> Comparison:
    """Latency from commit to handler, beside the emulator's own from publish to push; 1 / median."""
    with outbox() as (settings, database), endpoint(database) as (port, came):
        for topic, path in ((row_topic(TOPIC, ROW.name), TOPIC), ("bare", "bare")):
            subscribe(settings, topic, f"http://127.0.0.1:{port}/{path}")
        stop = threading.Event()
        relaying = threading.Thread(target=Relay(SERVICE, database, PubSubBus(settings)).run, args=(stop,), daemon=True)
        relaying.start()
        publisher = PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
        bare = _topic(settings, "bare")

        def publish() -> None:
            publisher.publish(bare, b"{}", ordering_key="1").result(PATIENCE_SECONDS)

        ours = partial(_soon, came, partial(append, database, 1))
        other = partial(_soon, came, publish)
        try:
            return compared("commit_to_handler", ours, "publish to push", other)
        finally:
            stop.set()


def _soon(came: threading.Semaphore, send: Any) -> float:
    """1 / the median latency from the start of a send, or the end of a commit, to the arrival."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        sent = send()
        began = sent or began
        if not came.acquire(timeout=PATIENCE_SECONDS):
            raise TimeoutError("nothing came")
        took.append(time.perf_counter() - began)
    return 1 / statistics.median(took)


def append(database: Database, count: int) -> float:
    """Commit one event in each of `count` streams; returns the time of the commit."""
    names = [ids.new("clm", "us") for _ in range(count)]
    with database.transaction() as transaction:
        log = EventLog(transaction, "us", SystemClock().now())
        log.append_all([(name, 1, Claimed(name, name)) for name in names])
    return time.perf_counter()


def _row_at_a_time(database: Database, bus: PubSubBus) -> bool:
    with database.transaction() as transaction:
        rows = SQL.read_unsent(transaction, sent=[], beyond=0, look_back=LOOK_BACK, held=[], most=1)
        for row in rows:
            position, before, _ = row.pop("position"), row.pop("before"), row.pop("gated")
            bus.publish([addressed(StoredEvent(**row), before, load())])
            SQL.delete_sent(transaction, positions=[position])
    return bool(rows)


@contextmanager
def endpoint(database: Database) -> Iterator[tuple[int, threading.Semaphore]]:
    """The push endpoint: a consumer with its inbox, and a path that only responds; both release the semaphore."""
    came = threading.Semaphore(0)

    def handle(event: Event[Any], transaction: Transaction) -> None:
        came.release()

    row = Row(service=SERVICE, name="bench", event=[Claimed.type], replay="fill", scale="event")
    inbox = Inbox(row, database, handle, SystemClock())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == f"/{TOPIC}":
                for each in parse_push(body):
                    inbox.receive(decode_message(each, ROW))
            else:
                came.release()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    serve(server)
    yield port, came
    server.shutdown()


def subscribe(settings: Settings, topic: str, endpoint: str) -> None:
    request = {
        "name": f"projects/{settings.project}/subscriptions/{topic}-bench",
        "topic": _topic(settings, topic),
        "enable_message_ordering": True,
        "retry_policy": {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)},
        "push_config": {"push_endpoint": endpoint},
    }
    SubscriberClient().create_subscription(request=request, timeout=10)


def _topic(settings: Settings, topic: str) -> str:
    return f"projects/{settings.project}/topics/{topic_name(topic, settings.cell)}"
