"""Several events travel in one message as CloudEvents' JSON batches, and each comes out as if it had come alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.batches import CONTENT_TYPE, pack, unpack
from shared.contracts.events import StoredEvent
from tests.shared.outbox.sample_events import ROW, event, stream, to_row

BATCH = {"content-type": CONTENT_TYPE, "partition": "3"}


def packed(*events: StoredEvent) -> list[dict[str, Any]]:
    """The elements of a batch."""
    elements: list[dict[str, Any]] = json.loads(pack(to_row(*events), ROW))
    return elements


def test_what_is_packed_is_unpacked() -> None:
    """Whole, in its order, with what each follows; other addressees' places are not in it."""
    sent = [
        event(stream(), 1, prior=0, request_id="request-1", traceparent=""),
        event(stream(), 7, prior=3, request_id="", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
    ]
    found = [StoredEvent.received(each.attributes, each.body, ROW) for each in unpack(BATCH, pack(to_row(*sent), ROW))]
    assert found == sent


def test_a_batch_is_of_cloud_events() -> None:
    """As the JSON Batch Format has it: objects with the attributes' own names, and data that is JSON."""
    sent = event(stream(), 2)
    (element,) = packed(sent)
    assert {name: element[name] for name in ("specversion", "id", "type", "subject", "streamversion", "prior")} == {
        "specversion": "1.0",
        "id": sent.id,
        "type": sent.type,
        "subject": sent.stream,
        "streamversion": "2",
        "prior": "1",
    }
    assert element["data"] == sent.data
    assert all(name.isalnum() and name.islower() for name in element)


def test_an_event_alone_is_as_it_was() -> None:
    """Whatever its body looks like."""
    for attributes in ({}, {"content-type": "application/json"}):
        assert [tuple(each) for each in unpack(attributes, b"[1, 2]")] == [(attributes, b"[1, 2]", "")]


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"[]", b"[", b"\xff", b'"text"'])
def test_what_is_no_batch_is_one_flawed_message(body: bytes) -> None:
    """It is kept whole."""
    (found,) = unpack(BATCH, body)
    assert (found.attributes, found.body) == (BATCH, body)
    assert found.flaw


def without(element: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in element.items() if key != name}


def test_a_bad_element_touches_no_other() -> None:
    """Whatever it is or lacks; what a newer relay adds is ignored."""
    first, bad, last = packed(event(stream(), 1), event(stream(), 1), event(stream(), 1))
    names = ("specversion", "id", "source", "type", "subject", "time", "dataschema", "streamversion", "data")
    flawed: list[Any] = [None, 1, [], {}, {**bad, "id": 5}, {**bad, "prior": 0}]
    for each in [*flawed, *(without(bad, name) for name in names)]:
        body = json.dumps([first, each, {**last, "priority": "high"}]).encode()
        one, two, three = unpack(BATCH, body)
        assert (one.flaw, three.flaw) == ("", "")
        assert (one.attributes["ce-id"], three.attributes["ce-id"]) == (first["id"], last["id"])
        assert two.flaw
        assert json.loads(two.body) == each


@given(st.binary())
def test_arbitrary_bytes_bring_nothing_down(body: bytes) -> None:
    """They come out as messages with flaws."""
    assert all(each.flaw for each in unpack(BATCH, body))
