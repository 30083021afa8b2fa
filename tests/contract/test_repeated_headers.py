"""A header that has one value and is sent twice is refused on every route, never folded into another value."""

import json
import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from shared.config import Settings
from shared.runtime.request_headers import HOST, SINGLE
from tests.contract.api import ROWS, Api, filled, problem
from tests.database_probe import DatabaseProbe

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

TWICE: Final[dict[str, tuple[str, ...]]] = {
    "Authorization": ("Bearer {token}", "Bearer other", "Basic YTpi"),
    "Content-Type": ("application/json", "text/plain", "application/json; charset=utf-8"),
    "Host": ("shop.example", "other.example"),
    "Traceparent": (TRACE, TRACE.replace("0a", "0b")),
    "X-Internal-Token": ("one", "two"),
    "X-Request-Id": ("req-1", "req-2"),
}
"""For each header with one value: the first of two, and what the second may be."""

BY_THE_EDGE: Final = {"content-length"}
"""What decides where a request ends is refused before any function sees it."""


def ask(url: str, head: str, headers: list[tuple[str, str]], body: str = "") -> tuple[int, dict[str, Any]]:
    """The status and the JSON of the answer to a request, whose headers are sent as they are."""
    lines = [f"{head} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "Connection: close", "", body]
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    answered, _, content = received.partition(b"\r\n\r\n")
    return int(answered.split(b" ")[1]), json.loads(content or b"{}")


@pytest.fixture(params=["edge", "function"])
def url(request: pytest.FixtureRequest, stack: Stack) -> str:
    """Where to ask: through the edge, or a function itself, as functions-framework serves it."""
    direct = f"http://{stack.environment['FUNCTIONS_ADDRESS']}"
    return stack.edge_url if request.param == "edge" else direct


def test_every_header_with_one_value_is_tried() -> None:
    """The table has what the runtime refuses to see twice, each of them, and nothing else."""
    assert {name.lower() for name in TWICE} | BY_THE_EDGE == SINGLE | HOST


@pytest.mark.parametrize("name", TWICE)
def test_twice_is_refused(name: str, url: str, stack: Stack, api: Api, world: Any) -> None:
    """Two values are refused, and two equal ones; a good request has one."""
    if name == "Content-Type" and url != stack.edge_url:
        pytest.skip("granian shows a function the first one alone")
    token = api.token(person=world.owner)
    right = {"Host": "shop.example", "Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"name": "Savings"})
    right |= {"Content-Length": str(len(body)), "Idempotency-Key": fresh_key()}
    first, *others = (value.format(token=token) for value in TWICE[name])
    once = [*right.items()] if name in right else [*right.items(), (name, first)]
    assert ask(url, "POST /v1/wallets", once, body)[0] == 201
    for second in (first, *others):
        status, refusal = ask(url, "POST /v1/wallets", [*once, (name.lower(), second)], body)
        assert (status, refusal.get("code")) == (400, "DUPLICATE_HEADER"), (second, refusal)
        assert refusal["errors"][0]["field"].lower() == name.lower()


@pytest.mark.parametrize("name", ["Authorization", "X-Request-Id"])
def test_every_route_refuses_it(name: str, api: Api, subtests: pytest.Subtests) -> None:
    """Before any other check, and also if the header is empty."""
    for row in ROWS:
        with subtests.test(row=row.name):
            answer = api.ask(row, headers={name: "Bearer x" if name == "Authorization" else "x", name.lower(): "y"})
            assert answer.headers["X-Request-Id"] not in ("x", "y", "x,y")
            problem(answer, 400, "DUPLICATE_HEADER")


@pytest.mark.parametrize("second", ["2", "3", ""])
def test_two_lengths_are_no_request(second: str, stack: Stack) -> None:
    """A request that may end in two places is refused by the edge, and one that ends twice in the same one as well."""
    headers = [("Host", "shop.example"), ("Content-Length", "2"), ("Content-Length", second)]
    status, refusal = ask(stack.edge_url, "POST /v1/auth/nonce", headers, "{}")
    assert (status, refusal["code"]) == (400, "MALFORMED_REQUEST")


def test_lists_may_be_sent_in_pieces(api: Api, world: Any) -> None:
    """If-None-Match is a list: its lines are one list (RFC 9110, 13.1.2)."""
    row = next(row for row in ROWS if row.name == "get_wallet")
    path = filled(row, world.known)
    tag = api.ask(row, path=path).headers["ETag"]
    assert api.ask(row, path=path, headers={"If-None-Match": '"x"', "if-none-match": tag}).status_code == 304


def test_a_doubled_key_moves_no_money(
    buyer: ApiUser, anyone: Callable[[], ApiUser], edge: httpx.Client, probe: DatabaseProbe
) -> None:
    """A proxy that doubles the key of a retry has the retry refused: once moved, money is not moved again."""
    other, key = anyone(), fresh_key()
    body = {"from_wallet_id": buyer.wallet_id, "to_wallet_id": other.wallet_id, "currency": "USDC", "amount": "5"}
    moved = buyer.post("/v1/transfers", body, key=key)
    doubled = [("Authorization", f"Bearer {buyer.access_token}"), ("Idempotency-Key", key), ("Idempotency-Key", key)]
    for headers in (doubled, [doubled[0], ("Idempotency-Key", f"{key},{key}")]):
        problem(edge.post("/v1/transfers", json=body, headers=headers), 400, "DUPLICATE_HEADER", "Idempotency-Key")
    entries = other.get(f"/v1/wallets/{other.wallet_id}/entries")["items"]
    assert [entry["transfer_id"] for entry in entries] == [moved["id"]]


@pytest.mark.parametrize("path", ["/_schedules/purge_deliveries", "/_events/open_claim"])
def test_internal_functions_refuse_it(path: str, stack: Stack, settings: Settings) -> None:
    """What calls functions from within may not say twice who it is either."""
    token = settings.secret("push_token").decode()
    headers = [("Host", "x"), ("X-Internal-Token", token), ("X-Internal-Token", token), ("Content-Length", "0")]
    direct = f"http://{stack.environment['EVENTS_ADDRESS']}"
    status, refusal = ask(direct, f"POST {path}?token={token}", headers)
    assert (status, refusal["code"]) == (400, "DUPLICATE_HEADER")
