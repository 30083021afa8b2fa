"""Kafka: CloudEvents in the binary mode of their Kafka protocol binding, and how clients reach the cluster.

The record's key is the stream; its partition is computed like Pub/Sub's ordering key and set explicitly, so that no
client's own hash decides.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from shared.bus.topics import dead_letter_attributes, dead_topic, topic_name
from shared.bus.transport import AddressedEvent
from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.registry import load

log = logging.getLogger(__name__)

MESSAGE_SECONDS: Final = 5
"""How long the client retries a message; after that the relay does."""

CEASED_SECONDS: Final = 5
"""How much longer than its messages a batch may take: if the client has not reported every outcome by then, it is
replaced."""

BODY_AT_MOST_BYTES: Final = 800_000
"""The most of a body kept in a dead-letter topic: with its attributes it must fit a broker's limit of one megabyte."""

Headers = list[tuple[str, str | bytes | None]]


def client_config(settings: Settings) -> dict[str, Any]:
    """How a client reaches the cluster: in the cloud Google's managed one, as the process's service account.

    See "Authentication for Managed Service for Apache Kafka": SASL OAUTHBEARER with a token that wraps Google's own.
    """
    common: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "client.id": f"meridian-{settings.region}",
        # A recreated topic is found soon, and topics are never created implicitly.
        "topic.metadata.refresh.interval.ms": 5000,
        "allow.auto.create.topics": False,
    }
    if settings.local:
        return {**common, "security.protocol": "PLAINTEXT"}
    from shared.bus.kafka_tokens import token

    return {**common, "security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER", "oauth_cb": token}


def producer_config(settings: Settings, message_seconds: float = MESSAGE_SECONDS) -> dict[str, Any]:
    """The producer's configuration: acks from all replicas, idempotent, so that retries never duplicate or reorder."""
    return {
        **client_config(settings),
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "message.timeout.ms": int(message_seconds * 1000),
    }


def headers(attributes: Mapping[str, str]) -> Headers:
    """Attributes as headers in the binding's names; key and partition are not headers but the record's own."""
    named = {name.replace("ce-", "ce_", 1) if name.startswith("ce-") else name: attributes[name] for name in attributes}
    return [(name, value.encode()) for name, value in named.items() if name not in ("key", "partition")]


def attributes(received: Iterable[tuple[str, Any]], key: bytes | None) -> tuple[dict[str, str], str]:
    """The attributes of a record, and what is wrong with them, if anything."""
    raw = {("ce-" + name[3:] if name.startswith("ce_") else name): value or b"" for name, value in received}
    raw["key"] = key or b""
    try:
        return {name: value.decode() for name, value in raw.items()}, ""
    except UnicodeDecodeError:
        return {name: value.decode(errors="replace") for name, value in raw.items()}, "a header is not UTF-8"


class KafkaBus:
    """Publishes events with their stream as the key."""

    def __init__(self, settings: Settings, message_seconds: float = MESSAGE_SECONDS) -> None:
        """message_seconds: how long the client retries a message."""
        self._settings = settings
        self._sender = _Sender(producer_config(settings, message_seconds), message_seconds + CEASED_SECONDS)

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """Publish in this order per partition. A failure leaves the rest of its partition unpublished, and is logged.

        An event with an unknown outcome counts as unpublished, and so do those after it in its partition, even if
        they were sent: they are sent again, and consumers deduplicate them by version.
        """
        unsendable: set[str] = set()
        outcomes: dict[int, KafkaError | None] = {}
        with self._sender as sender:
            for number, each in enumerate(events):
                event = each.event
                try:
                    if event.stream in unsendable:
                        raise LookupError("what comes before it cannot be published")
                    topic = self._topic(event)
                    if not each.to:
                        outcomes[number] = None
                        continue
                    sender.send(
                        partial(outcomes.__setitem__, number),
                        topic=topic,
                        key=event.stream.encode(),
                        value=event.body(),
                        partition=event.partition(),
                        headers=headers(each.attributes(*each.to)),
                    )
                except (LookupError, KafkaException) as error:  # a type unknown to this release, or far too large
                    log.warning("%s version %d cannot be published: %r", event.stream, event.version, error)
                    unsendable.add(event.stream)
        return self._in_order([each.event for each in events], outcomes, unsendable)

    def _in_order(
        self, events: Sequence[StoredEvent], outcomes: Mapping[int, KafkaError | None], unsendable: set[str]
    ) -> list[bool]:
        broken: set[tuple[str, int]] = set()
        done = []
        for number, event in enumerate(events):
            published = number in outcomes and outcomes[number] is None
            if event.stream not in unsendable:
                partition = (self._topic(event), event.partition())
                if not published:
                    log.warning(
                        "%s version %d was not published: %s", event.stream, event.version, outcomes.get(number)
                    )
                    broken.add(partition)
                published = partition not in broken
            done.append(published)
        return done

    def _topic(self, event: StoredEvent) -> str:
        return topic_name(load().topic_of(event.type), self._settings.cell)


class KafkaDeadTopics:
    """The dead-letter topics on Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = _Sender(producer_config(settings), MESSAGE_SECONDS + CEASED_SECONDS)

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str], consumer: str, reason: str) -> None:
        """Store a message with its attributes, the consumer, and the reason. Raises Unavailable if that fails."""
        outcome: list[KafkaError | None] = []
        described = headers(dead_letter_attributes(attributes, consumer, reason))
        name = topic_name(dead_topic(topic), self._settings.cell)
        try:
            with self._sender as sender:
                sender.send(outcome.append, topic=name, value=body[:BODY_AT_MOST_BYTES], headers=described)
        except KafkaException as error:
            outcome.append(error.args[0])
        if outcome[:1] != [None]:
            log.warning("a message that %s cannot decode was not stored: %s", consumer, outcome)
            raise Unavailable("The dead-letter topic is not available.")


class _Sender:
    """A producer, created on first use, and replaced after a failure.

    A broker that has forgotten the producer's id, or a message without an outcome, may break an idempotent producer for
    good. Its unpublished messages were reported to the caller as failed.
    """

    def __init__(self, configuration: Mapping[str, Any], within_seconds: float) -> None:
        # Without an error callback, the client raises fatal errors from whichever call is active.
        self._configuration = {**configuration, "error_cb": self._note}
        self._within_seconds = within_seconds
        self._producer: Producer | None = None
        self._failure: KafkaError | None = None

    def send(self, report: Any, **record: Any) -> None:
        """Enqueue a record; `report` is called with its error or None, at the latest at the end of the block.

        Raises KafkaException for a record that cannot be sent.
        """

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            self._failure = self._failure or error
            report(error)

        try:
            self._made().produce(on_delivery=on_delivery, **record)
        except BufferError:
            log.warning("the queue of the client is full: %s waits", record.get("key"))
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self._give_up(error)

    def __enter__(self) -> "_Sender":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the outcome of all messages."""
        if self._producer is None:
            return
        left = self._producer.flush(self._within_seconds)
        if left or self._failure:
            self._give_up(self._failure or f"{left} messages have no end")

    def _made(self) -> Producer:
        if self._producer is None:
            self._producer, self._failure = Producer(self._configuration), None
        return self._producer

    def _note(self, error: KafkaError) -> None:
        log.warning("Kafka: %s", error)
        if error.fatal():
            self._failure = error

    def _give_up(self, why: object) -> None:
        log.warning("the Kafka producer is replaced: %s", why)
        if self._producer is not None:
            self._producer.purge()
        self._producer = None
