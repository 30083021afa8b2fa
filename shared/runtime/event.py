"""Answers a Pub/Sub push with an event operation, through its inbox.

200 acknowledges; anything else has the message delivered again. What cannot be decoded is kept in the topic's dead
topic and acknowledged; where it is known which event it should have been, that one is asked of its source.
"""

import base64
import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import flask
import msgspec

from shared.adapters.clock import Clock
from shared.adapters.postgres import Transaction
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Malformed
from shared.outbox.inbox import Inbox, Unreadable
from shared.registry import Row, load
from shared.runtime.binding import Bound
from shared.runtime.http import answered
from shared.runtime.internal import Doorkeeper

if TYPE_CHECKING:
    from shared.adapters.pubsub import DeadTopics

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


class EventOperation:
    """An event operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings, clock: Clock) -> None:
        self._row = bound.row
        self._settings = settings
        self._inbox = inbox(bound, clock)
        self._door = Doorkeeper(settings)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Take one delivery."""
        return answered(request, self._settings, self._serve)

    def _serve(self, request: flask.Request) -> flask.Response:
        self._door.check(request, request.args.get("token", ""))
        body = request.get_data()
        try:
            event = decode_push(body, self._row)
        except Malformed as error:
            self._bury(body, error)
            return flask.jsonify(received="dead")
        try:
            return flask.jsonify(received=self._inbox.receive(event))
        except Unreadable as error:
            self._bury(body, error)
            return flask.jsonify(received="dead")

    def _bury(self, body: bytes, error: Malformed) -> None:
        """Keep what cannot be decoded, and have its event asked of its source. Raises Unavailable if it is not kept."""
        log.error("%s cannot decode a message: %s", self._row.name, error.detail)
        message = _whatever(body)
        topic, event = _meant(message, self._row)
        self._dead_topics.publish(topic, _data(message) or body, message.attributes, self._row.name, error.detail)
        if event is not None:
            self._inbox.miss(event)

    @cached_property
    def _dead_topics(self) -> "DeadTopics":
        from shared.adapters.pubsub import DeadTopics

        return DeadTopics(self._settings)


class ScheduledOperation:
    """A scheduled operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings) -> None:
        self._bound = bound
        self._settings = settings
        self._door = Doorkeeper(settings)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Run once; what it did is in its log and its answer."""
        return answered(request, self._settings, self._serve)

    def _serve(self, request: flask.Request) -> flask.Response:
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


def inbox(bound: Bound, clock: Clock) -> Inbox:
    """The inbox of an event operation, whatever transport feeds it."""

    def handle(event: Event[Any], transaction: Transaction) -> None:
        bound.call(transaction, event=event)

    return Inbox(bound.row, bound.database(), handle, clock)


def decode_push(body: bytes, row: Row) -> StoredEvent:
    """The event of a push request's body, from one of the sources that a row consumes. Raises Malformed."""
    try:
        message = msgspec.json.decode(body, type=_Push).message
        event = StoredEvent.received(message.attributes, message.body())
    except (msgspec.MsgspecError, ValueError) as error:
        raise Malformed(f"not a Pub/Sub push: {error}") from error
    if message.attributes["ce-source"] not in _sources(row):
        raise Malformed(f"{row.name} consumes no events of {message.attributes['ce-source']}")
    return event


def _sources(row: Row) -> dict[str, str]:
    """The topics that a row consumes, by their source."""
    return {load().topics[topic].source: topic for topic in load().topics_of(row)}


def _whatever(body: bytes) -> Message:
    """What can be made out of a body that cannot be decoded."""
    try:
        return msgspec.json.decode(body, type=_Push).message
    except (msgspec.MsgspecError, ValueError):
        return Message()


def _data(message: Message) -> bytes:
    try:
        return message.body()
    except ValueError:
        return b""


def _meant(message: Message, row: Row) -> tuple[str, StoredEvent | None]:
    """The topic that a message came from, and the event that it should have been, where its attributes tell."""
    topics = _sources(row)
    topic = topics.get(message.attributes.get("ce-source", ""))
    if topic is None:
        return next(iter(topics.values())), None
    try:
        event = StoredEvent.received(message.attributes, b"{}")
    except Malformed:
        return topic, None
    return topic, event if event.type in load().topics[topic].types else None
