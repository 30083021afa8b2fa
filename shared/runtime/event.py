"""Passes delivered messages to an event operation through its inbox, and answers Pub/Sub's pushes.

A message that cannot be decoded is stored in the topic's dead-letter topic and acknowledged; if its attributes say
which event it should have been, that event is fetched from its source. A push is acknowledged by 200; any other
status has the message redelivered.
"""

import base64
import contextvars
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import flask
import msgspec

from shared.bus.batches import unpack
from shared.bus.transport import DeadTopics, dead_topics
from shared.clock import Clock
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.decoding import ready
from shared.errors import Malformed
from shared.outbox.batch import BATCH_SIZE, BatchInbox
from shared.outbox.effects import UndecodableEvent
from shared.outbox.inbox import ReceiveOutcome
from shared.postgres.database import Transaction
from shared.registry import Row, load
from shared.resilience.deadline import within
from shared.resilience.group_commit import GroupCommit
from shared.runtime.binding import BoundOperation
from shared.runtime.internal import InternalAuth
from shared.runtime.responses.respond import respond
from shared.runtime.routes import check_method
from shared.telemetry.context import bind
from shared.telemetry.metrics import HANDLED, RECEIVED

log = logging.getLogger(__name__)


Outcome = ReceiveOutcome | Literal["dead"]
"""What became of a message: applied, known, parked, foreign or, if it cannot be decoded, dead."""


class PubSubMessage(msgspec.Struct):
    """A Pub/Sub message: CloudEvents attributes, and the data in base64."""

    attributes: dict[str, str] = {}
    data: str = ""

    def body(self) -> bytes:
        """The decoded data. Raises ValueError if it is not base64."""
        return base64.b64decode(self.data, validate=True)


class _PushRequest(msgspec.Struct):
    message: PubSubMessage


class DeliveredMessage(msgspec.Struct, frozen=True):
    """A message as a transport delivered it; `flaw` says what is wrong with its envelope, if anything."""

    attributes: Mapping[str, str]
    body: bytes
    flaw: str = ""


class MessageReceiver:
    """Receives the messages of one consumer, whatever transport delivers them."""

    def __init__(self, bound: BoundOperation, settings: Settings, clock: Clock) -> None:
        self._row = bound.row
        self._settings = settings
        self._inbox = inbox(bound, clock, settings.cell)
        self._clock = clock

    def receive(self, delivered: Sequence[DeliveredMessage]) -> Sequence[Outcome]:
        """Receive messages that came as one: in one transaction if that is possible, otherwise each in its own.

        Raises what the first one fails with, when the others are received: then all are delivered again. What comes
        after a failed event in its stream is left to that.
        """
        if len(delivered) > 1 and (together := self.receive_batch(delivered)) is not None:
            return together
        outcomes: list[Outcome] = []
        failed: dict[str, Exception] = {}
        for each in delivered:
            stream = each.attributes.get("ce-subject", "")
            if stream in failed:
                continue
            try:
                outcomes.append(self.take(each))
            except Exception as error:  # noqa: BLE001 - raised below
                failed[stream] = error
        if failed:
            raise next(iter(failed.values()))
        return outcomes

    def take(self, delivered: DeliveredMessage) -> Outcome:
        """Receive one message. Any exception has it redelivered: what the effect raises, or Unavailable."""
        try:
            outcome = self._take(delivered)
        except Exception:
            RECEIVED.labels(self._row.name, "failed").inc()
            raise
        self._count([delivered], [outcome])
        return outcome

    def _take(self, delivered: DeliveredMessage) -> Outcome:
        if self._foreign(delivered):
            return "foreign"
        try:
            event = decode_message(delivered, self._row)
        except Malformed as error:
            return self._send_to_dead_topic(delivered, error)
        try:
            return self._inbox.receive(event)
        except UndecodableEvent as error:
            return self._send_to_dead_topic(delivered, error)

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[Outcome] | None:
        """Receive messages in one transaction, and say what became of each.

        None if nothing was done, so that each has to be received by itself.
        """
        outcomes = self._receive_batch(delivered)
        if outcomes is not None:
            self._count(delivered, outcomes)
        return outcomes

    def _count(self, delivered: Sequence[DeliveredMessage], outcomes: Sequence[Outcome]) -> None:
        """Count what became of messages and, of what was applied, how long after its event that was."""
        now, handled = self._clock.now(), HANDLED.labels(self._row.name)
        for each, outcome in zip(delivered, outcomes, strict=True):
            RECEIVED.labels(self._row.name, outcome).inc()
            if outcome == "applied":
                recorded = datetime.fromisoformat(each.attributes["ce-time"])
                handled.observe(max(0.0, (now - recorded).total_seconds()))

    def _receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[Outcome] | None:
        concerning = [each for each in delivered if not self._foreign(each)]
        try:
            events = [decode_message(each, self._row) for each in concerning]
        except Malformed:
            return None
        outcomes = self._inbox.receive_batch(events)
        if outcomes is None or len(concerning) == len(delivered):
            return outcomes
        left = iter(outcomes)
        return ["foreign" if self._foreign(each) else next(left) for each in delivered]

    def _foreign(self, delivered: DeliveredMessage) -> bool:
        """Whether it is of a type of the consumer's topics that it does not handle, as on Kafka most are."""
        event_type = delivered.attributes.get("ce-type", "")
        return event_type not in (self._row.event or ()) and event_type in self._carried

    @cached_property
    def _carried(self) -> frozenset[str]:
        """The types of the consumer's topics."""
        return frozenset(each for topic in load().topics_of(self._row) for each in load().topics[topic].types)

    def _send_to_dead_topic(self, delivered: DeliveredMessage, error: Malformed) -> Literal["dead"]:
        """Dead-letter an undecodable message; have its event read from its source. Raises Unavailable if not stored."""
        log.error("%s cannot decode a message: %s", self._row.name, error.detail)
        topic, event = _meant(delivered.attributes, self._row)
        self._dead_topics.publish(topic, delivered.body, delivered.attributes, self._row.name, error.detail)
        if event is not None:
            self._inbox.note_gap(event)
        return "dead"

    @cached_property
    def _dead_topics(self) -> DeadTopics:
        return dead_topics(self._settings)


class EventOperation:
    """An event operation as a function of the functions framework.

    Pushes that wait at the same time are received in one transaction, as a transport's batches are.
    """

    def __init__(self, bound: BoundOperation, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._name = bound.row.name
        self._reception = MessageReceiver(bound, settings, clock)
        self._seconds = load().seconds_of(bound.row)
        self._internal_auth = InternalAuth(settings)
        # One batch at a time: a row's effects wait for the same locks (a hot supply's stock).
        self._pushes: GroupCommit[Sequence[DeliveredMessage], Sequence[Outcome]] = GroupCommit(
            self._together, BATCH_SIZE, runners=1
        )

    def __call__(self, request: flask.Request) -> flask.Response:
        """Receive one push."""
        return respond(request, self._settings, self._serve, self._name, "event")

    def _serve(self, request: flask.Request) -> flask.Response:
        check_method(request.method, ("POST",))
        self._internal_auth.check(request, request.args.get("token", ""))
        delivered = parse_push(request.get_data())
        if len(delivered) == 1:
            bind(delivered[0].attributes.get("ce-requestid"), delivered[0].attributes.get("ce-traceparent"))
        with within(self._seconds):
            # In a context of its own: whoever leads a batch binds one trace context after the other.
            received = contextvars.copy_context().run(self._pushes.run, delivered)
        return flask.jsonify(received=received)

    def _together(self, pushes: Sequence[Sequence[DeliveredMessage]]) -> Sequence[Sequence[Outcome]]:
        if len(pushes) == 1:
            return [self._reception.receive(pushes[0])]
        outcomes: list[Outcome] = []
        delivered = [each for push in pushes for each in push]
        for first in range(0, len(delivered), BATCH_SIZE):
            received = self._reception.receive_batch(delivered[first : first + BATCH_SIZE])
            if received is None:
                raise _Separately
            outcomes += received
        left = iter(outcomes)
        return [[next(left) for _ in push] for push in pushes]


class _Separately(Exception):
    """Pushes cannot be received together: GroupCommit then has each of them received by itself."""


def inbox(bound: BoundOperation, clock: Clock, cell: str) -> BatchInbox:
    """The inbox of an event operation in a cell, whichever transport feeds it."""

    def handle(event: Event[Any], transaction: Transaction) -> None:
        bound.call(transaction, event=event)

    def handle_all(events: Sequence[Event[Any]], transaction: Transaction) -> None:
        bound.call(transaction, events=events)

    at_once = handle_all if "events" in bound.parameters else None
    return BatchInbox(bound.row, bound.database(), handle, clock, cell, at_once)


def parse_push(body: bytes) -> list[DeliveredMessage]:
    """Parse a push request's body: its message, or those of which it is a batch."""
    try:
        message = msgspec.json.decode(body, type=ready(_PushRequest)).message
    except (msgspec.MsgspecError, ValueError) as error:
        return [DeliveredMessage({}, body, f"not a Pub/Sub push: {error}")]
    try:
        return [DeliveredMessage(*each) for each in unpack(message.attributes, message.body())]
    except ValueError as error:
        return [DeliveredMessage(message.attributes, body, f"not a Pub/Sub push: {error}")]


def decode_message(delivered: DeliveredMessage, row: Row) -> StoredEvent:
    """The event in a message, from one of the sources that a row consumes. Raises Malformed."""
    if delivered.flaw:
        raise Malformed(delivered.flaw)
    event = StoredEvent.received(delivered.attributes, delivered.body, row.name)
    if delivered.attributes["ce-source"] not in _sources(row):
        raise Malformed(f"{row.name} consumes no events of {delivered.attributes['ce-source']}")
    return event


def _sources(row: Row) -> dict[str, str]:
    """The topics that a row consumes, by CloudEvents source."""
    return {load().topics[topic].source: topic for topic in load().topics_of(row)}


def _meant(attributes: Mapping[str, str], row: Row) -> tuple[str, StoredEvent | None]:
    """The topic of an undecodable message and, if its attributes say so, the event that it should have been."""
    topics = _sources(row)
    topic = topics.get(attributes.get("ce-source", ""))
    if topic is None:
        return next(iter(topics.values())), None
    try:
        event = StoredEvent.received(attributes, b"{}")
    except Malformed:
        return topic, None
    return topic, event if event.type in load().topics[topic].types else None
