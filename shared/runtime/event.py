"""Answers Pub/Sub's pushes: a message, or several in one, for an event operation.

A push is acknowledged by 200; any other status has the message redelivered.
"""

import base64
import contextvars
from collections.abc import Sequence

import flask
import msgspec

from shared.bus.batches import unpack
from shared.clock import Clock
from shared.config import Settings
from shared.decoding import ready
from shared.outbox.batch import BATCH_SIZE
from shared.registry import load
from shared.resilience.deadline import within
from shared.resilience.group_commit import GroupCommit
from shared.runtime.binding import BoundOperation
from shared.runtime.internal import InternalAuth
from shared.runtime.receiver import DeliveredMessage, MessageReceiver, Outcome
from shared.runtime.responses.respond import respond
from shared.runtime.routes import check_method
from shared.telemetry.context import bind


class PubSubMessage(msgspec.Struct):
    """A Pub/Sub message: CloudEvents attributes, and the data in base64."""

    attributes: dict[str, str] = {}
    data: str = ""

    def body(self) -> bytes:
        """The decoded data. Raises ValueError if it is not base64."""
        return base64.b64decode(self.data, validate=True)


class _PushRequest(msgspec.Struct):
    message: PubSubMessage


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
