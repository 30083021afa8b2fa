"""Error codes: the reference lists all that the code can raise, where it can, each with its cause and its cure."""

import ast
import json
import re
from typing import Any, Final, get_args

import pytest

from functions.notification.domain.recipients import FOR_OTHER_CELLS
from functions.supply.domain.entitlement import Reason
from shared.contracts.event_fields import FIELDS, HIDDEN
from shared.contracts.events import message_class
from shared.registry import load
from tests.architecture.codebase import FUNCTIONS, ROWS, modules, texts, tree
from tests.architecture.raised import codes_of, kinds

DOCUMENT: Final[dict[str, Any]] = json.loads((FUNCTIONS / "openapi.json").read_text(encoding="utf-8"))
LISTED: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]["ErrorCode"]["x-errors"]
HTTP: Final = [row for row in ROWS if row.http]

INTERNAL: Final = {"MISDIRECTED", "MOVED", "CONFLICT", "HOLD_ENDED", "CAPTURE_TOO_LARGE"} | {
    *("CALL_REFUSED", "CALL_UNKNOWN", "NOT_CONFIRMED", "GAS_LIMIT", "REVERTED", "NODE_REFUSED", "NOT_PROMOTABLE"),
}
"""Codes between services, of a base class, and of what jobs fail with; no user is answered with one."""

RUNTIME: Final = {"UNAVAILABLE", "CONTENDED", "OUTCOME_UNKNOWN", "CELL_UNREACHABLE", "INTERNAL"}
"""What any call of a store or service may end in: the runtime's, not an operation's own."""


NEVER: Final = {
    "create_local_token": {"ADDRESS_OF_OTHER_CHAIN": "its people are no contracts"},
    "close_wallet": {"WALLET_CLOSED": "a closed one is left as it is"},
    "create_transfer": {"ALREADY_REVERSED": "it reverses nothing"},
    "faucet": {"ALREADY_REVERSED": "it reverses nothing", "INSUFFICIENT_FUNDS": "the faucet has no floor"},
    "delete_supply": {"ILLEGAL_STATUS": "what is on sale may be paused", "SUPPLY_ARCHIVED": "then it is done"},
    "create_claim": {"CLAIM_NOT_FAILED": "only one that has failed is given to another recipient"},
    "list_parked": {"NOT_FOUND": "another consumer's name is malformed"},
    "redrive": {"NOT_FOUND": "another consumer's name is malformed"},
}
"""What is on an operation's way, and cannot happen on it; why."""


def listed(path: str, method: str) -> set[str]:
    """The codes that the reference lists for an operation."""
    found: set[str] = set()
    for status, response in DOCUMENT["paths"][path][method.lower()]["responses"].items():
        if status >= "4":
            shared = DOCUMENT["components"]["responses"]
            said = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
            _, special = said["content"]["application/problem+json"]["schema"]["allOf"]
            found |= set(special["properties"]["code"]["enum"])
    return found


def test_every_code_has_a_cause_and_a_cure() -> None:
    """One list has all codes of all classes, each in sentences; the page that `type` leads to is made of it."""
    defined = {code for codes in kinds().values() for code in codes}
    assert set(LISTED) == defined - INTERNAL
    for code, error in LISTED.items():
        assert re.fullmatch(r"[A-Z].*\.", error["cause"]), code
        assert re.fullmatch(r"[A-Z].*\.", error["cure"]), code


def test_an_operation_lists_what_its_code_raises(subtests: pytest.Subtests) -> None:
    """Along all of its calls; and of a domain's refusals only those."""
    own = {code for code, error in LISTED.items() if error["status"] in (404, 409) or "ORDER" in code}
    own -= {"IDEMPOTENCY_IN_PROGRESS", "ROUTE_NOT_FOUND"}
    for row in HTTP:
        with subtests.test(row=row.name):
            can, says = codes_of(row) - INTERNAL - RUNTIME, listed(row.path, row.method)
            assert can - says == NEVER.get(row.name, {}).keys()
            assert says & own <= can, sorted(says & own - can)


def test_what_refuses_an_order_is_listed() -> None:
    """By supply's reasons and wallet's; each is the code of a class of order's own."""
    assert set(get_args(Reason)) | {"INSUFFICIENT_FUNDS", "WALLET_CLOSED"} <= kinds()["OrderRefused"]
    assert kinds()["OrderRefused"] <= listed("/v1/orders", "POST")


def test_members_of_problems_are_described() -> None:
    """Whatever an error is raised with beside its detail is a property of Problem."""
    known = {"code", "field", "wait_seconds", "cell", "epoch", "allowed", "detail", "scope"}
    given = {
        keyword.arg
        for path in modules("functions", "shared")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds()
        for keyword in node.keywords
        if keyword.arg
    }
    assert given - known <= set(DOCUMENT["components"]["schemas"]["Problem"]["properties"])


def test_no_code_is_written_where_no_class_has_it() -> None:
    """Not in domains, nor in operations: what looks like a code is one, or is between services."""
    between = {"SHORT", "HOLD_RELEASED", "STOCK_RELEASED", "CALL_REFUSED", "GAS_LIMIT"}
    for path in modules("functions"):
        found = {str(text.value) for text in texts(path) if re.fullmatch(r"[A-Z]{3,}(_[A-Z]+)+", str(text.value))}
        assert found <= set(LISTED) | INTERNAL | between, path


def test_webhooks_are_those_of_the_registry() -> None:
    """Each type has its data described, without what users are not shown."""
    assert set(DOCUMENT["webhooks"]) == {*load().webhook_types(), "webhook.test"}
    assert FOR_OTHER_CELLS <= HIDDEN
    for event_type in load().webhook_types():
        message = message_class(event_type).DESCRIPTOR
        properties = DOCUMENT["components"]["schemas"][message.name]["properties"]
        assert set(properties) == {field.name for field in message.fields} - HIDDEN, event_type
    used = {name for schema in DOCUMENT["components"]["schemas"].values() for name in schema.get("properties", {})}
    assert FIELDS.keys() <= used
