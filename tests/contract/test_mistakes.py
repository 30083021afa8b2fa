"""Forty typical mistakes, and the sentence that each gets: what is wrong, where, and how it should be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from emulators.demo.api_user import fresh_key
from shared.registry import load
from tests.contract.api import Api, problem
from tests.contract.conftest import World

SUPPLY: Final = {"title": "First light", "currency": "USDC", "unit_price": "1500000", "quantity": 10}
SUPPLY_ID: Final = "sup_us_01kb9p2t6c4v8x1m5n7q3r0s9w"


@dataclass(frozen=True)
class Mistake:
    """What is sent, and what is said of it. fields: those that `errors` names."""

    row: str
    says: str
    status: int = 400
    fields: tuple[str, ...] = ()
    code: str = "VALIDATION_FAILED"
    sent: dict[str, Any] = field(default_factory=dict)


def supply(says: str, *fields: str, **changed: Any) -> Mistake:
    """A supply that is not one; None leaves a field out."""
    body = {name: value for name, value in {**SUPPLY, **changed}.items() if value is not None}
    return Mistake("create_supply", says, fields=fields, sent={"body": body})


def raw(says: str, content: bytes, *fields: str) -> Mistake:
    """A body that is no JSON object."""
    return Mistake("create_supply", says, fields=fields or ("",), sent={"content": content})


def listing(says: str, name: str, value: str, row: str = "list_orders") -> Mistake:
    """A query that is refused."""
    return Mistake(row, says, fields=(name,), sent={"query": f"?{name}={value}"})


def token(says: str, value: str | None) -> Mistake:
    """An Authorization header that lets nobody in."""
    return Mistake("list_orders", says, 401, code="UNAUTHENTICATED", sent={"headers": {"Authorization": value}})


def order(says: str, *fields: str, **changed: Any) -> Mistake:
    """An order that is not one."""
    line = {"supply_id": SUPPLY_ID, "quantity": 1, **changed}
    body = {"wallet_id": "wal_us_01kb9p2t6c4v8x1m5n7q3r0s9w", "items": [line]}
    return Mistake("create_order", says, fields=fields, sent={"body": body})


def key(says: str, value: str | None, code: str) -> Mistake:
    """A key that is none."""
    sent = {"body": SUPPLY, "headers": {"Idempotency-Key": value}}
    return Mistake("create_supply", says, fields=("Idempotency-Key",), code=code, sent=sent)


PHASE: Final = {"name": "Friends", "starts_at": "2026-12-01T00:00:00Z"}
NO_AMOUNT: Final = '`unit_price` must be a decimal string of atomic units, such as "1500000".'
TWO_MORE: Final = {"currency": "EUR", "quantity": 0}
ANOTHER_KIND: Final = "`order_id` wants the id of an order, which begins with `ord_`: this is the id of a supply."
UNTYPED: Final = {"headers": {"Content-Type": "text/plain"}}

MISTAKES: Final = [
    supply("`title` is missing.", "title", title=None),
    supply("`title` must be a string, not a number.", "title", title=7),
    supply("`title` must have at least 1 character.", "title", title=""),
    supply("`title` must have at most 200 characters.", "title", title="x" * 201),
    supply("`title` must be one line, without control characters.", "title", title="two\nlines"),
    supply("`currency` must be one of ETH, MATIC, USDC, not EUR.", "currency", currency="EUR"),
    supply(NO_AMOUNT, "unit_price", unit_price=1.5),
    supply(NO_AMOUNT, "unit_price", unit_price="1.50"),
    supply("`unit_price` must be below 2^256.", "unit_price", unit_price=str(2**256)),
    supply("`quantity` must be a whole number, not a string.", "quantity", quantity="10"),
    supply("`quantity` must be a whole number, not a number with a fraction or an exponent.", "quantity", quantity=1.5),
    supply("`quantity` must be at least 1.", "quantity", quantity=0),
    supply("`quantity` must be at most 1000000000.", "quantity", quantity=10**9 + 1),
    supply("`quantity` must be a whole number, not a truth value.", "quantity", quantity=True),
    supply("`status` must be one of draft, active, not live.", "status", status="live"),
    supply("`per_user_limit` must be a whole number or null, not a string.", "per_user_limit", per_user_limit="2"),
    supply("`phases` must be an array, not an object.", "phases", phases=PHASE),
    supply("`phases[0].starts_at` is missing.", "phases[0].starts_at", phases=[{"name": "Friends"}]),
    supply(
        "`phases[0].starts_at` must be a time in RFC 3339, such as 2026-11-30T09:30:00Z.",
        "phases[0].starts_at",
        phases=[{**PHASE, "starts_at": "tomorrow"}],
    ),
    supply(
        "`phases[0].starts_at` must be a time with its offset, such as 2026-11-30T09:30:00Z.",
        "phases[0].starts_at",
        phases=[{**PHASE, "starts_at": "2026-12-01T00:00:00"}],
    ),
    supply("`phases[1].name` is the name of another phase.", "phases[1].name", phases=[PHASE, PHASE]),
    supply("`price` is not a field here: there are title, currency, unit_price, quantity, ", "price", price="1"),
    supply("Of 3 mistakes this is the first: see `errors`.", "title", "currency", "quantity", title=7, **TWO_MORE),
    raw("The body is not JSON: Expecting ", b'{"title": }'),
    raw("The body must be a JSON object.", b"[]"),
    raw("The body has a duplicate member 'title': each name stands once.", b'{"title": "a", "title": "b"}', "title"),
    key("This operation needs an Idempotency-Key header of 16 to 255 ", None, "IDEMPOTENCY_KEY_REQUIRED"),
    key("An Idempotency-Key has 16 to 255 printable ASCII characters, ", "short", "IDEMPOTENCY_KEY_MALFORMED"),
    listing("`limit` must be at most 100.", "limit", "1000"),
    listing("`limit` must be a whole number, not a string.", "limit", "ten"),
    listing("`status` must be one of pending, confirmed, paid, ", "status", "done"),
    listing("`cursor` is not a cursor of this list: send the `next_cursor` of the page before.", "cursor", "2"),
    listing("`page` is not a field here: there are limit, cursor, status, merchant.", "page", "2"),
    listing("`consistency` must be one of strong, eventual.", "consistency", "weak"),
    token("There is no access token: send `Authorization: Bearer <access_token>`.", None),
    token("The Authorization header is not the word `Bearer`, a space and an access token.", "Basic dXNlcjpwYXNz"),
    token("The access token was not issued here: it is cut off, altered, or of another service.", "Bearer nonsense"),
    order("`items[0].quantity` must be a whole number, not null.", "items[0].quantity", quantity=None),
    Mistake("get_order", ANOTHER_KIND, 404, code="NOT_FOUND", sent={"path": f"/v1/orders/{SUPPLY_ID}"}),
    Mistake("create_claim", "`order_id` wants the id of an order, which begins with `ord_`", 404, code="NOT_FOUND",
            sent={"body": {"order_id": "7"}}),
    Mistake("update_supply", "This operation needs an If-Match header with the ETag of what it changes.", 428,
            ("If-Match",), "PRECONDITION_REQUIRED",
            {"path": f"/v1/supplies/{SUPPLY_ID}", "headers": {"If-Match": None}}),
    Mistake("create_supply", "The body must be JSON in UTF-8, with Content-Type: ", 415, code="NOT_JSON", sent=UNTYPED),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.row}: {mistake.says[:40]}")
def test_a_mistake_is_named(api: Api, mistake: Mistake) -> None:
    """By its detail, and by each field in `errors`."""
    body = problem(api.ask(load().rows[mistake.row], **mistake.sent), mistake.status, mistake.code)
    assert mistake.says in body["detail"]
    assert [error["field"] for error in body.get("errors", [])] == list(mistake.fields)


def test_an_order_of_two_merchants_says_so(
    api: Api, world: World, thing: dict[str, Any], anyone: Callable[[], Any]
) -> None:
    """With both of them."""
    other = anyone().post("/v1/supplies", {**SUPPLY, "status": "active"}, key=fresh_key())
    items = [{"supply_id": each["id"], "quantity": 1} for each in (thing, other)]
    answer = api.ask(load().rows["create_order"], body={"wallet_id": world.owner.wallet_id, "items": items})
    detail = problem(answer, 400, "MIXED_MERCHANTS", "items")["detail"]
    assert detail.startswith("The lines of an order are of one merchant. These have 2: ")
    assert thing["merchant_id"] in detail
    assert other["merchant_id"] in detail
