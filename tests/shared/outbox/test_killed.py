"""Relay and consumer are killed while many write: what was committed has its effect, once and in order.

The long one takes its size from KILLED_EVENTS and KILLED_KILLS, 100,000 and 50 by default.
"""

import os
import pickle
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.protobuf.duration_pb2 import Duration
from msgspec.structs import replace

from emulators.stack.stack import Stack
from shared.bus.topics import row_topic, subscription_name, topic_name
from shared.config import Settings
from shared.errors import Unavailable
from shared.outbox.log import EventLog
from shared.postgres.database import Database
from shared.resources import Resources
from tests.kafka import Broker
from tests.shared.outbox.sample_events import AT, ROW, claimed_events, stream

EVENTS = int(os.environ.get("KILLED_EVENTS", "100032"))
KILLS = int(os.environ.get("KILLED_KILLS", "50"))
WRITERS = 64
POOL = 16
STREAMS_EACH = 3
PAUSE_SECONDS = 0.02
ALIVE_SECONDS = {"push": 4.0, "pull": 12.0, "kafka": 12.0}
"""How long the processes are at work on average before one is killed; what a killed consumer had is delivered to the
next one only after ten seconds."""


class RelayAndConsumer:
    """The relay and the consumer: processes that are started again when they were killed."""

    def __init__(
        self, commands: dict[str, list[str]], environment: dict[str, str], log: Path, alive_seconds: float
    ) -> None:
        """alive_seconds: for how long at a time nothing is killed, on average."""
        self.alive_seconds = alive_seconds
        self._commands = commands
        self._environment = environment
        self._log = log
        self._running = {name: self._start(name) for name in commands}
        self.kills = 0

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.shared.outbox.processes", *self._commands[name]]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """Kill one without warning, and start it again."""
        self._running[name].kill()
        self._running[name].wait()
        self._running[name] = self._start(name)
        self.kills += 1

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture
def consumer() -> str:
    """The name of a consumer that no other test has."""
    return stream()


@contextmanager
def running(settings: Settings, stack: Stack, consumer: str, port: int, folder: Path) -> Iterator[RelayAndConsumer]:
    """A relay and a consumer."""
    saved = folder / "settings"
    saved.write_bytes(pickle.dumps(settings))
    commands = {"relay": ["relay", str(saved)], "consumer": ["consumer", str(saved), str(port), consumer]}
    environment = {**os.environ, **stack.environment, "PYTHONPATH": str(Path.cwd())}
    transport = "kafka" if settings.event_bus == "kafka" else settings.event_delivery
    processes = RelayAndConsumer(commands, environment, folder / "log", ALIVE_SECONDS[transport])
    yield processes
    processes.end()
    print((folder / "log").read_text()[-5000:])


@pytest.fixture
def kafka(stack: Stack, own: Settings, broker: Broker, consumer: str, tmp_path: Path) -> Iterator[RelayAndConsumer]:
    """A relay, a topic and a consumer group of this test's own."""
    settings = replace(own, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
    broker.create_topics(topic_name("claim-events", settings.cell))
    with running(settings, stack, consumer, 0, tmp_path) as processes:
        yield processes


@contextmanager
def over_pubsub(delivery: str, stack: Stack, own: Settings, consumer: str, folder: Path) -> Iterator[RelayAndConsumer]:
    """A relay, a topic, a subscription that is pushed or pulled, and a consumer of a test's own."""
    settings = replace(own, project=f"test-{secrets.token_hex(6)}", event_delivery=delivery)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    topic = f"projects/{settings.project}/topics/{topic_name(row_topic('claim-events', ROW), settings.cell)}"
    name = subscription_name(consumer, "claim-events", settings.cell)
    subscription = f"projects/{settings.project}/subscriptions/{name}"
    PublisherClient().create_topic(name=topic, timeout=10)
    request = {
        "name": subscription,
        "topic": topic,
        "enable_message_ordering": True,
        "ack_deadline_seconds": 10,
        "retry_policy": {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)},
        "push_config": {"push_endpoint": f"http://127.0.0.1:{port}/"} if delivery == "push" else {},
    }
    SubscriberClient().create_subscription(request=request, timeout=10)
    with running(settings, stack, consumer, port, folder) as processes:
        yield processes
    SubscriberClient().delete_subscription(subscription=subscription, timeout=10)


@pytest.fixture
def push(
    stack: Stack, own: Settings, resources: Resources, consumer: str, tmp_path: Path
) -> Iterator[RelayAndConsumer]:
    """Pub/Sub that pushes."""
    with over_pubsub("push", stack, own, consumer, tmp_path) as processes:
        yield processes


@pytest.fixture
def pull(
    stack: Stack, own: Settings, resources: Resources, consumer: str, tmp_path: Path
) -> Iterator[RelayAndConsumer]:
    """Pub/Sub that is pulled."""
    with over_pubsub("pull", stack, own, consumer, tmp_path) as processes:
        yield processes


def write(database: Database, count: int) -> dict[str, int]:
    """One writer: commits so many events in its own streams, after a pause in each transaction; how many in each."""
    versions = {stream(): 0 for _ in range(STREAMS_EACH)}
    while sum(versions.values()) < count:
        name = random.choice(list(versions))
        some = min(random.randint(1, 5), count - sum(versions.values()))
        try:
            with database.transaction() as transaction:
                EventLog(transaction, "us", AT).append(
                    name, versions[name], claimed_events(name, versions[name] + 1, some)
                )
                time.sleep(random.uniform(0, PAUSE_SECONDS))
        except Unavailable:  # it waited too long for a connection: nothing was begun
            continue
        versions[name] += some
    return versions


def survives(
    processes: RelayAndConsumer,
    database: Database,
    reader: Database,
    consumer: str,
    events: int,
    kills: int,
    within_seconds: float,
) -> None:
    """Write, kill, and compare what was committed with what came of it."""
    done = threading.Event()

    def kill() -> None:
        while processes.kills < kills or not done.is_set():
            time.sleep(random.uniform(0.5, 1.5) * processes.alive_seconds)
            if processes.kills < kills:
                processes.kill(random.choice(["relay", "consumer"]))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            each = [pool.submit(write, database, events // WRITERS) for _ in range(WRITERS)]
            committed = {name: count for writer in each for name, count in writer.result().items() if count}
    finally:
        done.set()
        killer.join()
    sql = "select stream, version from effects where consumer = :consumer order by position"
    deadline = time.monotonic() + within_seconds
    found: dict[str, list[int]] = {}
    while {name: len(versions) for name, versions in found.items()} != committed:
        assert time.monotonic() < deadline, f"{sum(map(len, found.values()))} effects of {sum(committed.values())}"
        time.sleep(0.5)
        found = defaultdict(list)
        with reader.transaction() as transaction:
            for row in transaction.run(sql, {"consumer": consumer}):
                found[row["stream"]].append(row["version"])
    assert found == {name: list(range(1, count + 1)) for name, count in committed.items()}
    with reader.transaction() as transaction:
        unsent = "select count(*) as n from unsent where stream = any(:names::text[])"
        parked = "select count(*) as n from parked where consumer = :consumer"
        assert transaction.run(parked, {"consumer": consumer})[0]["n"] == 0
        # What a relay that was killed had published but not marked goes out once more.
        while transaction.run(unsent, {"names": list(committed)})[0]["n"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert processes.kills >= kills


@pytest.mark.long
@pytest.mark.parametrize("transport", ["push", "pull"])
def test_what_was_committed_has_its_effect_once(
    transport: str, request: pytest.FixtureRequest, open_database: Callable[..., Database], consumer: str
) -> None:
    """64 writers, and kills of relay and consumer: nothing lost, nothing twice, nothing out of order."""
    processes: RelayAndConsumer = request.getfixturevalue(transport)
    survives(processes, open_database(POOL), open_database(1), consumer, 20 * WRITERS, 3, 120)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("transport", ["push", "pull", "kafka"])
def test_a_hundred_thousand_events_have_their_effects_once(
    transport: str, request: pytest.FixtureRequest, open_database: Callable[..., Database], consumer: str
) -> None:
    """The same with 100,000 events and 50 kills, on every transport."""
    processes: RelayAndConsumer = request.getfixturevalue(transport)
    survives(processes, open_database(POOL), open_database(1), consumer, EVENTS, KILLS, 3000)
