"""What the Python client adds to the generated methods: retries, sessions, iterators, waiting for a payment."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from shared.client.python.meridian_client import (
    ApiError,
    AsyncMeridian,
    Meridian,
    OrderEnded,
    OrderLine,
    Retries,
    aiterate,
    iterate,
)
from shared.client.python.meridian_client.api import Tokens

Step = httpx.Response | Exception
LINES = [OrderLine(supply_id="s", quantity=1)]
WALLET = {
    **dict.fromkeys(("user_id", "name", "address"), "x"),
    **dict.fromkeys(("created_at", "updated_at"), "2026-11-23T10:00:00Z"),
    **{"chain_id": 1, "status": "open", "version": 1},
}
LOST = httpx.ReadError("cut off")
REFUSED = httpx.ConnectError("refused")
AT_ONCE = {"Retry-After": "0"}


def problem(status: int, code: str) -> httpx.Response:
    """An error response of Meridian's."""
    return httpx.Response(status, json={"code": code}, headers={**AT_ONCE, "Content-Type": "application/problem+json"})


def order(status: str) -> dict[str, Any]:
    """An order in a response."""
    words = dict.fromkeys(("id", "user_id", "wallet_id", "merchant_id", "total"), "o")
    times = dict.fromkeys(("expires_at", "created_at", "updated_at"), "2026-11-23T10:00:00Z")
    return {**words, **times, "currency": "USDC", "items": [], "version": 1, "status": status}


class Server:
    """Answers with one step after another, and remembers the requests."""

    def __init__(self, *steps: Step) -> None:
        self._steps = iter(steps)
        self.seen: list[httpx.Request] = []
        self.tokens: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        renews = request.url.path == "/v1/auth/refresh"
        self.tokens.append(
            json.loads(request.content)["refresh_token"] if renews else request.headers.get("Authorization", "")
        )
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step

    def client(self, **more: Any) -> Meridian:
        """A client of it."""
        return Meridian("http://shop", transport=httpx.MockTransport(self), **more)

    async def asynchronously(self, call: Callable[[AsyncMeridian], Any]) -> Any:
        """What a call of an asynchronous client of it returns."""
        async with AsyncMeridian("http://shop", transport=httpx.MockTransport(self)) as shop:
            return await call(shop)


def transient() -> tuple[Step, ...]:
    """Outcomes after which a purchase is sent again, and a last one that is final."""
    return LOST, problem(503, "ORDER_PENDING"), problem(409, "IDEMPOTENCY_IN_PROGRESS"), problem(409, "SOLD_OUT")


def test_a_purchase_is_repeated_under_its_key() -> None:
    """Whether it was cut off, its outcome is unknown or it is in progress; a refusal is final."""
    server = Server(*transient())
    with pytest.raises(ApiError, match="SOLD_OUT"):
        server.client().create_order(wallet_id="w", items=LINES)
    other = Server(*transient())
    with pytest.raises(ApiError, match="SOLD_OUT"):
        asyncio.run(other.asynchronously(lambda shop: shop.create_order(wallet_id="w", items=LINES)))
    for seen in (server.seen, other.seen):
        assert len(seen) == 4
        assert len({(each.headers["Idempotency-Key"], each.content) for each in seen}) == 1


@pytest.mark.parametrize(
    ("first", "again"),
    [(LOST, False), (problem(503, "UNAVAILABLE"), False), (REFUSED, True), (problem(429, "RATE_LIMITED"), True)],
    ids=["cut off", "unavailable", "not connected", "limited"],
)
def test_what_has_no_key_is_repeated_only_if_it_did_nothing(first: Step, again: bool) -> None:
    """A webhook that may have been made is not made again."""
    server = Server(first, problem(400, "VALIDATION_FAILED"))
    with pytest.raises((ApiError, httpx.ReadError)):
        server.client().create_webhook(url="https://example.com", events=["order.paid"])
    assert len(server.seen) == 1 + again


@pytest.mark.parametrize("call", ["create_claim", "cancel_order", "get_order"])
def test_what_does_no_more_the_second_time_is_repeated(call: str) -> None:
    """A read, and what has its effect once however often it is asked for."""
    server = Server(LOST, problem(502, ""), problem(404, "NOT_FOUND"))
    with pytest.raises(ApiError, match="NOT_FOUND"):
        getattr(server.client(), call)(order_id="o")
    assert len(server.seen) == 3


def test_retries_end() -> None:
    """With the last response or error, and before a Retry-After that is too long."""
    server = Server(*[problem(503, "UNAVAILABLE")] * 2, LOST)
    with pytest.raises(httpx.ReadError):
        server.client(retries=Retries(attempts=3)).health()
    assert len(server.seen) == 3
    later = httpx.Response(429, headers={"Retry-After": "61"})
    server = Server(later)
    with pytest.raises(ApiError) as limited:
        server.client().health()
    assert (limited.value.retry_after, len(server.seen)) == (61, 1)


def test_a_session_is_refreshed() -> None:
    """Before its token expires, and when a token is not accepted any more; each token is sent to the API alone."""

    def tokens(number: int, expires_in: int) -> dict[str, Any]:
        pair = {"access_token": f"a{number}", "refresh_token": f"r{number}"}
        return {**pair, "token_type": "Bearer", "expires_in": expires_in, "user_id": "u"}

    healthy = httpx.Response(200, json={"items": []})
    server = Server(
        httpx.Response(200, json=tokens(2, 600)),
        healthy,
        problem(401, "UNAUTHENTICATED"),
        httpx.Response(200, json=tokens(3, 600)),
        healthy,
        problem(401, "UNAUTHENTICATED"),
        problem(400, "INVALID_GRANT"),
        problem(401, "UNAUTHENTICATED"),
    )
    shop = server.client(tokens=Tokens(**tokens(1, 0)))
    shop.list_wallets()
    shop.list_wallets()
    with pytest.raises(ApiError, match="UNAUTHENTICATED"):
        shop.list_wallets()
    again = ["Bearer a2", "r2", "Bearer a3"]
    assert server.tokens == ["r1", "Bearer a2", *again, "Bearer a3", "r3", "Bearer a3"]
    assert {each.url.host for each in server.seen} == {"shop"}


def pages() -> Iterator[httpx.Response]:
    """A list of three wallets on two pages, the second of which ends it."""
    wallets = [{**WALLET, "id": f"w{number}"} for number in range(3)]
    yield httpx.Response(200, json={"items": wallets[:2], "next_cursor": "c"})
    yield httpx.Response(200, json={"items": wallets[2:], "next_cursor": None})


def test_a_list_is_iterated_page_by_page() -> None:
    """Each page with the same arguments, when it is needed."""
    server = Server(*pages())
    found = iterate(server.client().list_wallets, limit=2)
    assert [next(found).id, next(found).id] == ["w0", "w1"]
    assert len(server.seen) == 1
    assert [each.id for each in found] == ["w2"]
    assert [str(each.url) for each in server.seen] == [
        "http://shop/v1/wallets?limit=2",
        "http://shop/v1/wallets?limit=2&cursor=c",
    ]

    async def listed(shop: AsyncMeridian) -> list[str]:
        items: AsyncIterator[Any] = aiterate(shop.list_wallets, limit=2)
        return [each.id async for each in items]

    assert asyncio.run(Server(*pages()).asynchronously(listed)) == ["w0", "w1", "w2"]


def test_a_feed_is_iterated_up_to_its_newest_item() -> None:
    """Its cursor is never null, and stays where nothing is new."""
    item = {"id": "e", "type": "order.paid", "subject": "o", "version": 1, "data": {}, "at": "2026-11-23T10:00:00Z"}
    page = {"items": [item], "next_cursor": "c"}
    server = Server(httpx.Response(200, json=page), httpx.Response(200, json={**page, "items": []}))
    assert [each.id for each in iterate(server.client().list_activity)] == ["e"]


def test_a_payment_is_waited_for() -> None:
    """Until the order is paid, has ended otherwise, or it takes too long."""

    def server(*states: str) -> Server:
        return Server(*(httpx.Response(200, json=order(status)) for status in states))

    assert server("pending", "confirmed", "paid").client().wait_until_paid("o").status == "paid"
    waited = server("confirmed", "claimed").asynchronously(lambda shop: shop.wait_until_paid("o"))
    assert asyncio.run(waited).status == "claimed"
    with pytest.raises(OrderEnded, match="o is expired"):
        server("pending", "expired").client().wait_until_paid("o")
    with pytest.raises(TimeoutError, match="o is still confirmed"):
        server("confirmed").client().wait_until_paid("o", within_seconds=0)
