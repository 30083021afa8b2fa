"""What pushes an event, or starts a schedule, knows the stack's secret; and only an event is one."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import Settings
from shared.errors import Malformed, Unauthenticated
from shared.runtime.event import authorise_internal, decode_push
from tests.shared.outbox.facts import event, stream


def push(attributes: dict[str, Any], data: Any) -> bytes:
    """The body of a push request."""
    return json.dumps({"message": {"attributes": attributes, "data": data}, "subscription": "s"}).encode()


SENT = event(stream(), 3, request_id="request-1", traceparent="")


def test_an_event_is_read_out_of_a_push() -> None:
    """As it was published, whatever else Pub/Sub puts around it."""
    assert decode_push(push(SENT.attributes(), base64.b64encode(SENT.body()).decode())) == SENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"message": null}',
        b'{"message": []}',
        b'{"message": {}}',
        b'{"message": {"attributes": []}}',
        push({}, ""),
        push(SENT.attributes(), "not base64!"),
        push(SENT.attributes(), "äöü="),
        push(SENT.attributes(), "e30"),
        push(SENT.attributes(), base64.b64encode(b"[]").decode()),
        push(SENT.attributes(), base64.b64encode(b"\xff").decode()),
        push(SENT.attributes(), None),
        push({**SENT.attributes(), "ce-streamversion": 3}, "e30="),
    ],
)
def test_what_is_no_push_is_malformed(body: bytes) -> None:
    """It is refused with a reason, and nothing worse."""
    with pytest.raises(Malformed):
        decode_push(body)


@given(st.binary())
def test_arbitrary_bytes_are_malformed(body: bytes) -> None:
    """No bytes are taken for an event, or bring the consumer down."""
    with pytest.raises(Malformed):
        decode_push(body)


def test_only_who_knows_the_secret_is_let_in(settings: Settings) -> None:
    """Nothing, a part, another case or something more is refused."""
    secret = settings.secret("push_token").decode()
    authorise_internal(secret, settings)
    for presented in ("", secret[:-1], secret + "0", secret.upper(), f" {secret}", "ключ", "\x00", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            authorise_internal(presented, settings)
