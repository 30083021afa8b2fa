"""Events: CloudEvents 1.0 with Kafka semantics, whose data is the JSON form of a message in *_events.proto."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from google.protobuf.message import Message

from shared.decoding import ready
from shared.errors import Malformed
from shared.registry import load

M = TypeVar("M")

WEBHOOK_TYPES: Final = tuple(load().webhook_types())
"""The event types that webhooks can subscribe to."""


PRIOR_PREFIX: Final = "to-"
"""`to-<row>`, an attribute of a delivered event: the version of its stream's previous event that the row handles."""

PRIOR: Final = "ce-prior"
"""The same, of an event that came in a batch for one row alone: names in CloudEvents' JSON have no hyphen."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as stored. `version` numbers the events of a stream from 1, without gaps.

    prior: known to its receiver only, the version of the stream's previous event that the receiving row handles, 0 if
    there is none. None, as from a relay of an earlier release, which delivers every event, is the version before.
    """

    id: str
    type: str
    stream: str
    version: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    data: dict[str, Any]
    metadata: dict[str, Any] = {}
    prior: Annotated[int, msgspec.Meta(ge=0)] | None = None

    @property
    def follows(self) -> int:
        """The version that its receiver must have applied before."""
        return self.version - 1 if self.prior is None else self.prior

    def partition(self) -> int:
        """Its stream's partition and ordering key. By crc32, since Python's hash differs between processes."""
        return zlib.crc32(self.stream.encode()) % load().topics[load().topic_of(self.type)].partitions

    def attributes(self) -> dict[str, str]:
        """Its CloudEvents attributes and Kafka headers, as Pub/Sub carries them in binary content mode."""
        topic = load().topics[load().topic_of(self.type)]
        traced = {"ce-traceparent": self.metadata["traceparent"]} if self.metadata.get("traceparent") else {}
        return {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-source": topic.source,
            "ce-type": self.type,
            "ce-subject": self.stream,
            "ce-time": self.at.isoformat().replace("+00:00", "Z"),
            "ce-dataschema": dataschema(topic.source, self.type),
            "ce-streamversion": str(self.version),
            "ce-requestid": str(self.metadata.get("request_id", "")),
            "content-type": "application/json",
            "key": self.stream,
            "partition": str(self.partition()),
            **traced,
        }

    def body(self) -> bytes:
        """Its data as JSON."""
        return msgspec.json.encode(self.data)

    @classmethod
    def received(cls, attributes: Mapping[str, str], body: bytes, row: str = "") -> "StoredEvent":
        """Parse an event delivered to a row. Raises Malformed if it is not one of ours, or its schema is unknown."""
        try:
            known = dataschema(attributes["ce-source"], attributes["ce-type"])
            if (attributes["ce-specversion"], attributes["ce-dataschema"]) != ("1.0", known):
                raise ValueError(f"there is no schema {attributes['ce-dataschema']} here")
            if b"\\u0000" in body or any("\x00" in value for value in attributes.values()):
                raise ValueError("no store of ours keeps a NUL")
            event = {
                "id": attributes["ce-id"],
                "type": attributes["ce-type"],
                "stream": attributes["ce-subject"],
                "version": attributes["ce-streamversion"],
                "at": attributes["ce-time"],
                "data": msgspec.json.decode(body),
                "metadata": {
                    "request_id": attributes.get("ce-requestid", ""),
                    "traceparent": attributes.get("ce-traceparent", ""),
                },
                "prior": attributes.get(f"{PRIOR_PREFIX}{row}", attributes.get(PRIOR)),
            }
            parsed = msgspec.convert(event, ready(cls), strict=False)
            if parsed.follows >= parsed.version:
                raise ValueError(f"version {parsed.version} does not follow {parsed.prior}")
            return parsed
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            raise Malformed(f"not an event of Meridian: {error}") from error


def chained(events: Iterable[StoredEvent], after: int) -> Iterator[StoredEvent]:
    """Consecutive events of those that a row handles in a stream, each with its prior. after: the first one's."""
    for event in events:
        yield msgspec.structs.replace(event, prior=after)
        after = event.version


def dataschema(source: str, event_type: str) -> str:
    """The schema of a type's data. Within v1 fields are only added; an incompatible schema would be a new type."""
    return f"{source}/{event_type}/v1"


class Event(msgspec.Struct, Generic[M], frozen=True):
    """An event as its consumer reads it; `data` is its protobuf message, `fields` the JSON as it was sent.

    Consumers that pass an event on use `fields`, which include those that a newer producer added.
    """

    id: str
    type: str
    stream: str
    version: int
    at: datetime
    data: M
    fields: dict[str, Any] = msgspec.field(default_factory=dict)

    def structured(self, data: Mapping[str, Any]) -> bytes:
        """The event in CloudEvents' JSON format, for transports that do not carry its attributes.

        data: the part of the data that the reader may see.
        """
        return cloudevent_json(
            self.id, self.type, load().topics[load().topic_of(self.type)].source, self.at, data, self.place()
        )

    def place(self) -> dict[str, Any]:
        """Its position: its stream, and its version there."""
        return {"subject": self.stream, "streamversion": self.version}


def cloudevent_json(
    event_id: str, event_type: str, source: str, at: datetime, data: Mapping[str, Any], more: Mapping[str, Any]
) -> bytes:
    """An event in CloudEvents 1.0's JSON format. more: further attributes."""
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type,
        "time": at.isoformat().replace("+00:00", "Z"),
        "dataschema": dataschema(source, event_type),
        "datacontenttype": "application/json",
    }
    return msgspec.json.encode({**attributes, **more, "data": data})


def message_class(event_type: str) -> type[Message]:
    """The protobuf message of an event type: `OrderPlaced` in order_events for `order.placed`. Raises LookupError."""
    topic = load().topic_of(event_type)
    module = import_module(f"shared.contracts.gen.{topic.replace('-', '_')}_pb2")
    name = "".join(part.capitalize() for part in event_type.replace(".", "_").split("_"))
    try:
        return getattr(module, name)  # type: ignore[no-any-return]
    except AttributeError as error:
        raise LookupError(f"no contract for {event_type}") from error


def decode_event(stored: StoredEvent) -> Event[Any]:
    """Decode an event's data as its message, ignoring fields that a newer producer added. Raises Malformed."""
    from google.protobuf import json_format  # what only produces events does without

    try:
        data = json_format.ParseDict(stored.data, message_class(stored.type)(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise Malformed(f"{stored.type} does not fit its contract: {error}") from error
    names = ("id", "type", "stream", "version", "at")
    return Event(**{name: getattr(stored, name) for name in names}, data=data, fields=stored.data)
