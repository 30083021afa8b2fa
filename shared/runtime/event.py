"""Answers a Pub/Sub push with an event operation, through its inbox.

200 acknowledges; anything else has the message delivered again. In the cloud the push carries Google's OIDC token; on
the local stack, whose emulator sends none, a shared secret stands in the endpoint.
"""

import base64
import hmac
import time
from typing import Any

import flask
import msgspec

from shared.adapters.clock import Clock
from shared.adapters.postgres import Transaction
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Malformed, Unauthenticated
from shared.outbox.inbox import Inbox
from shared.runtime.binding import Bound, retried
from shared.runtime.http import answered


class _Message(msgspec.Struct):
    attributes: dict[str, str] = {}
    data: str = ""


class _Push(msgspec.Struct):
    message: _Message


class EventOperation:
    """An event operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._inbox = inbox(bound, clock)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Take one delivery."""
        return answered(request, self._settings, self._serve)

    def _serve(self, request: flask.Request) -> flask.Response:
        authorise_internal(request.args.get("token", ""), self._settings)
        event = decode_push(request.get_data())
        return flask.jsonify(received=retried(lambda: self._inbox.receive(event)))


class ScheduledOperation:
    """A scheduled operation as a function of the functions framework."""

    def __init__(self, bound: Bound, settings: Settings) -> None:
        self._bound = bound
        self._settings = settings

    def __call__(self, request: flask.Request) -> flask.Response:
        """Run once; what it did is in its log and its answer."""
        return answered(request, self._settings, self._serve)

    def _serve(self, request: flask.Request) -> flask.Response:
        authorise_internal(request.headers.get("X-Internal-Token", ""), self._settings)
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


def decode_push(body: bytes) -> StoredEvent:
    """The event of a push request's body. Raises Malformed."""
    try:
        message = msgspec.json.decode(body, type=_Push).message
        return StoredEvent.received(message.attributes, base64.b64decode(message.data, validate=True))
    except (msgspec.MsgspecError, ValueError) as error:
        raise Malformed(f"not a Pub/Sub push: {error}") from error


def authorise_internal(presented: str, settings: Settings) -> None:
    """Let in only who knows the stack's secret. Raises Unauthenticated."""
    if not hmac.compare_digest(presented.encode(), settings.secret("push_token")):
        raise Unauthenticated
