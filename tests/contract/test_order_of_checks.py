"""If two things are wrong with a request, the contract says which one is reported, on every route.

route 404, method 405, token 401, scope 403, size 413, type 415, body and parameters 400, idempotency key 400/409/422,
existence and ownership 404, state 409.
"""

from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.registry import Row
from tests.contract.api import (
    CLOSED,
    LIMIT_BYTES,
    ROWS,
    SCOPED,
    SCOPES,
    SIGNED,
    WITH_BODY,
    WITH_ID,
    Api,
    body_schema,
    example_body,
    filled,
    name_of,
    problem,
)
from tests.contract.conftest import World

HUGE = b'{"a":"' + b"x" * LIMIT_BYTES + b'"}'
SIGNED_WITH_BODY = [row for row in SIGNED if row in WITH_BODY]
SCOPED_WITH_BODY = [row for row in SCOPED if row in WITH_BODY]
SCOPED_WITH_FIELDS = [row for row in SCOPED_WITH_BODY if body_schema(row)]
KEYED = [row for row in ROWS if row.idempotency]


def without_scope(api: Api, row: Row) -> str:
    """A valid token that lacks only the row's scope."""
    return api.token([scope for scope in (*SCOPES, "operator") if scope != row.scope])


@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
def test_route_before_method_and_token(api: Api, method: str) -> None:
    """An unknown path is 404 for any caller and method."""
    problem(api.send(method, "/v1/nothing", {"Authorization": "Bearer x"}), 404, "ROUTE_NOT_FOUND")


def test_method_before_token(api: Api, subtests: pytest.Subtests) -> None:
    """A wrong method is reported without a token, and with a bad one."""
    for row in SIGNED:
        with subtests.test(row=row.name):
            for headers in ({}, {"Authorization": "Bearer x"}):
                problem(api.send("PROPFIND", filled(row), headers), 405)


def test_token_before_scope(api: Api, subtests: pytest.Subtests) -> None:
    """A bad token is 401, although the scope is missing as well."""
    for row in SCOPED:
        with subtests.test(row=row.name):
            spoilt = without_scope(api, row)[:-4] + "AAAA"
            problem(api.ask(row, token=spoilt), 401, "UNAUTHENTICATED")


def test_token_before_size_type_and_body(api: Api, subtests: pytest.Subtests) -> None:
    """Nobody learns from a body what it is worth before the token is looked at."""
    for row in SIGNED_WITH_BODY:
        with subtests.test(row=row.name):
            problem(api.ask(row, token="x", content=HUGE), 401)
            problem(api.ask(row, token="x", content=b"{", headers={"Content-Type": "text/plain"}), 401)
            problem(api.ask(row, token=None, content=b"{"), 401)


def test_token_before_parameters(api: Api, subtests: pytest.Subtests) -> None:
    """Unknown parameters and ids are not looked at without a token."""
    for row in CLOSED:
        with subtests.test(row=row.name):
            problem(api.ask(row, token=None, query="?unknown=1"), 401)
            problem(api.ask(row, token=None, path=filled(row, dict.fromkeys(row.parameters, "x"))), 401)


def test_a_missing_scope_is_403(api: Api, subtests: pytest.Subtests) -> None:
    """A good token without the row's scope is refused, and the response names the missing scope."""
    for row in SCOPED:
        with subtests.test(row=row.name):
            assert row.scope in problem(api.ask(row, token=without_scope(api, row)), 403, "SCOPE_MISSING")["detail"]


LOOKALIKES = ["", "{0}x", "x{0}", "{0}:x", "{1}", "*", "{0},x", "\t{0}"]


@pytest.mark.parametrize("row", SCOPED, ids=name_of)
def test_a_scope_is_a_whole_word(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """Nothing that only looks like the row's scope is taken for it."""
    for scope in LOOKALIKES:
        with subtests.test(scope=scope):
            words = scope.format(row.scope, str(row.scope).upper())
            problem(api.ask(row, token=api.token([words])), 403, "SCOPE_MISSING")


def test_scope_before_size(api: Api, subtests: pytest.Subtests) -> None:
    """A missing scope is reported for a body that is too large as well."""
    for row in SCOPED_WITH_BODY:
        with subtests.test(row=row.name):
            problem(api.ask(row, token=without_scope(api, row), content=HUGE), 403)


def test_scope_before_parameters(api: Api, subtests: pytest.Subtests) -> None:
    """A missing scope is reported for unknown parameters and ids as well."""
    for row in SCOPED:
        with subtests.test(row=row.name):
            path = filled(row, dict.fromkeys(row.parameters, "x"))
            problem(api.ask(row, token=without_scope(api, row), path=path, query="?unknown=1"), 403)


def test_size_before_type(api: Api, subtests: pytest.Subtests) -> None:
    """A body that is too large is 413, whatever it is."""
    for row in WITH_BODY:
        with subtests.test(row=row.name):
            for kind in ("text/plain", "application/json; charset=latin-1", None):
                problem(api.ask(row, content=HUGE, headers={"Content-Type": kind}), 413, "BODY_TOO_LARGE")


def test_type_before_body_and_parameters(api: Api, subtests: pytest.Subtests) -> None:
    """A body of another type is 415, malformed or not, and with an unknown parameter."""
    for row in WITH_BODY:
        with subtests.test(row=row.name):
            for content in (b"{", b"\xff", b"{}", b'{"unknown":1}'):
                for query in ("", "?unknown=1"):
                    answer = api.ask(row, content=content, query=query, headers={"Content-Type": "text/plain"})
                    problem(answer, 415, "NOT_JSON")


def test_body_before_key(api: Api, subtests: pytest.Subtests) -> None:
    """A malformed body or parameter is reported before a missing key."""
    for row in WITH_BODY:
        with subtests.test(row=row.name):
            problem(api.ask(row, content=b"{", key=None), 400, "VALIDATION_FAILED")
            unknown = {**example_body(row), "unknown": 1}
            problem(api.ask(row, body=unknown, key=None), 400, "VALIDATION_FAILED", "unknown")
            problem(api.ask(row, query="?unknown=1", key=None), 400, "VALIDATION_FAILED", "unknown")


def test_parameters_before_existence(api: Api, subtests: pytest.Subtests) -> None:
    """An unknown parameter is 400, although the id names nothing."""
    for row in WITH_ID:
        with subtests.test(row=row.name):
            problem(api.ask(row, query="?unknown=1"), 400, "VALIDATION_FAILED", "unknown")
            problem(api.ask(row, path=filled(row, dict.fromkeys(row.parameters, "x")), query="?unknown=1"), 400)


def test_body_before_existence(api: Api, subtests: pytest.Subtests) -> None:
    """A malformed body is 400, although its ids name nothing."""
    for row in SCOPED_WITH_FIELDS:
        with subtests.test(row=row.name):
            problem(api.ask(row, body={**example_body(row), "unknown": 1}), 400)


def test_key_before_existence(api: Api, subtests: pytest.Subtests) -> None:
    """A missing key is reported before things that do not exist."""
    for row in KEYED:
        with subtests.test(row=row.name):
            absent = {"payout_wallet_id": ids.new("wal", "us")} if row.name == "create_supply" else {}
            named = {**example_body(row), **absent}
            problem(api.ask(row, body=named, key=None), 400, "IDEMPOTENCY_KEY_REQUIRED", "Idempotency-Key")


def test_a_bad_asset_is_reported_before_an_absent_wallet(api: Api) -> None:
    """A malformed body is reported before things that its ids name, in create_supply too."""
    row = next(row for row in ROWS if row.name == "create_supply")
    asset = {"chain_id": 1, "contract": "0x", "token_id": "1"}
    body = {**example_body(row), "asset": asset, "payout_wallet_id": ids.new("wal", "us")}
    problem(api.ask(row, body=body), 400, "VALIDATION_FAILED", "asset.contract")


def test_a_reused_key_is_reported_before_an_absent_wallet(api: Api, world: World, thing: dict[str, Any]) -> None:
    """A key that is bound to another request is 422, although the new one names nothing that exists."""
    row = next(row for row in ROWS if row.name == "create_order")
    key, items = fresh_key(), [{"supply_id": thing["id"], "quantity": 1}]
    good = api.ask(row, body={"wallet_id": world.owner.wallet_id, "items": items}, key=key)
    assert good.status_code == 201, good.text
    problem(api.ask(row, body={"wallet_id": ids.new("wal", "us"), "items": items}, key=key), 422)


def test_ownership_before_state(api: Api, world: World) -> None:
    """To a stranger a paid order does not exist: that it cannot be cancelled or claimed again is not revealed."""
    for name in ("cancel_order", "create_claim"):
        row = next(row for row in ROWS if row.name == name)
        body = {"order_id": world.known["order_id"]} if body_schema(row) else ...
        token = api.token_for(row, world.stranger)
        problem(api.ask(row, path=filled(row, world.known), body=body, token=token), 404, "NOT_FOUND")


def test_existence_before_state(api: Api, world: World, anyone: Any) -> None:
    """A wallet that is not one's own is 404, although its balance would overflow."""
    rich: ApiUser = anyone()
    row = next(row for row in ROWS if row.name == "faucet")
    most = {"wallet_id": rich.wallet_id, "currency": "ETH", "amount": str(2**256 - 1)}
    assert api.ask(row, body=most, token=api.token_for(row, rich)).status_code == 201
    problem(api.ask(row, body=most, token=api.token_for(row, rich)), 409, "BALANCE_OVERFLOW")
    problem(api.ask(row, body=most), 404, "NOT_FOUND")
