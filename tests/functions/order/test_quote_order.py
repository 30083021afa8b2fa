"""Quotes: what an order would cost, every reason against it, and prices that hold until the quote expires."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.demo.api_user import ApiUser, fresh_key
from functions.order.adapters.quotes import HmacQuotes
from functions.order.domain.errors import OrderRefused, QuoteInvalid
from functions.order.domain.quote import Eligibility, Quote, QuotedLine
from shared import ids
from shared.money import MAXIMUM, Amount
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import Attempt, body_of
from tests.functions.order.lists import leaf, list_of
from tests.functions.order.samples import terms
from tests.functions.order.steps import Disturbance, Steps
from tests.problems import refused
from tests.races import at_once

Supply = dict[str, Any]
OnSale = Callable[..., Supply]
SOMEBODY = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def quote(person: ApiUser, body: Any) -> httpx.Response:
    """Ask for a quote: whatever is answered."""
    return person.request("POST", "/v1/orders/quote", body)


def quoted(person: ApiUser, body: Any) -> dict[str, Any]:
    """The quote of a body that is well formed."""
    answer = quote(person, body)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def buy(person: ApiUser, body: Any, key: str | None = None) -> httpx.Response:
    """Send an order: whatever is answered."""
    return person.request("POST", "/v1/orders", body, key or fresh_key())


@pytest.fixture
def change(merchant: ApiUser, edge: httpx.Client) -> Callable[..., None]:
    """Has the merchant sell on other terms from now on: `change(supply, unit_price="5")`."""

    def update(supply: Supply, **terms: Any) -> None:
        headers = {"Authorization": f"Bearer {merchant.access_token}", "If-Match": "*"}
        answer = edge.patch(f"/v1/supplies/{supply['id']}", json=terms, headers=headers)
        assert answer.status_code == 200, answer.text

    return update


# The quote's contents


def test_it_tells_what_an_order_would_come_to(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Total, lines, balance and expiry of an order that would go through; nothing is reserved, held or placed."""
    lamp, rug = on_sale(unit_price="1500", title="A lamp"), on_sale(unit_price="7", per_user_limit=9)
    before = datetime.now(UTC)
    view = quoted(buyer, body_of(buyer, (lamp, 2), (rug, 3)))
    assert (view["eligible"], view["reasons"], view["total"], view["currency"]) == (True, [], "3021", "USDC")
    assert view["available_balance"] == str(FUNDS)
    lasting = datetime.fromisoformat(view["expires_at"]) - before
    assert timedelta(seconds=299) < lasting < timedelta(seconds=330)
    line = {"title": "A lamp", "unit_price": "1500", "quantity": 2, "phase": "", "limit_remaining": None, "reasons": []}
    assert view["items"][0] == {"supply_id": lamp["id"], **line}
    assert view["items"][1]["limit_remaining"] == 9
    assert probe.orders_of(buyer.user_id) == []
    assert probe.stock(lamp["id"]) == Stock(quantity=10, available=10, reserved=0, sold=0)
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_it_tells_every_reason(buyer: ApiUser, on_sale: OnSale) -> None:
    """Those of all lines together, each once, and for each line its own; two lines of a supply count as one."""
    scarce, limited = on_sale(quantity=3, unit_price=str(FUNDS)), on_sale(per_user_limit=2)
    view = quoted(buyer, body_of(buyer, (scarce, 2), (limited, 3), (scarce, 2)))
    assert (view["eligible"], view["reasons"]) == (False, ["INSUFFICIENT_FUNDS", "SOLD_OUT", "USER_LIMIT"])
    assert [item["reasons"] for item in view["items"]] == [["SOLD_OUT"], ["USER_LIMIT"], ["SOLD_OUT"]]
    assert view["quote"] is None


def in_a_phase(**terms: Any) -> dict[str, Any]:
    return {"name": "Now", "starts_at": "2026-01-01T00:00:00Z", **terms}


UNBUYABLE: dict[str, tuple[dict[str, Any], list[int], str]] = {
    "more than there is": ({"quantity": 3}, [4], "SOLD_OUT"),
    "more than there is, over lines": ({"quantity": 3}, [2, 2], "SOLD_OUT"),
    "more than one may have": ({"per_user_limit": 2}, [3], "USER_LIMIT"),
    "more than one may have, over lines": ({"per_user_limit": 2}, [1, 1, 1], "USER_LIMIT"),
    "more than a phase gives": ({"phases": [in_a_phase(cap=2)]}, [3], "SOLD_OUT"),
    "more than a phase gives one": ({"phases": [in_a_phase(per_user_limit=1)]}, [2], "USER_LIMIT"),
    "for those on a list": ({"phases": [in_a_phase(allowlist_root="0x" + "11" * 32)]}, [1], "NOT_ALLOWED"),
    "a phase to come": ({"phases": [in_a_phase(starts_at="2100-01-01T00:00:00Z")]}, [1], "NOT_ON_SALE"),
    "a phase that is over": ({"phases": [in_a_phase(ends_at="2026-02-01T00:00:00Z")]}, [1], "NOT_ON_SALE"),
    "dearer than the wallet": ({"unit_price": str(FUNDS)}, [2], "INSUFFICIENT_FUNDS"),
    "dearer than the wallet, over lines": ({"unit_price": str(FUNDS)}, [1, 1], "INSUFFICIENT_FUNDS"),
    "more than any supply has": ({"unit_price": "0"}, [10**9] * 50, "SOLD_OUT"),
}


@pytest.mark.parametrize("case", UNBUYABLE)
def test_there_is_no_quote_of_what_could_not_be_bought(case: str, buyer: ApiUser, on_sale: OnSale) -> None:
    """Whatever stands against buying all of it now: a price that was never the buyer's is not kept for them."""
    terms, quantities, code = UNBUYABLE[case]
    supply = on_sale(**terms)
    view = quoted(buyer, body_of(buyer, *((supply, quantity) for quantity in quantities)))
    assert (view["eligible"], view["reasons"], view["quote"]) == (False, [code], None)


def test_there_is_no_quote_for_a_closed_wallet(buyer: ApiUser, on_sale: OnSale, edge: httpx.Client) -> None:
    """What it would pay with is out of reach."""
    wallet_id = buyer.post("/v1/wallets", {"name": "Another"}, key=fresh_key())["id"]
    assert buyer.request("DELETE", f"/v1/wallets/{wallet_id}").status_code == 204
    view = quoted(buyer, {**body_of(buyer, (on_sale(), 1)), "wallet_id": wallet_id})
    assert "WALLET_CLOSED" in view["reasons"]
    assert view["quote"] is None


def test_what_sells_in_another_phase_by_now_cannot_be_bought_at_these_terms() -> None:
    """The terms and the verdict come of two questions; a phase may end between them."""
    early = terms(phase="Early")
    assert Eligibility((), "Early", None).reasons_at(early) == set()
    assert Eligibility((), "Late", None).reasons_at(early) == {"NOT_ON_SALE"}
    assert Eligibility(("SOLD_OUT",), "", None).reasons_at(early) == {"NOT_ON_SALE", "SOLD_OUT"}


def test_what_is_not_on_sale_has_no_quote(merchant: ApiUser, on_sale: OnSale) -> None:
    """Its price may be another once it is: nobody keeps what they could not buy at."""
    view = quoted(merchant, body_of(merchant, (on_sale(status="draft", unit_price="0"), 1)))
    assert (view["eligible"], view["reasons"], view["quote"]) == (False, ["NOT_ON_SALE"], None)


def test_a_quote_of_something_free_needs_no_funds(anyone: Callable[[], ApiUser], on_sale: OnSale) -> None:
    """A wallet without money may have what costs nothing."""
    person = anyone()
    view = quoted(person, body_of(person, (on_sale(unit_price="0"), 1)))
    assert (view["eligible"], view["total"], view["available_balance"]) == (True, "0", "0")


def test_what_cannot_be_an_order_cannot_be_quoted(
    buyer: ApiUser, merchant: ApiUser, on_sale: OnSale, guarded: Callable[..., None]
) -> None:
    """The same refusals as of an order: of its shape, of what does not agree, of what does not exist."""
    fine = body_of(buyer, (on_sale(), 1))
    refused(quote(buyer, {**fine, "items": []}), 400, "VALIDATION_FAILED", "items")
    refused(quote(buyer, {**fine, "quote": "x"}), 400, "VALIDATION_FAILED")
    refused(quote(buyer, body_of(buyer, (on_sale(), 1), (on_sale(currency="ETH"), 1))), 400, "MIXED_CURRENCIES")
    refused(quote(buyer, body_of(buyer, (on_sale(unit_price=str(MAXIMUM)), 2))), 400, "AMOUNT_OVERFLOW")
    refused(quote(buyer, {**fine, "wallet_id": merchant.wallet_id}), 404, "NOT_FOUND")
    refused(quote(buyer, {**fine, "items": [{"supply_id": ids.new("sup", "us"), "quantity": 1}]}), 404, "NOT_FOUND")
    guarded("quote_order", "/v1/orders/quote", fine)


# Orders with a quote


def test_its_price_is_honoured_though_the_supply_has_another(
    buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, change: Callable[..., None]
) -> None:
    """Raised or lowered, the order costs the quoted price; without the quote, what it costs now."""
    supply = on_sale(unit_price="1000")
    body = body_of(buyer, (supply, 2))
    for price in ("5000", "1"):
        view = quoted(buyer, body)
        change(supply, unit_price=price)
        order = buy(buyer, {**body, "quote": view["quote"]}).json()
        change(supply, unit_price="1000")
        assert (order["total"], order["items"][0]["unit_price"]) == ("2000", "1000")
    change(supply, unit_price="1")
    assert buy(buyer, body).json()["total"] == "2"
    paid = [probe.settled(order_id) for order_id in probe.orders_of(buyer.user_id)]
    assert {account.status for account in paid} == {"paid"}
    assert probe.money(buyer.wallet_id) == (FUNDS - 4002, 0)


def test_eligibility_is_judged_when_it_is_ordered(buyer: ApiUser, on_sale: OnSale, change: Callable[..., None]) -> None:
    """A quote keeps prices, not stock or the right to buy: sold out or paused meanwhile is refused."""
    gone, paused = on_sale(quantity=1), on_sale()
    quotes = {supply["id"]: quoted(buyer, body_of(buyer, (supply, 1)))["quote"] for supply in (gone, paused)}
    assert buy(buyer, body_of(buyer, (gone, 1))).status_code == 201
    change(paused, status="paused")
    for supply, code in ((gone, "SOLD_OUT"), (paused, "NOT_ON_SALE")):
        refused(buy(buyer, {**body_of(buyer, (supply, 1)), "quote": quotes[supply["id"]]}), 409, code)


def test_an_expired_quote_leaves_a_failed_order(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe
) -> None:
    """QUOTE_EXPIRED names the order, which was never pending; the same key answers the same; nothing is taken."""
    supply = on_sale()
    request = attempt(buyer, supply, by=timedelta(0))
    token = quoted(buyer, request.body)["quote"]
    late = attempt(buyer, supply, by=timedelta(seconds=301))
    late.body = {**request.body, "quote": token}
    with pytest.raises(OrderRefused) as refusal:
        late.run()
    assert refusal.value.code == "QUOTE_EXPIRED"
    order_id = refusal.value.members["order_id"]
    assert isinstance(order_id, str)
    assert probe.event_types(order_id) == ["order.placed", "order.failed"]
    assert buyer.get(f"/v1/orders/{order_id}")["failure"]["code"] == "QUOTE_EXPIRED"
    again = late.send()
    problem = again.json()
    assert (again.status_code, problem["code"], problem["order_id"]) == (409, "QUOTE_EXPIRED", order_id)
    assert probe.settled(order_id).status == "failed"
    assert probe.stock(supply["id"]).available == 10
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)
    in_time = attempt(buyer, supply, by=timedelta(seconds=200))
    in_time.body = {**request.body, "quote": token}
    assert in_time.run().status == "confirmed"


def test_a_quote_is_for_the_order_that_was_quoted(
    buyer: ApiUser, anyone: Callable[[], ApiUser], on_sale: OnSale, probe: DatabaseProbe
) -> None:
    """Other items, another quantity, another wallet, somebody else: 400 QUOTE_INVALID, and nothing is placed."""
    supply, other, friend = on_sale(), on_sale(), anyone()
    body = body_of(buyer, (supply, 1), (other, 1))
    token = quoted(buyer, body)["quote"]
    second = buyer.post("/v1/wallets", {"name": "Another"}, key=fresh_key())["id"]
    unlike = [
        body_of(buyer, (supply, 1)),
        body_of(buyer, (supply, 2), (other, 1)),
        body_of(buyer, (other, 1), (supply, 1)),
        {**body, "wallet_id": second},
    ]
    for each in unlike:
        refused(buy(buyer, {**each, "quote": token}), 400, "QUOTE_INVALID", "quote")
    refused(buy(friend, {**body, "wallet_id": friend.wallet_id, "quote": token}), 400, "QUOTE_INVALID", "quote")
    assert probe.orders_of(buyer.user_id) == probe.orders_of(friend.user_id) == []
    assert buy(buyer, {**body, "quote": token}).status_code == 201


def nothing_is_taken(person: ApiUser, supply: Supply, probe: DatabaseProbe, order_id: str) -> None:
    """A refused order is kept as failed, and has nothing reserved or held."""
    assert probe.event_types(order_id) == ["order.placed", "order.failed"]
    assert probe.settled(order_id).status == "failed"
    assert probe.stock(supply["id"]).reserved == 0
    assert probe.money(person.wallet_id)[1] == 0


def test_a_quote_is_used_once(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Another order with it is QUOTE_EXPIRED, though it is the same order; the same key is answered as before."""
    supply, key = on_sale(), fresh_key()
    body = body_of(buyer, (supply, 1))
    body["quote"] = quoted(buyer, body)["quote"]
    first = buy(buyer, body, key)
    assert first.status_code == 201
    order_id = refused(buy(buyer, body), 409, "QUOTE_EXPIRED")["order_id"]
    assert probe.settled(first.json()["id"]).status == "paid"
    nothing_is_taken(buyer, supply, probe, order_id)
    again = buy(buyer, body, key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert probe.stock(supply["id"]).available == 9


def test_of_many_orders_at_once_one_uses_a_quote(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """The others are QUOTE_EXPIRED, and take nothing."""
    supply = on_sale(quantity=100)
    body = body_of(buyer, (supply, 1))
    body["quote"] = quoted(buyer, body)["quote"]
    tries = at_once([lambda: buyer.send_with_retries("POST", "/v1/orders", body, fresh_key())] * 8)
    answers = [answer for answer in tries if isinstance(answer, httpx.Response)]
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    late = [answer.json() for answer in answers if answer.status_code == 409]
    assert {problem["code"] for problem in late} == {"QUOTE_EXPIRED"}
    (won,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert probe.settled(won["id"]).status == "paid"
    for problem in late:
        nothing_is_taken(buyer, supply, probe, problem["order_id"])
    assert probe.stock(supply["id"]).available == 99


def test_a_refused_order_has_used_its_quote(buyer: ApiUser, on_sale: OnSale, change: Callable[..., None]) -> None:
    """A quote is used up even if its order ends without a purchase."""
    supply = on_sale()
    body = body_of(buyer, (supply, 1))
    body["quote"] = quoted(buyer, body)["quote"]
    change(supply, status="paused")
    refused(buy(buyer, body), 409, "NOT_ON_SALE")
    change(supply, status="active")
    refused(buy(buyer, body), 409, "QUOTE_EXPIRED")


def test_a_quote_ends_with_its_phase(
    buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, change: Callable[..., None]
) -> None:
    """A price for friends is none for everybody, nor one of a sale without phases for a phase."""
    early = on_sale(quantity=100, phases=[in_a_phase(name="Early", unit_price="1")])
    plain = on_sale(quantity=100)
    bodies = {supply["id"]: body_of(buyer, (supply, 9)) for supply in (early, plain)}
    quotes = {supply_id: quoted(buyer, body)["quote"] for supply_id, body in bodies.items()}
    assert all(quotes.values())
    for supply in (early, plain):
        change(supply, phases=[in_a_phase(name="Everybody")])
        body = {**bodies[supply["id"]], "quote": quotes[supply["id"]]}
        nothing_is_taken(buyer, supply, probe, refused(buy(buyer, body), 409, "QUOTE_EXPIRED")["order_id"])


def test_a_phase_that_ends_after_an_order_was_placed_refuses_it(
    buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, change: Callable[..., None], attempt: Callable[..., Attempt]
) -> None:
    """Reserve looks under its own lock: the terms of a quote do not outlive its phase by a slow order."""
    supply = on_sale(phases=[in_a_phase(name="Early", unit_price="1")])
    late = attempt(buyer, supply, by=timedelta(0))
    late.body["quote"] = quoted(buyer, late.body)["quote"]
    ended = Disturbance("supply.reserve", "before", lambda: change(supply, phases=[in_a_phase(name="Late")]))
    with pytest.raises(OrderRefused) as refusal:
        late.run(Steps(ended))
    assert refusal.value.code == "NOT_ON_SALE"
    nothing_is_taken(buyer, supply, probe, str(refusal.value.members["order_id"]))


def test_a_quote_that_was_altered_is_none(buyer: ApiUser, on_sale: OnSale) -> None:
    """A price changed in it, its signature cut or moved to another payload, and what never was one."""
    body = body_of(buyer, (on_sale(), 1))
    payload, signature = quoted(buyer, body)["quote"].split(".")
    inside = json.loads(base64.urlsafe_b64decode(payload))
    inside["lines"][0]["unit_price"] = "1"
    cheap = base64.urlsafe_b64encode(json.dumps(inside).encode()).decode()
    another, _ = quoted(buyer, body_of(buyer, (on_sale(), 1)))["quote"].split(".")
    texts = [f"{cheap}.{signature}", f"{another}.{signature}", payload, f"{payload}.", f"{payload}.{signature[:-4]}"]
    for text in (*texts, "", ".", "é", "a.b.c", f" {payload}.{signature}", f"{payload}.{signature}."):
        refused(buy(buyer, {**body, "quote": text}), 400, "QUOTE_INVALID", "quote")
    refused(buy(buyer, {**body, "quote": 7}), 400, "VALIDATION_FAILED", "quote")


texts, amounts = st.text(max_size=30), st.integers(0, MAXIMUM).map(Amount)
leaves = st.none() | st.tuples(st.integers(0, 2**53 - 1), amounts)
lines = st.builds(
    QuotedLine, texts, st.integers(1, 10**9), amounts, texts, st.booleans(), st.integers(0, 2**32 - 1), leaves
)
quotes = st.builds(
    Quote,
    texts,
    texts,
    texts,
    st.lists(lines, max_size=5).map(tuple),
    st.datetimes(timezones=st.just(UTC)),
)


@given(quotes, st.data())
def test_one_changed_character_spoils_a_quote(made: Quote, data: st.DataObject) -> None:
    """A sealed quote opens as it was; with any character of it changed, or another key, it does not open at all."""
    house = HmacQuotes(b"a key")
    sealed = house.seal(made)
    assert house.open(sealed) == made
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = data.draw(st.characters().filter(lambda character: character != sealed[at]))
    for spoilt in (sealed[:at] + changed + sealed[at + 1 :], HmacQuotes(b"another key").seal(made)):
        with pytest.raises(QuoteInvalid):
            house.open(spoilt)


# Proofs


def listed(root: str, **terms: Any) -> dict[str, Any]:
    """A phase that is open now, for those on a list."""
    return {"name": "Friends", "starts_at": "2026-01-01T00:00:00Z", "allowlist_root": root, **terms}


def test_an_order_of_a_list_carries_its_proof(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """With it the buyer is in; without it, or with another's, it is NOT_ALLOWED; it is kept nowhere."""
    root, proof = list_of(leaf(buyer.address), leaf(SOMEBODY))
    supply = on_sale(phases=[listed(root)])
    body = body_of(buyer, (supply, 1))
    with_proof = {**body, "items": [{**body["items"][0], "proof": proof}]}
    assert quoted(buyer, body)["reasons"] == ["NOT_ALLOWED"]
    assert quoted(buyer, body)["quote"] is None
    view = quoted(buyer, with_proof)
    assert (view["eligible"], view["items"][0]["phase"]) == (True, "Friends")
    refused(buy(buyer, body), 409, "NOT_ALLOWED")
    refused(buy(buyer, {**body, "items": [{**body["items"][0], "proof": ["0x" + "11" * 32]}]}), 409, "NOT_ALLOWED")
    order = buy(buyer, with_proof).json()
    assert probe.settled(order["id"]).status == "paid"
    placed = buyer.get(f"/v1/orders/{order['id']}/events")["items"][0]["data"]["items"][0]
    assert (placed["phase"], placed["listed"], placed["limit"]) == ("Friends", True, 0)
    kept = probe.rows("order", "SELECT data::text AS data FROM events WHERE stream = :id", id=order["id"])
    assert not any(proof[0][2:] in row["data"] for row in kept)


def test_a_list_gives_a_price_and_a_limit_of_their_own(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """A leaf of (address, limit, price): the price is charged, the limit holds, and a wrong claim of it is refused."""
    root, hashes = list_of(leaf(buyer.address, 2, 5), leaf(SOMEBODY, 9, 1))
    supply = on_sale(phases=[listed(root, per_user_limit=1)])
    body = body_of(buyer, (supply, 2))
    proof = {"hashes": hashes, "per_user_limit": 2, "unit_price": "5"}

    def wanting(quantity: int, **changed: Any) -> dict[str, Any]:
        line = {"supply_id": supply["id"], "quantity": quantity, "proof": {**proof, **changed}}
        return {**body, "items": [line]}

    refused(buy(buyer, wanting(2, unit_price="1")), 409, "NOT_ALLOWED")
    refused(buy(buyer, wanting(2, per_user_limit=3)), 409, "NOT_ALLOWED")
    refused(buy(buyer, wanting(3)), 409, "USER_LIMIT")
    order = buy(buyer, wanting(2)).json()
    assert order["total"] == "10"
    assert probe.settled(order["id"]).status == "paid"
    refused(buy(buyer, wanting(1)), 409, "USER_LIMIT")


def test_a_leaf_of_one_unit_is_no_price_for_a_hundred(
    buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, change: Callable[..., None]
) -> None:
    """A list's price is quoted within the list's limit alone, and ends with the list's phase: 1 wei bought nothing."""
    root, hashes = list_of(leaf(buyer.address, 1, 1), leaf(SOMEBODY))
    supply = on_sale(quantity=1000, phases=[listed(root)])
    proof = {"hashes": hashes, "per_user_limit": 1, "unit_price": "1"}

    def wanting(quantity: int) -> dict[str, Any]:
        return {**body_of(buyer), "items": [{"supply_id": supply["id"], "quantity": quantity, "proof": proof}]}

    greedy = quoted(buyer, wanting(100))
    assert (greedy["eligible"], greedy["reasons"], greedy["quote"]) == (False, ["USER_LIMIT"], None)
    one = {**wanting(1), "quote": quoted(buyer, wanting(1))["quote"]}
    for everybody in (
        {"name": "Everybody"},
        {"name": "Friends"},
    ):  # the second: the same phase, of which the list is gone
        change(supply, phases=[in_a_phase(**everybody)])
        nothing_is_taken(buyer, supply, probe, refused(buy(buyer, one), 409, "QUOTE_EXPIRED")["order_id"])
    change(supply, phases=[listed(root)])
    assert buy(buyer, one).json()["total"] == "1"
    again = quoted(buyer, wanting(1))
    assert (again["reasons"], again["quote"]) == (["USER_LIMIT"], None)


def test_a_quote_is_of_one_leaf(buyer: ApiUser, on_sale: OnSale) -> None:
    """Another leaf of the same list, no proof, or one that leads nowhere: the price of the first is not given."""
    cheap, dear = leaf(buyer.address, 1, 1), leaf(buyer.address, 9, 500)
    root, to_cheap = list_of(cheap, dear)
    supply = on_sale(phases=[listed(root)])
    line = {"supply_id": supply["id"], "quantity": 1}
    proof = {"hashes": to_cheap, "per_user_limit": 1, "unit_price": "1"}
    body = {"wallet_id": buyer.wallet_id, "items": [{**line, "proof": proof}]}
    token = quoted(buyer, body)["quote"]
    others = ({"hashes": [f"0x{cheap.hex()}"], "per_user_limit": 9, "unit_price": "500"}, to_cheap, None)
    for other in others:
        refused(
            buy(buyer, {**body, "items": [{**line, "proof": other}], "quote": token}), 400, "QUOTE_INVALID", "quote"
        )
    lost = {**proof, "hashes": ["0x" + "11" * 32]}
    refused(buy(buyer, {**body, "items": [{**line, "proof": lost}], "quote": token}), 409, "QUOTE_EXPIRED")
    assert buy(buyer, {**body, "quote": token}).json()["total"] == "1"


def test_a_limit_that_is_used_up_meanwhile_is_kept(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """A quote keeps prices, not places: two quotes within a limit do not make it twice as high."""
    supply = on_sale(per_user_limit=2)
    body = body_of(buyer, (supply, 2))
    first, second = (quoted(buyer, body)["quote"] for _ in range(2))
    assert buy(buyer, {**body, "quote": first}).status_code == 201
    order_id = refused(buy(buyer, {**body, "quote": second}), 409, "USER_LIMIT")["order_id"]
    assert probe.settled(order_id).status == "failed"
    assert probe.stock(supply["id"]).available == 8


BAD_PROOFS = [
    *("0x", {}, 7, [7], ["0x" + "1" * 63], ["1" * 64], ["0x" + "1" * 64 + "\n"], ["0x" + "g" * 64]),
    [f"0x{n:064x}" for n in range(65)],
    {"hashes": [], "per_user_limit": 1},
    *({"hashes": [], "per_user_limit": n, "unit_price": "1"} for n in (-1, 1.5, "1", 2**53)),
    {"hashes": [], "per_user_limit": 1, "unit_price": 1},
    {"hashes": [], "per_user_limit": 1, "unit_price": "1", "x": 1},
]


def test_a_proof_of_another_shape_is_malformed(merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """400 names the field."""
    for proof in BAD_PROOFS:
        with subtests.test(proof=proof):
            body = {"wallet_id": merchant.wallet_id, "items": [{"supply_id": "x", "quantity": 1, "proof": proof}]}
            problem = refused(buy(merchant, body), 400, "VALIDATION_FAILED")
            assert problem["errors"][0]["field"].startswith("items[0].proof")


def test_the_lines_of_a_supply_carry_the_same_proof(buyer: ApiUser, on_sale: OnSale) -> None:
    """Two that differ, or one without, are 400; two that agree are one order."""
    root, proof = list_of(leaf(buyer.address), leaf(SOMEBODY))
    line = {"supply_id": on_sale(phases=[listed(root)])["id"], "quantity": 1}
    for other in (line, {**line, "proof": ["0x" + "11" * 32]}):
        body = {"wallet_id": buyer.wallet_id, "items": [{**line, "proof": proof}, other]}
        refused(buy(buyer, body), 400, "VALIDATION_FAILED", "items")
    body = {"wallet_id": buyer.wallet_id, "items": [{**line, "proof": proof}] * 2}
    assert buy(buyer, body).status_code == 201
