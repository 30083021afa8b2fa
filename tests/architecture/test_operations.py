"""Rows and operations match one to one, and each operation has the signature that its row requires."""

import ast
import typing
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from shared.contracts.events import Event, message_class
from shared.contracts.operations import Caller, Request
from shared.registry import Row, load
from shared.rpc.channel import rpc_method
from tests.architecture.codebase import FUNCTIONS, HELPERS, PARTS, ROWS, SERVICES, operation, path_of, tree

HTTP = [row for row in ROWS if row.http]
EVENTS = [row for row in ROWS if row.event]
RPCS = [row for row in ROWS if row.rpc]
SCHEDULES = [row for row in ROWS if row.schedule]


def hints(row: Row) -> dict[str, Any]:
    """The types of an operation's parameters and result."""
    return typing.get_type_hints(operation(row))


def public_functions(row: Row) -> list[str]:
    """The functions that a row's file shows to others."""
    functions = [node for node in tree(path_of(row)).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [function.name for function in functions if not function.name.startswith("_")]


def test_a_row_is_a_file_with_one_public_function() -> None:
    """All three share one name."""
    assert {row.name: public_functions(row) for row in ROWS} == {row.name: [row.name] for row in ROWS}


@pytest.mark.parametrize("service", SERVICES)
def test_a_file_is_a_row(service: str) -> None:
    """A service has operations and the few modules in PARTS and HELPERS, and no others."""
    found = {path.stem for path in (FUNCTIONS / service).glob("*.py")}
    rows = {row.name for row in load().of(service)}
    helpers = HELPERS.get(service, set())
    assert found - PARTS - helpers == rows
    assert helpers <= found
    folders = {path.name for path in (FUNCTIONS / service).iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders <= {"domain", "sql"} | PARTS | ({"pages"} if service == "platform" else set())


def test_a_folder_is_a_service() -> None:
    """functions/ has no packages that the registry does not have."""
    assert {path.name for path in FUNCTIONS.iterdir() if path.is_dir()} - {"__pycache__"} == set(SERVICES)
    files = {path.name for path in FUNCTIONS.iterdir() if path.is_file()}
    generated = {"registry.json", "consumers.lock.json", "openapi.json"}
    assert files == {"README.md", "__init__.py", "main.py", "registry.yaml", *generated}


def test_an_operation_asks_for_what_the_runtime_gives(subtests: pytest.Subtests) -> None:
    """A request or event by its trigger, the caller if there is one, and work; its result is annotated."""
    for row in ROWS:
        with subtests.test(row=row.name):
            given = {"http": {"request", "caller"}, "rpc": {"request"}, "event": {"event", "events"}}
            given |= {"schedule": set(), "poll_seconds": set()}
            trigger = next(name for name in given if getattr(row, name))
            parameters = set(hints(row)) - {"return"}
            assert parameters <= given[trigger] | {"work"} | ({"match"} if row.if_match else set())
            assert not row.if_match or "match" in parameters  # or the precondition would be ignored
            assert "return" in hints(row)
            assert "__wrapped__" not in vars(operation(row))


def test_path_parameters_are_fields_of_the_request(subtests: pytest.Subtests) -> None:
    """Each path parameter is a string field of the request."""
    for row in HTTP:
        with subtests.test(row=row.name):
            fields = typing.get_type_hints(hints(row)["request"]) if row.parameters else {}
            assert {name: fields.get(name) for name in row.parameters} == dict.fromkeys(row.parameters, str)


def structs(kind: Any) -> list[type[msgspec.Struct]]:
    """A type and all structs in it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind, *(inner for field in typing.get_type_hints(kind).values() for inner in structs(field))]
    return [inner for part in typing.get_args(kind) for inner in structs(part)]


def test_a_request_refuses_what_it_does_not_know(subtests: pytest.Subtests) -> None:
    """Unknown fields are refused at every depth."""
    for row in HTTP:
        with subtests.test(row=row.name):
            request = hints(row).get("request", Request)
            assert issubclass(request, Request)
            assert all(each.__struct_config__.forbid_unknown_fields for each in structs(request))


def test_nobody_is_a_caller_of_a_public_operation(subtests: pytest.Subtests) -> None:
    """An operation with a caller requires a token, and a write behind a token takes its caller."""
    for row in HTTP:
        with subtests.test(row=row.name):
            asks = "caller" in hints(row)
            assert not asks or hints(row)["caller"] == (Caller | None if row.anonymous else Caller)
            assert not (row.scope == "public" and asks)
            if row.scope != "public" and row.method != "GET":
                assert asks


def test_statuses_are_those_of_the_contract(subtests: pytest.Subtests) -> None:
    """201 is for creation, 204 for an empty result; idempotency keys are for POST."""
    for row in HTTP:
        with subtests.test(row=row.name):
            assert row.success in (200, 201, 204)
            assert (row.success == 204) == (hints(row)["return"] is type(None))
            assert row.success != 201 or row.method == "POST"
            assert row.idempotency is None or row.method == "POST"


def test_only_http_rows_have_scopes() -> None:
    """Scopes and limits on other triggers would not be enforced."""
    given = {row.name: (row.scope, row.limit, row.idempotency, row.success) for row in ROWS if not row.http}
    assert given == dict.fromkeys(given, (None, None, None, 200))


def test_an_event_operation_reads_what_it_consumes(subtests: pytest.Subtests) -> None:
    """Its event, or its events at once, are of exactly the messages of its row's types; it returns nothing."""
    for row in EVENTS:
        with subtests.test(row=row.name):
            (taken,) = {"event", "events"} & set(hints(row))
            annotated = hints(row)[taken]
            if taken == "events":
                assert typing.get_origin(annotated) is Sequence
                (annotated,) = typing.get_args(annotated)
            assert typing.get_origin(annotated) is Event
            (messages,) = typing.get_args(annotated)
            read = set(typing.get_args(messages)) or {messages}
            assert read == {message_class(event_type) for event_type in row.event or ()}
            assert hints(row)["return"] is type(None)
            assert row.transaction == "one"  # with the inbox


def test_an_rpc_operation_is_its_contract(subtests: pytest.Subtests) -> None:
    """Request and response are the messages of the method."""
    for row in RPCS:
        with subtests.test(row=row.name):
            method = rpc_method(row.rpc or "")
            assert (hints(row)["request"].DESCRIPTOR, hints(row)["return"].DESCRIPTOR) == (
                method.request.DESCRIPTOR,
                method.response.DESCRIPTOR,
            )


def test_a_schedule_is_a_cron_line() -> None:
    """Five fields, as Cloud Scheduler reads them."""
    fields = {row.name: len((row.schedule or "").split()) for row in SCHEDULES}
    assert fields == dict.fromkeys(fields, 5)


def test_only_what_shows_a_thing_reads_from_a_cache() -> None:
    """Operations that decide about money, stock or vouchers read the database."""
    assert {row.name for row in ROWS if "shown" in asked_of_work(row)} == {row.name for row in ROWS if row.cached}


def asked_of_work(row: Row) -> set[str]:
    """The attributes of `work` that an operation's module names."""
    attributes = [node for node in ast.walk(tree(path_of(row))) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "work"}


UNCHECKED = {
    "issue_nonce": "there is no session yet",
    "sign_in": "there is no session yet",
    "refresh_session": "it looks at the session itself, by the refresh token",
    "create_local_token": "on the local stack; nobody is signed in yet",
    "sign_out": "it ends the session, by the refresh token",
    "quote_order": "nothing is stored, reserved or moved, and the order that it is for checks",
}
"""The writes whose session is not checked, and why."""


def test_a_write_has_its_session_checked() -> None:
    """The token of an ended session, still valid for some minutes, can no longer write."""
    writes = [row for row in HTTP if row.method != "GET"]
    assert {row.name for row in writes if row.session != "checked"} == {row.name for row in writes} & UNCHECKED.keys()
    assert {row.name for row in writes if row.scope == "public"} <= UNCHECKED.keys()
