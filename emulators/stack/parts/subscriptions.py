"""Maintains the topics and subscriptions of a cell in the Pub/Sub emulator, from the registry.

    python -m emulators.stack.parts.subscriptions

Subscriptions push to the events host or, with EVENT_DELIVERY=pull, are pulled by consumers. What a row receives of
other cells comes by subscriptions of this cell to their topics, and is pushed through the links out of their regions: a
cut holds it back, though the emulator is shared. A pull goes by no link.

The emulator keeps all in memory and loses it when it restarts: this process checks, and recreates it. There are no
dead-letter policies (they would count every message's attempts); a handler itself publishes what it cannot decode to
the topic's dead-letter topic.
"""

import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound, RetryError
from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration

from emulators.stack import readiness, secrets
from emulators.stack.environment import PUSH
from emulators.stack.regions import troubles
from shared.bus.topics import dead_topic, row_topic, subscription_name, topic_name
from shared.config import read
from shared.registry import Row, load

log = logging.getLogger(__name__)

ACK_DEADLINE_SECONDS: Final = 30
RETRY: Final = {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=10)}

NOWHERE: Final[Mapping[str, str]] = {}

CALL_SECONDS: Final = 5.0
STARTUP_POLL_SECONDS: Final = 0.1
"""Between two checks whether the emulator responds."""

POLL_SECONDS: Final = 2.0
"""Between two checks whether the topics still exist."""

CREATED: Final = "topics and subscriptions of %s are made"


class Subscriptions:
    """The topics and subscriptions of one cell: topics of what it publishes, and subscriptions to what it receives."""

    def __init__(
        self,
        cell: str,
        project: str,
        events_address: str,
        push_token: str,
        delivery: str = PUSH,
        elsewhere: Mapping[str, str] = NOWHERE,
    ) -> None:
        """
        events_address: host:port of the events host, which receives the pushes.
        push_token: authenticates pushes, since the emulator sends no Authorization header.
        delivery: push or pull.
        elsewhere: the other cells, each with the host:port by which its events reach the events host.
        """
        self._cell = cell
        self._others = list(elsewhere)
        self._project = project
        self._reached = {cell: events_address, **elsewhere}
        self._query = urlencode({"token": push_token})
        self._delivery = delivery
        self._publisher = pubsub_v1.PublisherClient()
        self._subscriber = pubsub_v1.SubscriberClient()

    def exist(self) -> bool:
        """Whether all exist: the last topic's dead-letter topic is created last."""
        try:
            last = self._path(dead_topic(list(load().topics)[-1]), self._cell)
            self._publisher.get_topic(topic=last, timeout=CALL_SECONDS)
        except NotFound:
            return False
        return True

    def create(self) -> None:
        """Create what is missing, and have all be delivered as they should.

        Raises GoogleAPICallError when the emulator refuses something.
        """
        registry = load()
        handled = [(row, topic) for row in registry.event_rows() for topic in registry.topics_of(row)]
        flows = [(row, topic, cell) for row, topic in handled for cell in row.sources(self._cell, self._others)]
        # What the relays here publish, and what is received: other cells' topics may not be made yet.
        published = [(row_topic(topic, row.name), self._cell, receiver) for row, topic, receiver in flows]
        received = [(row_topic(topic, row.name), source, self._cell) for row, topic, source in flows]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: self._create_topic(*each), dict.fromkeys([*published, *received])))
            list(pool.map(lambda each: self._create_subscription(*each), flows))
        for topic in registry.topics:
            self._create_topic(dead_topic(topic), self._cell)

    def _path(self, topic: str, cell: str, receiver: str | None = None) -> str:
        return str(self._publisher.topic_path(self._project, topic_name(topic, cell, receiver)))

    def _create_topic(self, topic: str, cell: str, receiver: str | None = None) -> None:
        try:
            self._publisher.create_topic(name=self._path(topic, cell, receiver), timeout=CALL_SECONDS)
        except AlreadyExists:
            log.info("%s exists already", topic)

    def _create_subscription(self, row: Row, topic: str, cell: str) -> None:
        name = subscription_name(row.name, topic, self._cell, cell)
        path = self._subscriber.subscription_path(self._project, name)
        # Without an endpoint a subscription is pulled.
        pushed = {"push_endpoint": f"http://{self._reached[cell]}/_events/{row.name}?{self._query}"}
        push_config = pushed if self._delivery == PUSH else {}
        request = {
            "name": path,
            "topic": self._path(row_topic(topic, row.name), cell, self._cell),
            "enable_message_ordering": True,
            "ack_deadline_seconds": ACK_DEADLINE_SECONDS,
            "retry_policy": RETRY,
            "push_config": push_config,
        }
        try:
            self._subscriber.create_subscription(request=request, timeout=CALL_SECONDS)
        except AlreadyExists:
            self._subscriber.modify_push_config(subscription=path, push_config=push_config, timeout=CALL_SECONDS)
            log.info("%s exists already, and is delivered by %s", name, self._delivery)


def addresses_of_others(given: Mapping[str, str], moved: Mapping[str, str]) -> dict[str, str]:
    """By which address the events of each other cell come from the region that serves it.

    given: addresses by cell, and by `<cell>@<region>` for where it is not at home. moved: the regions of such cells.
    """
    at_home = {cell: address for cell, address in given.items() if "@" not in cell}
    return {cell: given[f"{cell}@{moved[cell]}"] if cell in moved else at_home[cell] for cell in at_home}


def main() -> None:
    """Run until the process is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = read(os.environ)
    token = secrets.read(settings.secrets_dir, "push_token")
    given = dict(pair.split("=", 1) for pair in os.environ["EVENTS_ADDRESSES"].split(",") if pair)
    state = Path(os.environ["MERIDIAN_STACK"])
    own = (settings.cell, settings.project, os.environ["EVENTS_ADDRESS"], token, settings.event_delivery)
    elsewhere: dict[str, str] | None = None
    current = False
    responds = readiness.http_ok(int(os.environ["PUBSUB_EMULATOR_HOST"].rpartition(":")[2]), "/")
    while True:
        while not responds():
            time.sleep(STARTUP_POLL_SECONDS)
        # Where other cells are served, and so by which links their events come, changes with a promotion.
        if elsewhere != (now := addresses_of_others(given, troubles.load(state).moved)):
            elsewhere, current = now, False
            subscriptions = Subscriptions(*own, elsewhere)
        try:
            # At first also what exists is looked at: it may be from a process that had it delivered otherwise.
            if not current or not subscriptions.exist():
                subscriptions.create()
                current = True
                log.info(CREATED, settings.cell)
        except (GoogleAPICallError, RetryError) as error:
            log.warning("the emulator refused a request, which is retried: %s", error)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
