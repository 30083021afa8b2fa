"""Every event type has a contract and one emitter, and its class has the fields of the contract."""

import dataclasses
import inspect
import json
import re
import types
import typing
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, TypeGuard

import msgspec
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from shared.contracts.encode import to_json
from shared.contracts.events import message_class
from shared.money import Amount, SignedAmount
from shared.registry import load
from tests.architecture.codebase import FUNCTIONS, ROWS, SERVICES

REGISTRY = load()
TYPES = sorted(event_type for topic in REGISTRY.topics.values() for event_type in topic.types)
EMITTED = {event_type: [row.service for row in ROWS if event_type in row.emits] for event_type in TYPES}
SECRET = re.compile(r"(^|_)(token|signature|proof|secret|password|nonce|message)$")


def facts_of(service: str) -> list[type[Any]]:
    """The event classes of a service's domain."""
    if not (FUNCTIONS / service / "domain" / "events.py").exists():
        return []
    module = import_module(f"functions.{service}.domain.events")
    return [kind for _, kind in inspect.getmembers(module, inspect.isclass) if "type" in vars(kind)]


FACTS = [(service, kind) for service in SERVICES for kind in facts_of(service)]


def test_a_type_has_a_contract_and_an_emitter(subtests: pytest.Subtests) -> None:
    """A message of its name, and one service whose rows emit it."""
    for event_type in TYPES:
        with subtests.test(event_type):
            assert message_class(event_type)
            assert len(set(EMITTED[event_type])) == 1


@pytest.mark.parametrize("name", sorted(REGISTRY.topics))
def test_what_is_kept_is_what_the_outbox_passes_over(name: str) -> None:
    """The arguments of the trigger, as its service's last migration with it has them."""
    service = EMITTED[REGISTRY.topics[name].types[0]][0]
    trigger = re.compile(r"CREATE OR REPLACE TRIGGER enqueue_events[^;]*enqueue_events\(([^)]*)\);")
    passed: list[str] = []
    for path in sorted((FUNCTIONS / service).glob("sql/migrations/*.sql")):
        if found := trigger.search(path.read_text(encoding="utf-8")):
            passed = re.findall(r"'([^']+)'", found[1])
    assert sorted(passed) == sorted(REGISTRY.topics[name].kept)


def test_what_is_consumed_is_emitted(subtests: pytest.Subtests) -> None:
    """By a row of another service: a service consumes none of its own events, but for those of its other cells."""
    for row in REGISTRY.event_rows():
        with subtests.test(row=row.name):
            for event_type in row.event or ():
                assert EMITTED[event_type]
                assert row.cells == "others" or row.service not in EMITTED[event_type]


def test_a_fact_is_emitted_by_its_service() -> None:
    """A topic carries its type, and rows of this service alone emit it."""
    emitters = {kind.type: set(EMITTED[kind.type]) for _, kind in FACTS}
    assert emitters == {kind.type: {service} for service, kind in FACTS}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_emits_facts_of_its_domain(service: str) -> None:
    """The types that its rows emit are the event classes of its domain."""
    defined = {kind.type for kind in facts_of(service)}
    emitted = {event_type for row in REGISTRY.of(service) for event_type in row.emits}
    assert emitted == defined


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_one_topic(service: str) -> None:
    """All its events are in one topic, so that consumers of a stream receive all of it; no outbox, no events."""
    topics = {REGISTRY.topic_of(kind.type) for kind in facts_of(service)}
    assert len(topics) == (1 if REGISTRY.services[service].outbox else 0)


def message_of(kind: type[Any]) -> Any:
    """The protobuf message of an event class."""
    return message_class(kind.type).DESCRIPTOR


def fields_of(kind: type[Any]) -> dict[str, Any]:
    """The fields of an event class, or of a struct or dataclass in it, with their types."""
    hints = typing.get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def has_fields(hint: Any) -> TypeGuard[type[Any]]:
    """Whether a type is a struct or a dataclass."""
    return isinstance(hint, type) and (issubclass(hint, msgspec.Struct) or dataclasses.is_dataclass(hint))


def part_of(hint: Any) -> Any:
    """The item type of a list or tuple, the type of what may be missing; any other type unchanged."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (each for each in typing.get_args(hint) if each is not type(None))
    if typing.get_origin(hint) in (list, tuple):
        return typing.get_args(hint)[0]
    return hint


def parts(kind: type[Any], message: Any) -> list[tuple[type[Any], Any]]:
    """A struct with its message, and the same for what has fields in its own."""
    found = [(kind, message)]
    for name, hint in fields_of(kind).items():
        inner = part_of(hint)
        if has_fields(inner) and name in message.fields_by_name:
            found += parts(inner, message.fields_by_name[name].message_type)
    return found


def test_a_fact_has_the_fields_of_its_contract(subtests: pytest.Subtests) -> None:
    """Class and message have the same fields at every depth."""
    for _, kind in FACTS:
        with subtests.test(kind.__name__):
            for part, message in parts(kind, message_of(kind)):
                assert set(fields_of(part)) == {field.name for field in message.fields}
                for name, hint in fields_of(part).items():
                    assert message.fields_by_name[name].is_repeated == (typing.get_origin(hint) in (list, tuple))


def test_amounts_are_texts(subtests: pytest.Subtests) -> None:
    """Atomic units are strings in the contract, and every field named as an amount has an amount type."""
    for _, kind in FACTS:
        with subtests.test(kind.__name__):
            for part, message in parts(kind, message_of(kind)):
                for name, hint in fields_of(part).items():
                    is_text = message.fields_by_name[name].type == FieldDescriptor.TYPE_STRING
                    if part_of(hint) in (Amount, SignedAmount):
                        assert is_text
                    if name in ("amount", "total", "unit_price"):
                        assert part_of(hint) in (Amount, SignedAmount)


def test_a_fact_holds_no_secret() -> None:
    """Never a token, a signature or a proof."""
    named = {
        f"{kind.__name__}.{name}"
        for _, kind in FACTS
        for part, _ in parts(kind, message_of(kind))
        for name in fields_of(part)
        if SECRET.search(name)
    }
    assert named == set()


def sample(hint: Any) -> Any:
    """A value of a type that differs from the contract's default."""
    if typing.get_origin(hint) in (list, tuple):
        return typing.get_origin(hint)([sample(part_of(hint))])
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return sample(typing.get_args(hint)[0])
    if has_fields(hint):
        return hint(**{name: sample(inner) for name, inner in fields_of(hint).items()})
    values = {str: "x", int: 7, bool: True, datetime: datetime(2026, 11, 23, 7, 30, 15, 123456, UTC)}
    return values.get(hint) or hint(2**255)


def assert_full(message: Any) -> None:
    """That every field of a message is set, and so of all that it is made of."""
    assert {field.name for field, _ in message.ListFields()} == {field.name for field in message.DESCRIPTOR.fields}
    for field, value in message.ListFields():
        if field.message_type and field.message_type.full_name.startswith("meridian."):
            for inner in value if field.is_repeated else [value]:
                assert_full(inner)


def test_a_fact_is_read_whole_by_its_contract(subtests: pytest.Subtests) -> None:
    """As JSON it parses strictly, with no field unknown and none lost; amounts keep every digit."""
    for _, kind in FACTS:
        with subtests.test(kind.__name__):
            written = to_json(sample(kind))
            message = json_format.Parse(written, message_class(kind.type)(), ignore_unknown_fields=False)
            assert_full(message)
            again = json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True))
            assert again == texts_of_long_integers(json.loads(written), message.DESCRIPTOR)


def texts_of_long_integers(data: dict[str, Any], message: Any) -> dict[str, Any]:
    """Data as Protobuf writes it: integers of 64 bits are texts in its JSON."""
    long = (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_INT64)

    def written(name: str, value: Any) -> Any:
        field = message.fields_by_name[name]
        if isinstance(value, list):
            return [written(name, inner) for inner in value]
        if isinstance(value, dict):
            return texts_of_long_integers(value, field.message_type)
        return str(value) if field.type in long else value

    # A list is of one field, so that each of its items is written as that field is.
    return {name: written(name, value) for name, value in data.items()}


@pytest.mark.parametrize("topic", sorted(REGISTRY.topics))
def test_a_contract_holds_nothing_else(topic: str) -> None:
    """Each message of a topic's .proto is a type's, or a part of one."""
    module = import_module(f"shared.contracts.gen.{topic.replace('-', '_')}_pb2")
    messages = {message.full_name for message in module.DESCRIPTOR.message_types_by_name.values()}
    used = {message_class(event_type).DESCRIPTOR.full_name for event_type in REGISTRY.topics[topic].types}
    kinds = [kind for _, kind in FACTS if kind.type in REGISTRY.topics[topic].types]
    used |= {message.full_name for kind in kinds for _, message in parts(kind, message_of(kind))}
    assert messages <= used
