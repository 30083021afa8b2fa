"""Several events in one message of Pub/Sub: CloudEvents' JSON Batch Format (version 1.0, section 4).

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format

A push costs as much for one event as for fifty. An event that is sent alone is a message of its own, in binary content
mode, as it is on Kafka.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec

from shared.bus.transport import AddressedEvent
from shared.contracts.events import PRIOR
from shared.decoding import ready

CONTENT_TYPE: Final = "application/cloudevents-batch+json"

PREFIX: Final = "ce-"
"""What the attributes of an event are prefixed with in binary content mode."""


class Unpacked(NamedTuple):
    """An event as if it had come alone: attributes and body; `flaw` says why it is none, if it is not."""

    attributes: Mapping[str, str]
    body: bytes
    flaw: str = ""


class _Element(msgspec.Struct):
    """An event in a batch; all attributes are strings."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    dataschema: str
    streamversion: str
    data: msgspec.Raw
    prior: str = ""
    requestid: str = ""
    traceparent: str = ""


_Elements = Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]


def pack(events: Sequence[AddressedEvent], row: str) -> bytes:
    """Events in the form of a batch for one of their addressees."""
    return msgspec.json.encode(
        [
            {
                **{
                    name.removeprefix(PREFIX): value
                    for name, value in each.event.attributes().items()
                    if name.startswith(PREFIX)
                },
                PRIOR.removeprefix(PREFIX): str(each.to[row]),
                "data": msgspec.Raw(each.event.body()),
            }
            for each in events
        ]
    )


def unpack(attributes: Mapping[str, str], body: bytes) -> Iterator[Unpacked]:
    """The events in a message, whether it is a batch or an event alone. What is none touches no other of its batch."""
    if attributes.get("content-type") != CONTENT_TYPE:
        yield Unpacked(attributes, body)
        return
    try:
        elements = msgspec.json.decode(body, type=ready(_Elements))
    except msgspec.MsgspecError as error:
        yield Unpacked(attributes, body, f"not a batch of CloudEvents: {error}")
        return
    for element in elements:
        try:
            event = msgspec.json.decode(element, type=ready(_Element))
        except msgspec.MsgspecError as error:
            yield Unpacked({}, bytes(element), f"not a CloudEvent of a batch: {error}")
            continue
        yield Unpacked(_attributes(event), bytes(event.data))


def _attributes(event: _Element) -> dict[str, str]:
    """An event's attributes in binary content mode."""
    given = {name: value for name in event.__struct_fields__ if name != "data" and (value := getattr(event, name))}
    return {**{f"{PREFIX}{name}": value for name, value in given.items()}, "content-type": "application/json"}
