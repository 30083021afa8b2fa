"""Takes what a transport delivers to an event operation, through its inbox; and answers Pub/Sub's pushes.

What cannot be decoded is kept in the topic's dead topic and acknowledged; where it is known which event it should have
been, that one is asked of its source. To a push 200 acknowledges; anything else has the message delivered again.
"""

import base64
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import flask
import msgspec

from shared.adapters.clock import Clock
from shared.adapters.postgres import Transaction
from shared.adapters.transport import DeadTopics, dead_topics
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Malformed
from shared.outbox.batch import BatchInbox
from shared.outbox.inbox import Received, Unreadable
from shared.registry import Row, load
from shared.resilience.deadline import within
from shared.runtime.binding import Bound
from shared.runtime.http import answered
from shared.runtime.internal import Doorkeeper
from shared.runtime.routes import check_method

log = logging.getLogger(__name__)


class Message(msgspec.Struct):
    """What was published: CloudEvents attributes, and the data in base64."""

    attributes: dict[str, str] = {}
    data: str = ""

    def body(self) -> bytes:
        """The data. Raises ValueError when it is no base64."""
        return base64.b64decode(self.data, validate=True)


class _Push(msgspec.Struct):
    message: Message


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as a transport delivered it; `flaw` says what is wrong with the form that the transport gave it."""

    attributes: Mapping[str, str]
    body: bytes
    flaw: str = ""


class Reception:
    """Takes what a transport delivers to one consumer."""

    def __init__(self, bound: Bound, settings: Settings, clock: Clock) -> None:
        self._row = bound.row
        self._settings = settings
        self._inbox = inbox(bound, clock)

    def take(self, delivered: Delivered) -> Received | Literal["dead"]:
        """Take one message. Raises whatever has it delivered again: what the effect raises, or Unavailable."""
        try:
            event = decoded(delivered, self._row)
        except Malformed as error:
            return self._bury(delivered, error)
        try:
            return self._inbox.receive(event)
        except Unreadable as error:
            return self._bury(delivered, error)

    def take_together(self, delivered: Sequence[Delivered]) -> bool:
        """Take messages in one transaction; False when nothing was done, and each has to be taken by itself."""
        try:
            events = [decoded(each, self._row) for each in delivered]
        except Malformed:
            return False
        return self._inbox.receive_together(events)

    def _bury(self, delivered: Delivered, error: Malformed) -> Literal["dead"]:
        """Keep what cannot be decoded, and have its event asked of its source. Raises Unavailable if it is not kept."""
        log.error("%s cannot decode a message: %s", self._row.name, error.detail)
        topic, event = _meant(delivered.attributes, self._row)
        self._dead_topics.publish(topic, delivered.body, delivered.attributes, self._row.name, error.detail)
        if event is not None:
            self._inbox.miss(event)
        return "dead"

    @cached_property
    def _dead_topics(self) -> DeadTopics:
        return dead_topics(self._settings)


class EventOperation:
    """An event operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._name = bound.row.name
        self._reception = Reception(bound, settings, clock)
        self._seconds = load().seconds_of(bound.row)
        self._door = Doorkeeper(settings)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Take one delivery."""
        return answered(request, self._settings, self._serve, self._name)

    def _serve(self, request: flask.Request) -> flask.Response:
        check_method(request.method, ("POST",))
        self._door.check(request, request.args.get("token", ""))
        with within(self._seconds):
            return flask.jsonify(received=self._reception.take(pushed(request.get_data())))


class ScheduledOperation:
    """A scheduled operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings) -> None:
        self._bound = bound
        self._settings = settings
        self._door = Doorkeeper(settings)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Run once; what it did is in its log and its answer."""
        return answered(request, self._settings, self._serve, self._bound.row.name)

    def _serve(self, request: flask.Request) -> flask.Response:
        check_method(request.method, ("POST",))
        self._door.check(request, request.headers.get("X-Internal-Token", ""))
        return flask.jsonify(done=self._run())

    def _run(self) -> Any:
        """Run once; what watches something, again and again until the next start is near."""
        until = time.monotonic() + self._settings.poll_for_seconds
        done = self._bound.run()
        pause = self._bound.row.every_seconds
        while pause is not None and time.monotonic() + pause < until:
            time.sleep(pause)
            done = self._bound.run()
        return done


def inbox(bound: Bound, clock: Clock) -> BatchInbox:
    """The inbox of an event operation, whatever transport feeds it."""

    def handle(event: Event[Any], transaction: Transaction) -> None:
        bound.call(transaction, event=event)

    return BatchInbox(bound.row, bound.database(), handle, clock)


def pushed(body: bytes) -> Delivered:
    """The message of a push request's body."""
    try:
        message = msgspec.json.decode(body, type=_Push).message
    except (msgspec.MsgspecError, ValueError) as error:
        return Delivered({}, body, f"not a Pub/Sub push: {error}")
    try:
        return Delivered(message.attributes, message.body())
    except ValueError as error:
        return Delivered(message.attributes, body, f"not a Pub/Sub push: {error}")


def decoded(delivered: Delivered, row: Row) -> StoredEvent:
    """The event of a message, from one of the sources that a row consumes. Raises Malformed."""
    if delivered.flaw:
        raise Malformed(delivered.flaw)
    event = StoredEvent.received(delivered.attributes, delivered.body)
    if delivered.attributes["ce-source"] not in _sources(row):
        raise Malformed(f"{row.name} consumes no events of {delivered.attributes['ce-source']}")
    return event


def decode_push(body: bytes, row: Row) -> StoredEvent:
    """The event of a push request's body, from one of the sources that a row consumes. Raises Malformed."""
    return decoded(pushed(body), row)


def _sources(row: Row) -> dict[str, str]:
    """The topics that a row consumes, by their source."""
    return {load().topics[topic].source: topic for topic in load().topics_of(row)}


def _meant(attributes: Mapping[str, str], row: Row) -> tuple[str, StoredEvent | None]:
    """The topic that a message came from, and the event that it should have been, where its attributes tell."""
    topics = _sources(row)
    topic = topics.get(attributes.get("ce-source", ""))
    if topic is None:
        return next(iter(topics.values())), None
    try:
        event = StoredEvent.received(attributes, b"{}")
    except Malformed:
        return topic, None
    return topic, event if event.type in load().topics[topic].types else None
