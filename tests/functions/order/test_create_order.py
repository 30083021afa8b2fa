"""Buying, over HTTP and on the real stack: every response of the contract, keys, lost replies, and crashed requests."""

import json
import select
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import httpx
import pytest
from msgspec import structs

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from functions.order.create_order import create_order
from functions.order.domain.errors import OrderPending
from shared import ids
from shared.config import Settings
from shared.errors import KeyInUse, OutcomeUnknown, Unavailable
from shared.money import MAXIMUM
from shared.resources import Resources
from tests.clocks import ShiftedClock
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import MINUTE_AGO, Attempt, body_of
from tests.functions.order.steps import Disturbance, Steps
from tests.problems import refused
from tests.races import all_at_once
from tests.shared.commit_proxy import CommitProxy
from tests.triggers import Triggers

Supply = dict[str, Any]
OnSale = Callable[..., Supply]


def buy(person: ApiUser, body: Any, key: str | None = None) -> httpx.Response:
    """Send an order: whatever is answered."""
    return person.request("POST", "/v1/orders", body, key or fresh_key())


def test_an_order_is_confirmed(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, unpublished: None) -> None:
    """201 with the whole order; its stock is reserved and its funds are held by then."""
    supply = on_sale(unit_price="1500", title="A lamp")
    answer = buy(buyer, body_of(buyer, (supply, 2)))
    order = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    assert set(order) == {
        *("id", "user_id", "wallet_id", "merchant_id", "currency", "total", "status", "items"),
        *("expires_at", "version", "created_at", "updated_at"),
    }
    assert ids.valid(order["id"], "ord")
    assert (order["user_id"], order["wallet_id"]) == (buyer.user_id, buyer.wallet_id)
    assert (order["merchant_id"], order["currency"]) == (supply["merchant_id"], "USDC")
    assert (order["total"], order["status"], order["version"]) == ("3000", "confirmed", 2)
    item = order["items"][0]
    assert item == {
        **{"id": item["id"], "supply_id": supply["id"], "title": "A lamp", "unit_price": "1500", "quantity": 2}
    }
    created, expires = (datetime.fromisoformat(order[name]) for name in ("created_at", "expires_at"))
    assert timedelta(minutes=14) < expires - created < timedelta(minutes=16)
    assert buyer.get(f"/v1/orders/{order['id']}") == order
    assert probe.stock(supply["id"]) == Stock(quantity=10, available=8, reserved=2, sold=0)
    assert probe.money(buyer.wallet_id) == (FUNDS, 3000)


# Refusals that keep an order


REFUSALS: dict[str, tuple[dict[str, Any], int]] = {
    "SOLD_OUT": ({"quantity": 2}, 3),
    "USER_LIMIT": ({"per_user_limit": 2}, 3),
    "INSUFFICIENT_FUNDS": ({}, 1),
    "NOT_ON_SALE": ({"status": "draft"}, 1),
}
"""The terms of a supply, and how many units of it are ordered."""


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_order_is_kept_as_failed(code: str, merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """409 with the code and the order's id; the order says the same; nothing is reserved or held; a replay agrees."""
    buyer = merchant  # who sees the own draft
    buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "10000"})
    money = probe.money(buyer.wallet_id)
    terms, quantity = REFUSALS[code]
    price = {"unit_price": str(money[0])} if code == "INSUFFICIENT_FUNDS" else {}
    supply, fine = on_sale(**terms, **price), on_sale(unit_price="1")
    body = body_of(buyer, (fine, 1), (supply, quantity))
    key = fresh_key()
    first = buy(buyer, body, key)
    problem = refused(first, 409, code)
    order_id = problem["order_id"]
    assert probe.settled(order_id, within_seconds=0).status == "failed"
    assert probe.stock(fine["id"]).available == 10
    assert probe.stock(supply["id"]).reserved == 0
    assert probe.money(buyer.wallet_id) == money
    order = buyer.get(f"/v1/orders/{order_id}")
    assert (order["status"], order["failure"]) == ("failed", {"code": code, "detail": problem["detail"]})
    assert probe.event_types(order_id) == ["order.placed", "order.failed"]
    again = buy(buyer, body, key)
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


def test_two_lines_of_one_supply_count_together(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """What is left, and what one buyer may have, is compared with the sum of the lines."""
    scarce, limited = on_sale(quantity=3), on_sale(per_user_limit=3)
    refused(buy(buyer, body_of(buyer, (scarce, 2), (scarce, 2))), 409, "SOLD_OUT")
    refused(buy(buyer, body_of(buyer, (limited, 2), (limited, 2))), 409, "USER_LIMIT")
    order = buy(buyer, body_of(buyer, (limited, 1), (limited, 2))).json()
    assert [item["quantity"] for item in order["items"]] == [1, 2]
    assert order["total"] == "3000"
    refused(buy(buyer, body_of(buyer, (limited, 1))), 409, "USER_LIMIT")
    assert probe.settled(order["id"]).reservations == ("committed", "committed")


def test_what_is_refused_does_not_use_up_the_limit(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """After a refusal for funds the same units can still be bought."""
    supply = on_sale(per_user_limit=1, unit_price=str(FUNDS + 1))
    refused(buy(buyer, body_of(buyer, (supply, 1))), 409, "INSUFFICIENT_FUNDS")
    buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "1"})
    order = buy(buyer, body_of(buyer, (supply, 1))).json()
    assert probe.settled(order["id"]).status == "paid"
    assert probe.money(buyer.wallet_id) == (0, 0)


# Refusals without an order


@pytest.fixture
def fine(buyer: ApiUser, on_sale: OnSale) -> dict[str, Any]:
    """A body that nothing speaks against."""
    return body_of(buyer, (on_sale(), 1))


@pytest.fixture
def leaves_nothing(
    buyer: ApiUser, fine: dict[str, Any], probe: DatabaseProbe
) -> Callable[[Any, int, str], dict[str, Any]]:
    """Sends a body that is refused, and sees that no order and no key is kept: the same key may be used again."""

    def send(body: Any, status: int, code: str) -> dict[str, Any]:
        key, before = fresh_key(), probe.orders_of(buyer.user_id)
        problem = refused(buy(buyer, body, key), status, code)
        assert "order_id" not in problem
        assert probe.orders_of(buyer.user_id) == before
        again = buy(buyer, fine, key)
        assert again.status_code == 201
        assert "Idempotent-Replayed" not in again.headers
        return problem

    return send


Leaves = Callable[[Any, int, str], dict[str, Any]]


def test_lines_that_do_not_agree(
    buyer: ApiUser, anyone: Callable[[], ApiUser], on_sale: OnSale, leaves_nothing: Leaves, probe: DatabaseProbe
) -> None:
    """MIXED_CURRENCIES, MIXED_MERCHANTS and MIXED_CHAINS are 400 and name the field."""
    terms = {"title": "Theirs", "currency": "USDC", "unit_price": "1", "quantity": 1, "status": "active"}
    others: dict[str, Supply] = {
        "MIXED_CURRENCIES": on_sale(currency="ETH"),
        "MIXED_MERCHANTS": anyone().post("/v1/supplies", terms, key=fresh_key()),
        "MIXED_CHAINS": on_sale(),
    }
    # Of a release that did not ask whether the chain is served, or from before it was taken out of service.
    moved = "UPDATE supplies SET chain_id = 1 WHERE id = :id RETURNING id"
    probe.rows("supply", moved, id=others["MIXED_CHAINS"]["id"])
    for code, other in others.items():
        problem = leaves_nothing(body_of(buyer, (on_sale(), 1), (other, 1)), 400, code)
        assert problem["errors"][0]["field"] == "items"


def test_a_total_of_2_to_256_overflows(buyer: ApiUser, on_sale: OnSale, leaves_nothing: Leaves) -> None:
    """AMOUNT_OVERFLOW from 2^256 on; one atomic unit less is merely more than anybody has."""
    dear = on_sale(unit_price=str(MAXIMUM))
    leaves_nothing(body_of(buyer, (dear, 2)), 400, "AMOUNT_OVERFLOW")
    leaves_nothing(body_of(buyer, (dear, 1), (on_sale(unit_price="1"), 1)), 400, "AMOUNT_OVERFLOW")
    refused(buy(buyer, body_of(buyer, (dear, 1))), 409, "INSUFFICIENT_FUNDS")


def test_what_does_not_exist_is_not_found(
    buyer: ApiUser, merchant: ApiUser, on_sale: OnSale, leaves_nothing: Leaves, fine: dict[str, Any]
) -> None:
    """Unknown and malformed ids, another's wallet and another's draft are 404 alike."""
    draft = on_sale(status="draft")
    for wallet_id in (merchant.wallet_id, ids.new("wal", "us"), ids.new("ord", "us"), "", "é" * 300):
        leaves_nothing({**fine, "wallet_id": wallet_id}, 404, "NOT_FOUND")
    for supply_id in (draft["id"], ids.new("sup", "us"), ids.new("ord", "us"), "", "é" * 300):
        line = {"supply_id": supply_id, "quantity": 1}
        leaves_nothing({**fine, "items": [*fine["items"], line]}, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("items", []),
        ("items", None),
        ("items", {}),
        ("items", [{"supply_id": "x", "quantity": 1}] * 51),
        ("items", [{"supply_id": "x"}]),
        ("items", [{"supply_id": 1, "quantity": 1}]),
        ("items", [{"supply_id": "x", "quantity": 1, "price": "1"}]),
        *(("items", [{"supply_id": "x", "quantity": n}]) for n in (0, -1, 10**9 + 1, 10**30, 1.5, "1", True, None)),
        ("wallet_id", None),
        ("wallet_id", 7),
        ("total", "1"),
    ],
    ids=str,
)
def test_a_body_of_another_shape_is_malformed(
    field: str, value: Any, merchant: ApiUser, probe: DatabaseProbe, on_sale: OnSale
) -> None:
    """400 VALIDATION_FAILED names the field; neither order nor key is kept."""
    key, before = fresh_key(), probe.orders_of(merchant.user_id)
    body = {"wallet_id": merchant.wallet_id, "items": [{"supply_id": "x", "quantity": 1}], field: value}
    problem = refused(buy(merchant, body, key), 400, "VALIDATION_FAILED")
    assert problem["errors"][0]["field"].startswith(field)
    assert probe.orders_of(merchant.user_id) == before
    assert buy(merchant, body_of(merchant, (on_sale(unit_price="0"), 1)), key).status_code == 201


def test_fifty_lines_are_an_order(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """The most lines that an order may have go through as one."""
    supply = on_sale(quantity=50, unit_price="7")
    order = buy(buyer, body_of(buyer, *[(supply, 1)] * 50)).json()
    assert (order["total"], len(order["items"])) == ("350", 50)
    assert probe.settled(order["id"]).status == "paid"
    assert probe.stock(supply["id"]).sold == 50


# Free supplies


def test_a_free_order_is_paid_at_once(anyone: Callable[[], ApiUser], on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Price 0 needs no money and no hold: 201 says paid, the claim is open at once, and the ledger knows nothing."""
    buyer = anyone()
    supply = on_sale(unit_price="0", per_user_limit=1)
    order = buy(buyer, body_of(buyer, (supply, 1))).json()
    assert (order["status"], order["total"]) == ("paid", "0")
    assert probe.account(order["id"]).hold == ""
    claim = buyer.post("/v1/claims", {"order_id": order["id"]})
    assert claim["status"] == "claimed"
    account = probe.settled(order["id"])
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "claimed")
    account = probe.settled(order["id"])
    assert (account.hold, account.escrow, probe.postings(order["id"])) == ("", "", [])
    assert probe.event_types(order["id"]) == ["order.placed", "order.confirmed", "order.paid", "order.claimed"]
    refused(buy(buyer, body_of(buyer, (supply, 1))), 409, "USER_LIMIT")


# Idempotency keys


BAD_KEYS = {
    "missing": None,
    "empty": b"",
    "15": b"k" * 15,
    "256": b"k" * 256,
    "not ASCII": "schl\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel-0123456789".encode(),
    "not printable": b"k" * 15 + b"\tk",
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_is_16_to_255_printable_characters(
    key: bytes | None, buyer: ApiUser, fine: dict[str, Any], edge: httpx.Client, probe: DatabaseProbe
) -> None:
    """None is 400 IDEMPOTENCY_KEY_REQUIRED, anything else IDEMPOTENCY_KEY_MALFORMED, and nothing is ordered."""
    headers = [(b"Authorization", f"Bearer {buyer.access_token}".encode())]
    headers += [(b"Idempotency-Key", key)] if key is not None else []
    code = "IDEMPOTENCY_KEY_REQUIRED" if key is None else "IDEMPOTENCY_KEY_MALFORMED"
    problem = refused(edge.post("/v1/orders", json=fine, headers=headers), 400, code)
    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert probe.orders_of(buyer.user_id) == []


def test_the_shortest_and_the_longest_key_are_good(buyer: ApiUser, fine: dict[str, Any]) -> None:
    """16 and 255 characters, with whatever signs ASCII prints."""
    for key in (fresh_key()[:16], "!~" + fresh_key() + "k" * 221):
        assert buy(buyer, fine, key).status_code == 201
        assert buy(buyer, fine, key).headers["Idempotent-Replayed"] == "true"


def test_the_body_is_checked_before_the_key_and_the_key_before_existence(
    buyer: ApiUser, edge: httpx.Client, fine: dict[str, Any]
) -> None:
    """The contract's order of checks: a body that is malformed, then the key, then what does not exist."""
    send = partial(edge.post, "/v1/orders", headers={"Authorization": f"Bearer {buyer.access_token}"})
    refused(send(json={**fine, "items": []}), 400, "VALIDATION_FAILED")
    refused(send(json={**fine, "wallet_id": "wal_us_none"}), 400, "IDEMPOTENCY_KEY_REQUIRED")


def test_a_repeat_gets_the_same_answer(
    buyer: ApiUser, fine: dict[str, Any], edge: httpx.Client, probe: DatabaseProbe
) -> None:
    """Status and body are the same to the byte, whatever happened to the order since; only a header marks the repeat.

    The same request is the same JSON: how its members are ordered and spaced does not matter.
    """
    key = fresh_key()
    first = buy(buyer, fine, key)
    probe.settled(first.json()["id"])
    backwards = json.dumps(dict(reversed(fine.items())), indent=3)
    headers = {
        **{"Authorization": f"Bearer {buyer.access_token}", "Idempotency-Key": key},
        "Content-Type": "application/json",
    }
    for again in (buy(buyer, fine, key), edge.post("/v1/orders", content=backwards, headers=headers)):
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(probe.orders_of(buyer.user_id)) == 1


def test_a_key_is_for_one_request(buyer: ApiUser, fine: dict[str, Any], on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Another body under the same key is 422, after a success as after a refusal, and does nothing."""
    for body, status in ((fine, 201), (body_of(buyer, (on_sale(quantity=1), 2)), 409)):
        key = fresh_key()
        assert buy(buyer, body, key).status_code == status
        orders = probe.orders_of(buyer.user_id)
        other = {**body, "items": [{**body["items"][0], "quantity": 3}]}
        refused(buy(buyer, other, key), 422, "IDEMPOTENCY_KEY_REUSED")
        assert probe.orders_of(buyer.user_id) == orders
        assert buy(buyer, body, key).headers["Idempotent-Replayed"] == "true"


def test_twenty_at_once_are_one_order(buyer: ApiUser, fine: dict[str, Any], probe: DatabaseProbe) -> None:
    """Of 20 same requests at once one takes effect; the others get its answer, or 409 in progress with Retry-After."""
    key = fresh_key()
    answers = all_at_once([lambda: buy(buyer, fine, key)] * 20)
    orders = probe.orders_of(buyer.user_id)
    assert len(orders) == 1
    good = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in good}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in good].count(None) == 1
    for answer in answers:
        if answer.status_code != 201:
            refused(answer, 409, "IDEMPOTENCY_IN_PROGRESS")
            assert int(answer.headers["Retry-After"]) >= 1
    assert buy(buyer, fine, key).content == good[0].content
    assert probe.settled(orders[0]).status == "paid"
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000, 0)


def test_a_key_is_of_one_caller_and_one_operation(buyer: ApiUser, merchant: ApiUser, on_sale: OnSale) -> None:
    """Two users with the same key, and one user with the same key elsewhere, do not meet."""
    key, supply = fresh_key(), on_sale(unit_price="0")
    terms = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": 1}
    answers = [
        buy(buyer, body_of(buyer, (supply, 1)), key),
        buy(merchant, body_of(merchant, (supply, 1)), key),
        buyer.request("POST", "/v1/supplies", terms, key),
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


# Lost replies


def lose_reply(stack: Stack, person: ApiUser, body: Any, key: str, *, wait: bool) -> None:
    """Send an order, and lose the connection.

    wait: until the reply has come, unread, so that the order was committed; otherwise at once.
    """
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: {stack.edge_url.removeprefix('http://')}\r\n"
        f"Authorization: Bearer {person.access_token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stack.ports["edge"])) as connection:
        connection.sendall(head.encode() + content)
        if wait:
            assert select.select([connection], [], [], 30)[0], "no reply came"
        # No lingering: the reply is discarded, and the peer gets a connection reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def lose_replies(times: int, stack: Stack, buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Lose so many replies, and ask again for each with its key."""
    body = body_of(buyer, (on_sale(quantity=times), 1))
    keys = [fresh_key() for _ in range(times)]
    for key in keys:
        lose_reply(stack, buyer, body, key, wait=True)
    committed = probe.orders_of(buyer.user_id)
    assert len(committed) == times
    found = []
    for key in keys:
        answer = buy(buyer, body, key)
        assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (201, "true")
        found.append(answer.json()["id"])
    assert sorted(found) == probe.orders_of(buyer.user_id) == committed
    assert {account.status for account in probe.all_settled(found).values()} == {"paid"}
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000 * times, 0)


def test_a_lost_reply_is_found_by_its_key(stack: Stack, buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """The reply dropped after the commit, 10 times: the same key finds the order, and there is no other."""
    lose_replies(10, stack, buyer, on_sale, probe)


@pytest.mark.long
def test_fifty_lost_replies_are_found_by_their_keys(
    stack: Stack, buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe
) -> None:
    """The same 50 times."""
    lose_replies(50, stack, buyer, on_sale, probe)


def test_a_client_that_goes_away_gets_one_order(
    stack: Stack, buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe
) -> None:
    """The connection lost as soon as the request is sent: with the same key there is one order in the end, and paid."""
    body, key = body_of(buyer, (on_sale(), 1)), fresh_key()
    lose_reply(stack, buyer, body, key, wait=False)
    order = buyer.send_with_retries("POST", "/v1/orders", body, key).json()
    assert probe.orders_of(buyer.user_id) == [order["id"]]
    assert probe.settled(order["id"]).status == "paid"


# Requests that are cut off


def steps_of(request: Attempt) -> list[str]:
    """The steps of a purchase on real parts, which takes place."""
    steps = Steps()
    request.run(steps)
    return steps.taken


def test_the_same_key_resumes_from_any_crash(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe, triggers: Triggers
) -> None:
    """A crash before or after any step: the same key has the order confirmed, one order for each key, all paid.

    Sweepers are at the same orders all the while: whoever is faster, every answer of a key is the same to the byte.
    """
    supply = on_sale(quantity=100)
    taken = steps_of(attempt(buyer, supply))
    cut = [attempt(buyer, supply) for _ in range(2 * len(taken))]
    for number, request in enumerate(cut):
        request.crash(number // 2, "after" if number % 2 else "before")
    over = Event()

    def sweep() -> None:
        while not over.is_set():
            triggers.start("advance_orders")

    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(sweep)
        answers = [request.insist() for request in cut]
        over.set()
        sweeping.result()
    assert {(answer.status_code, answer.text) for answer in answers if answer.status_code != 201} == set()
    found = sorted(answer.json()["id"] for answer in answers)
    assert len(set(found)) == len(cut)
    orders = probe.orders_of(buyer.user_id)
    assert set(found) < set(orders) and len(orders) == len(cut) + 1
    assert {account.status for account in probe.all_settled(orders).values()} == {"paid"}
    assert probe.stock(supply["id"]).sold == len(orders)
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000 * len(orders), 0)
    for request, answer in zip(cut, answers, strict=True):
        assert request.send().content == answer.content


def test_a_refusal_is_resumed_with_the_bytes_that_are_kept(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe
) -> None:
    """Cut off before it was refused: the same key is refused, and from then on with the same bytes."""
    request = attempt(buyer, on_sale(quantity=1), 2)
    request.crash("supply.reserve")
    first, again = request.send(), request.send()
    refused(first, 409, "SOLD_OUT")
    assert again.content == first.content
    assert probe.settled(first.json()["order_id"], within_seconds=0).status == "failed"


def test_the_sweep_resumes_from_any_crash(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe, triggers: Triggers
) -> None:
    """A crash before or after any step, and a client that is gone: every order that was placed is paid."""
    supply = on_sale(quantity=100)
    taken = steps_of(attempt(buyer, supply))
    for at in range(len(taken)):
        for moment in ("before", "after"):
            attempt(buyer, supply).crash(at, moment)
    placed = 2 * (len(taken) - taken.index("commit")) - 1
    orders = probe.orders_of(buyer.user_id)
    assert len(orders) == placed + 1
    triggers.start("advance_orders")
    assert {account.status for account in probe.all_settled(orders).values()} == {"paid"}
    assert probe.stock(supply["id"]) == Stock(100, 100 - len(orders), 0, len(orders))
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000 * len(orders), 0)


def test_a_crashed_request_is_in_progress_for_its_lease(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe
) -> None:
    """Right after a crash the same key is 409 with Retry-After: the first request might still be at work."""
    request = attempt(buyer, on_sale(), by=timedelta(0))
    request.crash("supply.reserve")
    answer = request.send()
    refused(answer, 409, "IDEMPOTENCY_IN_PROGRESS")
    assert int(answer.headers["Retry-After"]) >= 1
    with pytest.raises(KeyInUse):
        request.run()
    later = replace(request, resources=attempt(buyer, on_sale(), by=timedelta(seconds=11)).resources)
    assert later.run().id == probe.orders_of(buyer.user_id)[0]


def test_an_outcome_that_is_not_known_in_time_is_pending(
    buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], probe: DatabaseProbe
) -> None:
    """A service that does not answer: ORDER_PENDING names the order, and the same key resumes it at once."""
    request = attempt(buyer, on_sale(), by=timedelta(0))
    impatient = structs.replace(request.resources.settings, answer_within_seconds=0)
    request.resources.settings = impatient

    steps = Steps()

    def fail() -> None:
        steps.disturbance = silent  # the next call, too
        raise Unavailable

    steps.disturbance = silent = Disturbance("wallet.hold", "after", fail)
    with pytest.raises(OrderPending) as pending:
        request.run(steps)
    answer = request.send()
    assert (answer.status_code, answer.json()["id"]) == (201, pending.value.members["order_id"])
    assert probe.settled(answer.json()["id"]).status == "paid"


def test_a_service_that_is_away_is_503(
    stack: Stack, buyer: ApiUser, fine: dict[str, Any], probe: DatabaseProbe
) -> None:
    """Before anything was placed the answer is 503 with Retry-After, and the key is free: later it orders."""
    key, name = fresh_key(), f"rpc-wallet-{stack.layout.regions[0]}"
    stack.pause(name)
    try:
        answer = buy(buyer, fine, key)
    finally:
        stack.pause(name, resume=True)
    refused(answer, 503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1
    assert probe.orders_of(buyer.user_id) == []
    assert buy(buyer, fine, key).status_code == 201


# Commits whose fate is not known


@pytest.mark.parametrize(("fate", "orders"), [("is lost", 0), ("has its answer lost", 1)])
def test_a_placing_whose_commit_is_unknown_is_looked_up_by_its_key(
    fate: Any,
    orders: int,
    settings: Settings,
    buyer: ApiUser,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
) -> None:
    """The connection breaks at T1: the outcome of the commit is unknown, and retrying the key ends with one order."""
    with CommitProxy(settings.database_port) as wire:
        request = attempt(buyer, on_sale())
        request.resources = Resources(structs.replace(settings, database_port=wire.port), ShiftedClock(MINUTE_AGO))

        def cut() -> None:
            wire.commit = fate

        with pytest.raises(OutcomeUnknown):
            request.run(Steps(Disturbance("commit", "before", cut)))
        request.resources.database("order").close()
    assert len(probe.orders_of(buyer.user_id)) == orders
    order_id = request.send().json()["id"]
    assert probe.orders_of(buyer.user_id) == [order_id]
    assert probe.settled(order_id).status == "paid"


@pytest.mark.parametrize("fate", ["is lost", "has its answer lost"])
def test_an_outcome_whose_commit_is_unknown_is_looked_up(
    fate: Any,
    settings: Settings,
    buyer: ApiUser,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
) -> None:
    """The connection breaks at T2: the request reads what was committed, and returns the one outcome."""
    with CommitProxy(settings.database_port) as wire:
        request = attempt(buyer, on_sale())
        request.resources = Resources(structs.replace(settings, database_port=wire.port), ShiftedClock(MINUTE_AGO))

        def cut() -> None:
            wire.commit = fate

        work = request.work(Steps(Disturbance("wallet.hold", "after", cut)))
        work.pause = lambda attempt: setattr(wire, "commit", "arrives")
        with suppress(KeyInUse):  # it is paid by then: what it is answered is stored
            create_order(request.request, request.caller, work)
        request.resources.database("order").close()
    answer = request.send()
    assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
    assert probe.event_types(answer.json()["id"])[:2] == ["order.placed", "order.confirmed"]
    assert probe.settled(answer.json()["id"]).status == "paid"
    assert len(probe.orders_of(buyer.user_id)) == 1
