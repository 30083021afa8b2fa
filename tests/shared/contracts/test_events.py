"""Events travel as CloudEvents, arrive as they were sent, and keep their partition."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.contracts.events import StoredEvent, decode_event, message_class
from shared.errors import Malformed
from shared.registry import load

TYPES = sorted(event_type for topic in load().topics.values() for event_type in topic.types)
TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

texts = st.text().filter(lambda text: "\x00" not in text)
numbers = st.integers(-(2**53), 2**53)
data = st.dictionaries(texts, st.recursive(texts | numbers | st.booleans(), st.lists, max_leaves=5), max_size=4)

stored = st.builds(
    StoredEvent,
    id=st.builds(ids.new, st.just("evt"), st.just("us")),
    type=st.sampled_from(TYPES),
    stream=st.builds(ids.new, st.sampled_from(["ord", "hld", "sup"]), st.sampled_from(["us", "eu"])),
    version=st.integers(1, 2**62),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    data=data,
    metadata=st.builds(
        dict, request_id=st.from_regex(r"[!-+\--~]{1,128}", fullmatch=True), traceparent=st.sampled_from(["", TRACED])
    ),
)


def event(event_type: str = "order.placed", stream: str = "ord_us_1", **data: Any) -> StoredEvent:
    """An event with some data."""
    at = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
    return StoredEvent(id="evt_us_1", type=event_type, stream=stream, version=3, at=at, data=data)


@given(stored)
def test_an_event_arrives_as_it_was_sent(sent: StoredEvent) -> None:
    """Id, type, stream, version, time, data and trail come back out of attributes and body."""
    assert StoredEvent.received(sent.attributes(), sent.body()) == sent


@given(stored)
def test_attributes_are_those_of_cloudevents(sent: StoredEvent) -> None:
    """Each is a string that a transport can carry; the Kafka key is the stream."""
    attributes = sent.attributes()
    topic = load().topics[load().topic_of(sent.type)]
    assert {"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-dataschema"} <= set(
        attributes
    )
    assert attributes["ce-specversion"] == "1.0"
    assert attributes["ce-source"] == topic.source
    assert attributes["ce-subject"] == attributes["key"] == sent.stream
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", attributes["ce-time"])
    assert attributes["ce-streamversion"] == str(sent.version)
    assert all(isinstance(value, str) and len(value) <= 1024 for value in attributes.values())


def test_a_trail_is_named_only_where_there_is_one() -> None:
    """An absent traceparent is left out, since an empty one would be malformed."""
    assert "ce-traceparent" not in event().attributes()


@given(stored)
def test_a_stream_has_one_partition(sent: StoredEvent) -> None:
    """All events of a stream share an ordering key, which is within the topic's number of partitions."""
    topic = load().topics[load().topic_of(sent.type)]
    assert 0 <= sent.partition() < topic.partitions
    later = StoredEvent(id="evt_us_2", type=sent.type, stream=sent.stream, version=1, at=sent.at, data={})
    assert later.partition() == sent.partition()


@pytest.mark.parametrize(
    ("stream", "partition"),
    [("ord_us_01jd5z3k8m9n0p1q2r3s4t5v6w", 8), ("hld_eu_01jd5z3k8m9n0p1q2r3s4t5v6x", 9), ("", 0)],
)
def test_partitions_are_the_same_for_ever(stream: str, partition: int) -> None:
    """The partition of a stream may differ neither by process nor by release: old and new publish side by side."""
    assert event(stream=stream).partition() == partition


GOOD = event(order_id="ord_us_1").attributes()


@pytest.mark.parametrize("missing", ["ce-id", "ce-type", "ce-subject", "ce-streamversion", "ce-time"])
def test_a_message_without_a_needed_attribute_is_malformed(missing: str) -> None:
    """It cannot be applied, and no guess is made."""
    with pytest.raises(Malformed, match="not an event of Meridian"):
        StoredEvent.received({name: value for name, value in GOOD.items() if name != missing}, b"{}")


NOT_OURS = [
    (dict.fromkeys(GOOD, ""), b"{}"),
    ({"ce-streamversion": "first"}, b"{}"),
    ({"ce-streamversion": "1.5"}, b"{}"),
    ({"ce-streamversion": "0"}, b"{}"),
    ({"ce-streamversion": "-1"}, b"{}"),
    ({"ce-streamversion": "9" * 5000}, b"{}"),
    ({"ce-time": "yesterday"}, b"{}"),
    ({"ce-time": "2026-11-23T07:30:00"}, b"{}"),
    ({}, b""),
    ({}, b"[]"),
    ({}, b"null"),
    ({}, b'"text"'),
    ({}, b"{"),
    ({}, b'{"a": NaN}'),
    ({}, b'{"a": "\xff"}'),
]


def test_a_message_that_is_none_of_ours_is_malformed(subtests: pytest.Subtests) -> None:
    """Whatever a transport may deliver is an event or Malformed, never another failure."""
    for attributes, body in NOT_OURS:
        case = subtests.test(attributes=attributes, body=body)
        with case, pytest.raises(Malformed, match="not an event of Meridian"):
            StoredEvent.received({**GOOD, **attributes}, body)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text()), st.binary())
def test_arbitrary_messages_are_malformed_at_worst(attributes: dict[str, str], body: bytes) -> None:
    """No bytes and no attributes bring a consumer down."""
    try:
        received = StoredEvent.received({**GOOD, **attributes}, body)
    except Malformed:
        return
    assert isinstance(received.data, dict)


def test_every_type_has_a_message() -> None:
    """Its contract is found by its name alone."""
    found = {event_type: message_class(event_type).DESCRIPTOR.name for event_type in TYPES}
    assert found == {each: "".join(part.capitalize() for part in re.split(r"[._]", each)) for each in TYPES}


def test_a_type_without_a_contract_is_named() -> None:
    """Whoever asks for a type that is nowhere defined learns which."""
    with pytest.raises(LookupError, match=r"order\.lost"):
        message_class("order.lost")


def test_a_field_of_a_newer_producer_is_ignored() -> None:
    """A consumer of yesterday reads the event of tomorrow: that is how contracts grow."""
    read = decode_event(event("claim.opened", claim_id="clm_us_1", order_id="ord_us_1", colour="red"))
    assert (read.data.claim_id, read.data.order_id, read.data.user_id) == ("clm_us_1", "ord_us_1", "")
    assert (read.stream, read.version, read.type) == ("ord_us_1", 3, "claim.opened")


@pytest.mark.parametrize("data", [{"claim_id": 5}, {"claim_id": ["x"]}, {"claim_id": {}}])
def test_data_that_does_not_fit_its_contract_is_malformed(data: dict[str, Any]) -> None:
    """A field of another type is not taken for what it is not."""
    with pytest.raises(Malformed, match=r"claim\.opened does not fit its contract"):
        decode_event(event("claim.opened", **data))
