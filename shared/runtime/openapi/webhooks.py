"""The webhooks of the document: what users' webhooks are sent, for every type that they can subscribe to."""

from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from shared.contracts.event_fields import FIELDS, HIDDEN
from shared.contracts.events import dataschema, message_class
from shared.contracts.fields import example_id
from shared.registry import Registry
from shared.runtime.openapi.examples import example_of
from shared.runtime.openapi.schemas import CURRENCIES, CURRENCY, Schema, reference

TEST: Final = "webhook.test"
"""What try_webhook sends; its data names the webhook and its owner."""

ENVELOPE: Final[Schema] = {
    "title": "Event",
    "description": "An event in the JSON format of CloudEvents 1.0.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0", "description": "The version of CloudEvents."},
        "id": {
            "type": "string",
            "description": "The event's id, the same in every attempt; the `webhook-id`.",
            "examples": [example_id("evt")],
        },
        "source": {"type": "string", "description": "The part of Meridian that it is from.", "examples": ["/order"]},
        "type": {"type": "string", "description": "What happened.", "examples": ["order.paid"]},
        "subject": {
            "type": "string",
            "description": "The id of what it happened to.",
            "examples": [example_id("ord")],
        },
        "streamversion": {
            "type": "integer",
            "description": "Its place among the events of its subject: deliveries may come in another order.",
            "examples": [3],
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened, in RFC 3339.",
            "examples": ["2026-11-30T09:30:00Z"],
        },
        "dataschema": {
            "type": "string",
            "description": "The version of the data's schema, within which fields are only added.",
            "examples": ["/order/order.paid/v1"],
        },
        "datacontenttype": {"const": "application/json", "description": "The type of the data."},
        "data": {
            "type": "object",
            "description": "What happened in detail, by type.",
            "examples": [{"order_id": example_id("ord")}],
        },
    },
    "required": ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "data"],
}

SIGNED: Final = (
    ("webhook-id", "The event's id: the same in every attempt, so that a repeat can be told.", example_id("evt")),
    ("webhook-timestamp", "When it was sent, in Unix time; refuse what is more than 5 minutes old.", "1796031000"),
    (
        "webhook-signature",
        "`v1,` and the base64 of the HMAC-SHA256 of `<id>.<timestamp>.<body>` under the webhook's secret; several, "
        "separated by spaces, while a secret is rotated (Standard Webhooks).",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
)

KINDS: Final = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "boolean",
    FieldDescriptor.TYPE_UINT32: "integer",
    FieldDescriptor.TYPE_UINT64: "integer",
}


def webhooks_of(registry: Registry) -> tuple[dict[str, Any], dict[str, Schema]]:
    """The webhooks by event type, and the schemas that they refer to by name."""
    schemas: dict[str, Schema] = {"Event": ENVELOPE, CURRENCIES: CURRENCY}
    made = {}
    for event_type in registry.webhook_types():
        source = registry.topics[registry.topic_of(event_type)].source
        name = _of_message(cast(Descriptor, message_class(event_type).DESCRIPTOR), schemas)
        made[event_type] = _delivery(event_type, source, name, schemas)
    schemas["WebhookTest"] = _object("WebhookTest", "What a test says.", {n: _field(n, "string") for n in TESTED})
    made[TEST] = _delivery(TEST, "/notification", "WebhookTest", schemas)
    return made, schemas


TESTED: Final = ("webhook_id", "user_id")


def _delivery(event_type: str, source: str, name: str, schemas: dict[str, Schema]) -> dict[str, Any]:
    subject = next(iter(schemas[name]["properties"].values()))["examples"][0]
    example = {
        **example_of(ENVELOPE, schemas),
        "source": source,
        "type": event_type,
        "subject": subject,
        "dataschema": dataschema(source, event_type),
        "data": example_of(reference(name), schemas),
    }
    properties = {
        "type": {"const": event_type, "description": "What happened."},
        "data": {**reference(name), "description": "What happened in detail."},
    }
    special = {"type": "object", "properties": properties}
    schema = {"allOf": [reference("Event"), special]}
    return {
        "post": {
            "summary": f"{event_type}, to the webhooks that subscribe to it.",
            "description": "Delivered at least once, in any order, and retried for 72 hours with growing pauses.",
            "tags": ["webhooks"],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": {"type": "string", "examples": [value]},
                }
                for header, text, value in SIGNED
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema, "example": example}},
            },
            "responses": {
                "2XX": {"description": "It was received."},
                "410": {"description": "The webhook is gone: it is disabled."},
            },
        }
    }


def _of_message(message: Descriptor, schemas: dict[str, Schema]) -> str:
    """Put the schema of a message, and of those in it, among the others. Returns its name."""
    top = message.name.endswith(("Item", "Payout", "Posting"))
    name = f"Event{message.name}" if top else message.name
    shown = [f for f in message.fields if f.name not in HIDDEN and f"{message.name}.{f.name}" not in HIDDEN]
    properties = {field.name: _typed(field, schemas) for field in shown}
    schemas[name] = _object(name, f"The data of {message.name}." if not top else "A part of an event.", properties)
    return name


def _typed(field: FieldDescriptor, schemas: dict[str, Schema]) -> Schema:
    if field.message_type is not None:
        part = reference(_of_message(field.message_type, schemas))
        return {"type": "array", "items": part, "description": FIELDS[field.name][0]}
    return _field(field.name, KINDS[field.type], repeated=field.is_repeated)


def _field(name: str, kind: str, *, repeated: bool = False) -> Schema:
    description, example = FIELDS[name]
    if name == "currency":
        return {**reference(CURRENCIES), "description": description}
    shape: Schema = {"type": "array", "items": {"type": kind}} if repeated else {"type": kind}
    return {**shape, "description": description, "examples": [example]}


def _object(name: str, description: str, properties: dict[str, Schema]) -> Schema:
    return {
        "title": name,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties)[:1],
    }
