"""Passes delivered messages to an event operation through its inbox, whatever transport delivered them.

A message that cannot be decoded is stored in the topic's dead-letter topic and acknowledged; if its attributes say
which event it should have been, that event is fetched from its source.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import msgspec

from shared.bus.transport import DeadTopics, dead_topics
from shared.clock import Clock
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Malformed
from shared.outbox.batch import BatchInbox
from shared.outbox.effects import UndecodableEvent
from shared.outbox.inbox import ReceiveOutcome
from shared.postgres.database import Transaction
from shared.registry import Row, load
from shared.runtime.binding import BoundOperation
from shared.telemetry.metrics import HANDLED, RECEIVED

log = logging.getLogger(__name__)


Outcome = ReceiveOutcome | Literal["dead"]
"""What became of a message: applied, known, parked, foreign or, if it cannot be decoded, dead."""


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

        Raises what the first one fails with, when the others are received: then all are delivered again.
        """
        if len(delivered) > 1 and (together := self.receive_batch(delivered)) is not None:
            return together
        outcomes: list[Outcome] = []
        for outcome in self.receive_each(delivered):
            if isinstance(outcome, Exception):
                raise outcome
            outcomes.append(outcome)
        return outcomes

    def receive_each(
        self, delivered: Sequence[DeliveredMessage], go_on: Callable[[], bool] = lambda: True
    ) -> list[Outcome | Exception]:
        """Receive messages one by one, as long as `go_on` says so: what became of each, or what it fails with.

        What comes after a failed event in its stream is left to that, and fails likewise. While others can be received,
        those that fail are set aside after a while, so that nothing waits for them.
        """
        outcomes: list[Outcome | Exception] = []
        failed: dict[str, Exception] = {}
        for each in delivered:
            if not go_on():
                break
            stream = each.attributes.get("ce-subject", "")
            outcome = failed.get(stream) or self._try(each)
            if isinstance(outcome, Exception):
                failed[stream] = outcome
            outcomes.append(outcome)
        if not all(isinstance(each, Exception) for each in outcomes):
            self._set_aside(delivered, outcomes)
        return outcomes

    def _try(self, delivered: DeliveredMessage) -> Outcome | Exception:
        """Receive one message. Any exception has it redelivered: what the effect raises, or Unavailable."""
        try:
            outcome = self._take(delivered)
        except Exception as error:  # noqa: BLE001 - the caller raises or logs it
            RECEIVED.labels(self._row.name, "failed").inc()
            return error
        self._count([delivered], [outcome])
        return outcome

    def _set_aside(self, delivered: Sequence[DeliveredMessage], outcomes: list[Outcome | Exception]) -> None:
        """Park events that fail for a while, and behind them what follows in their streams."""
        aside: set[str] = set()
        for number, (each, outcome) in enumerate(zip(delivered, outcomes, strict=False)):
            if not isinstance(outcome, Exception):
                continue
            stream = each.attributes.get("ce-subject", "")
            if stream in aside:
                outcomes[number] = self._try(each)
            elif self._is_set_aside(each, outcome):
                self._count([each], ["parked"])
                aside.add(stream)
                outcomes[number] = "parked"

    def _is_set_aside(self, delivered: DeliveredMessage, error: Exception) -> bool:
        try:
            event = decode_message(delivered, self._row)
        except Malformed:
            return False  # no event is to be parked, but a message that could not be stored
        return self._inbox.set_aside(event, error)

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


def inbox(bound: BoundOperation, clock: Clock, cell: str) -> BatchInbox:
    """The inbox of an event operation in a cell, whichever transport feeds it."""

    def handle(event: Event[Any], transaction: Transaction) -> None:
        bound.call(transaction, event=event)

    def handle_all(events: Sequence[Event[Any]], transaction: Transaction) -> None:
        bound.call(transaction, events=events)

    at_once = handle_all if "events" in bound.parameters else None
    return BatchInbox(bound.row, bound.database(), handle, clock, cell, at_once)


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
