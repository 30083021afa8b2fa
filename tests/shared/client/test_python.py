"""The typed client: a method for each operation of the OpenAPI document, and descriptive errors."""

import inspect
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared.client.python.generate import DOCUMENT, client
from shared.client.python.meridian_client.api import Client, OrderLine, Phase, Wallet, WalletList
from shared.client.python.meridian_client.async_api import AsyncClient
from shared.client.python.meridian_client.errors import ApiError, FieldError

NOWHERE = "ord_us_01jd0000000000000000000000"
"""The id of no order."""

ARGUMENTS = {"Idempotency-Key": "key", "If-Match": "match"}
"""How a method calls what is a header."""

"""What some problems say besides."""

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What functions/openapi.json says."""
    described: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return described


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation of a document."""
    for item in document["paths"].values():
        yield from item.values()


def body_of(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's body; empty without one."""
    if "requestBody" not in operation:
        return {}
    reference: str = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return dict(document["components"]["schemas"][reference.rpartition("/")[2]])


def answering(answer: Answer) -> tuple[Client, list[httpx.Request]]:
    """A client of a server that answers so, and the requests that it sees."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(request)

    return Client(httpx.Client(base_url="http://shop", transport=httpx.MockTransport(handle)).request), seen


def test_every_operation_has_a_method(document: dict[str, Any]) -> None:
    """And there are no others."""
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods == {operation["operationId"] for operation in operations(document)}


def test_a_method_takes_what_its_operation_takes(document: dict[str, Any]) -> None:
    """By keyword; what the document requires has no default, but for the idempotency key, which is a fresh one."""
    for operation in operations(document):
        parameters = [each for each in operation.get("parameters", []) if each["name"] != "If-None-Match"]
        named = {ARGUMENTS.get(each["name"], each["name"]) for each in parameters}
        required = {ARGUMENTS.get(each["name"], each["name"]) for each in parameters if each.get("required")} - {"key"}
        body = body_of(operation, document)
        arguments = dict(inspect.signature(getattr(Client, operation["operationId"])).parameters)
        del arguments["self"]
        assert set(arguments) == named | set(body.get("properties", {})), operation["operationId"]
        assert {each.kind for each in arguments.values()} <= {inspect.Parameter.KEYWORD_ONLY}
        needed = {name for name, each in arguments.items() if each.default is inspect.Parameter.empty}
        assert needed == required | set(body.get("required", [])), operation["operationId"]


def test_coroutines_are_the_same_methods() -> None:
    """With the same arguments and results."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            other = getattr(AsyncClient, name)
            assert inspect.iscoroutinefunction(other)
            assert inspect.signature(other) == inspect.signature(method)


def test_an_operation_that_is_added_becomes_a_method(document: dict[str, Any]) -> None:
    """With its types: the client is made of the document, not of what was known when this was written."""
    changed = deepcopy(document)
    added = deepcopy(changed["paths"]["/v1/orders/{order_id}"]["get"])
    added["operationId"] = "get_parcel"
    added["parameters"] = [{"name": "parcel_id", "in": "path", "required": True, "schema": {"type": "string"}}]
    answer = {"type": "object", "properties": {"sent_at": {"type": "string", "format": "date-time"}}}
    changed["components"]["schemas"]["Parcel"] = answer
    added["responses"]["200"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Parcel"}
    changed["paths"]["/v1/parcels/{parcel_id}"] = {"get": added}
    before, after = client(document), client(changed)
    assert "parcel" not in before.lower()
    assert "    def get_parcel(self, *, parcel_id: str) -> Parcel:" in after
    assert "    sent_at: datetime | None = None" in after


@pytest.mark.parametrize(
    "strange", [{"type": "string", "format": "byte"}, {"type": "object", "properties": {"a": {}}}, {"not": {}}]
)
def test_what_cannot_be_typed_is_refused(document: dict[str, Any], strange: dict[str, Any]) -> None:
    """Rather than called Any."""
    changed = deepcopy(document)
    changed["components"]["schemas"]["Order"]["properties"]["total"] = strange
    with pytest.raises(ValueError, match="no type for"):
        client(changed)


def test_successes_of_two_types_are_refused(document: dict[str, Any]) -> None:
    """A caller would have to tell which it is."""
    changed = deepcopy(document)
    responses = changed["paths"]["/v1/orders"]["post"]["responses"]
    responses["202"] = {"content": {"application/json": {"schema": {"type": "string"}}}}
    with pytest.raises(ValueError, match="create_order"):
        client(changed)


def test_a_shop_is_run_by_typed_calls(anyone: Callable[[], ApiUser], buyer: ApiUser) -> None:
    """Each gets back its type: lists by pages, times, versions, nothing for a deletion."""
    shop = anyone().api
    assert shop.read_profile().roles == ["merchant"]
    terms = {"title": "A print", "currency": "USDC", "unit_price": "1000", "quantity": 3}
    phase = Phase(name="first", starts_at=datetime.now(UTC) - timedelta(hours=1), per_user_limit=2)
    key = fresh_key()
    made = [
        shop.create_supply(
            title="A print",
            currency="USDC",
            unit_price="1000",
            quantity=3,
            per_user_limit=2,
            phases=[phase],
            status="active",
            key=key,
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    supply = made[0]
    assert {name: getattr(supply, name) for name in terms} == terms
    assert [(each.name, each.starts_at.tzinfo, each.per_user_limit) for each in supply.phases] == [("first", UTC, 2)]
    assert buyer.api.check_eligibility(supply_id=supply.id, quantity=2).eligible
    assert buyer.api.check_eligibility(supply_id=supply.id, quantity=3).reasons == ["USER_LIMIT"]

    changed = shop.update_supply(supply_id=supply.id, match=f'"{supply.version}"', title="A poster")
    assert (changed.title, changed.per_user_limit, changed.version) == ("A poster", 2, supply.version + 1)
    changed = shop.update_supply(supply_id=supply.id, match="*", per_user_limit=None)
    assert changed.per_user_limit is None

    lines = [OrderLine(supply_id=supply.id, quantity=2)]
    quote = buyer.api.quote_order(wallet_id=buyer.wallet_id, items=lines)
    order = buyer.retrying.create_order(wallet_id=buyer.wallet_id, items=lines, quote=quote.quote)
    assert (order.total, order.items[0].title) == ("2000", "A poster")
    assert order.expires_at > order.created_at
    assert shop.list_orders(merchant="me").items[0].id == order.id

    other = shop.create_supply(title="Another", currency="ETH", unit_price="1", quantity=1)
    first = shop.list_supplies(limit=1, merchant_id=supply.merchant_id)
    rest = shop.list_supplies(limit=1, merchant_id=supply.merchant_id, cursor=first.next_cursor)
    assert [each.id for each in first.items + rest.items] == [other.id, supply.id]
    shop.delete_supply(supply_id=other.id)
    assert shop.get_supply(supply_id=other.id).status == "archived"


def test_balances_are_read_as_of_a_time(buyer: ApiUser) -> None:
    """A datetime goes as the document wants it."""
    now = buyer.api.get_balances(wallet_id=buyer.wallet_id)
    before = buyer.api.get_balances(wallet_id=buyer.wallet_id, at=datetime.now(UTC) - timedelta(days=1))
    assert {balance.currency for balance in now.balances} == {"USDC", "ETH"}
    assert [balance.posted for balance in before.balances if balance.posted != "0"] == []


def test_a_page_and_a_document_that_are_no_types_of_ours(buyer: ApiUser, document: dict[str, Any]) -> None:
    """HTML is text, an object that is not described any object."""
    assert buyer.api.read_docs().lstrip().lower().startswith("<!doctype html")
    assert buyer.api.read_document()["info"] == document["info"]


def test_a_refusal_is_typed(buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], edge: httpx.Client) -> None:
    """Its status, code and detail, which fields are wrong, and what else the problem document says."""
    with pytest.raises(ApiError) as absent:
        buyer.api.get_order(order_id=NOWHERE)
    assert (absent.value.status, absent.value.code) == (404, "NOT_FOUND")
    assert absent.value.request_id == absent.value.response.headers["X-Request-Id"]

    with pytest.raises(ApiError) as malformed:
        buyer.api.create_transfer(from_wallet_id=buyer.wallet_id, to_wallet_id="", currency="USDC", amount="-1")
    assert malformed.value.status == 400
    assert [error.field for error in malformed.value.errors] == ["amount"]

    with pytest.raises(ApiError) as unknown:
        Client(edge.request).list_wallets()
    assert unknown.value.status == 401

    supply = on_sale(unit_price=str(10**18))
    with pytest.raises(ApiError) as refused:
        buyer.retrying.create_order(wallet_id=buyer.wallet_id, items=[OrderLine(supply_id=supply["id"], quantity=1)])
    assert (refused.value.status, refused.value.code) == (409, "INSUFFICIENT_FUNDS")
    order = buyer.api.get_order(order_id=refused.value.members["order_id"])
    assert order.status == "failed"
    assert order.failure is not None
    assert order.failure.code == "INSUFFICIENT_FUNDS"


def test_an_error_has_all_that_a_problem_may_say(document: dict[str, Any]) -> None:
    """Nothing that the document describes of a problem is lost, and nothing that is said besides."""
    known = {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "no",
        "code": "MALFORMED",
        "request_id": "r",
        "errors": [{"field": "a", "message": "b"}],
    }
    others = dict.fromkeys(document["components"]["schemas"]["Problem"]["properties"].keys() - known.keys(), "o")
    body = {**known, **others, "order_id": "o"}
    headers = {"Content-Type": "application/problem+json; charset=utf-8", "Retry-After": "7"}
    api, _ = answering(lambda _: httpx.Response(400, content=json.dumps(body), headers=headers))
    with pytest.raises(ApiError) as refused:
        api.health()
    error = refused.value
    assert (error.status, error.title, error.detail, error.code) == (400, "Bad Request", "no", "MALFORMED")
    assert (error.request_id, error.errors, error.retry_after) == ("r", [FieldError("a", "b")], 7)
    assert error.members == {**others, "order_id": "o"}
    assert str(error) == "400 MALFORMED: no; a: b"


def test_an_answer_of_somebody_else_is_an_error_too() -> None:
    """A proxy between may answer with a page of its own."""
    api, _ = answering(lambda _: httpx.Response(502, text="<html>upstream</html>"))
    with pytest.raises(ApiError) as refused:
        api.health()
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (502, "", None)


def test_what_is_not_given_is_not_sent() -> None:
    """A default is the server's; null is sent where null is meant, and a cursor of None asks for the beginning."""
    api, seen = answering(lambda _: httpx.Response(404))
    with pytest.raises(ApiError):
        api.update_supply(supply_id="s", match='"1"', per_user_limit=None)
    with pytest.raises(ApiError):
        api.refund_order(order_id="o")
    with pytest.raises(ApiError):
        api.list_wallets(cursor=None)
    assert [request.content for request in seen] == [b'{"per_user_limit":null}', b"{}", b""]
    assert (seen[0].headers["If-Match"], str(seen[2].url)) == ('"1"', "http://shop/v1/wallets")


def test_an_argument_stays_in_its_part_of_the_path() -> None:
    """Whatever it holds: it never names another route."""
    api, seen = answering(lambda _: httpx.Response(404))
    with pytest.raises(ApiError):
        api.get_order(order_id="../wallets?limit=1#")
    assert seen[0].url.raw_path == b"/v1/orders/..%2Fwallets%3Flimit%3D1%23"


def test_each_call_has_a_key_of_its_own() -> None:
    """Unless it is given one."""
    api, seen = answering(lambda _: httpx.Response(503))
    for key in (None, None, "0123456789abcdef"):
        with pytest.raises(ApiError):
            api.create_wallet(name="Savings", key=key)
    first, second, given = (request.headers["Idempotency-Key"] for request in seen)
    assert first != second
    assert min(len(first), len(second)) >= 16
    assert given == "0123456789abcdef"


def test_fields_that_are_new_do_no_harm() -> None:
    """An answer may grow: who knows less of it reads what they know."""
    wallet = dict.fromkeys(("id", "user_id", "name", "address"), "x")
    times = dict.fromkeys(("created_at", "updated_at"), "2026-11-23T10:00:00Z")
    body = {**wallet, **times, "chain_id": 1, "status": "open", "version": 1, "colour": "red"}
    api, _ = answering(lambda _: httpx.Response(200, json={"items": [body], "total": 1}))
    page = api.list_wallets()
    assert isinstance(page, WalletList)
    assert isinstance(page.items[0], Wallet)
    assert page.items[0].created_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_who_insists_sends_the_same_again() -> None:
    """What was cut off, refused for now or is still in progress is asked again under the key that it had."""
    answers = iter(
        [
            httpx.Response(503),
            httpx.Response(409, json={"code": "IDEMPOTENCY_IN_PROGRESS"}),
            httpx.Response(409, json={"code": "SOLD_OUT"}, headers={"Content-Type": "application/problem+json"}),
        ]
    )
    seen: list[tuple[str, bytes]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Idempotency-Key"], request.content))
        if len(seen) == 1:
            raise httpx.ReadError("cut off", request=request)
        return next(answers)

    person = ApiUser(httpx.Client(base_url="http://shop", transport=httpx.MockTransport(handle)))
    with pytest.raises(ApiError, match="SOLD_OUT"):
        person.retrying.create_order(wallet_id="w", items=[OrderLine(supply_id="s", quantity=1)])
    assert len(seen) == 4
    assert len(set(seen)) == 1
