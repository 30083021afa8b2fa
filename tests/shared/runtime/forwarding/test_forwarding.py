"""A request is answered by its home, wherever it arrives, and by nobody twice."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import flask
import httpx
import pytest
from msgspec import structs

from shared import ids
from shared.config import Settings
from shared.contracts import problems
from shared.errors import Misdirected, Moved
from shared.firestore.cells import ServedCell
from shared.registry import load
from shared.resources import Resources
from shared.runtime.decode import BODY_AT_MOST_BYTES
from shared.runtime.forwarding.hops import AUTHORIZATION, CELL, EPOCH, PREFIX, SECONDS, HopCredentials
from shared.runtime.forwarding.parts import forwarding
from shared.telemetry import spans
from shared.telemetry.spans import SpanQueue
from tests.races import all_at_once
from tests.serving import serve
from tests.shared.runtime.forwarding.conftest import EU, US, World
from tests.shared.runtime.forwarding.hosts import ROWS, Cell

Order = Callable[[str], str]


@dataclass
class Recorded:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: Any


@dataclass
class RecordingHome:
    """A server in place of a home: keeps requests as they came, and answers as the test says."""

    answers: list[tuple[int, list[tuple[str, str]], bytes]] = field(default_factory=list)
    """The next responses; the last one is repeated. An empty status closes the connection without one."""

    requests: list[Recorded] = field(default_factory=list)
    port: int = 0
    hangs: threading.Event = field(default_factory=threading.Event)

    def moved(self, epoch: int) -> tuple[int, list[tuple[str, str]], bytes]:
        """The response of who does not serve the cell."""
        return 421, [("Content-Type", "application/problem+json")], problems.body_of(Moved(epoch), "r")


OK = (200, [("Content-Type", "application/json"), ("X-Served-By", EU)], b'{"id":"x"}')


@contextmanager
def recording(*answers: tuple[int, list[tuple[str, str]], bytes], hangs: bool = False) -> Iterator[RecordingHome]:
    """A home that answers so; one that hangs answers nothing until the block ends."""
    home = RecordingHome(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            home.requests.append(Recorded(self.command, self.path, self.headers.items(), body, self.client_address))
            if hangs:
                home.hangs.wait(30)
            status, headers, content = home.answers.pop(0) if len(home.answers) > 1 else home.answers[0]
            if not status:
                self.close_connection = True
                return
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = _any  # noqa: N815 - the names of BaseHTTPRequestHandler

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    home.port = server.server_port
    serve(server)
    try:
        yield home
    finally:
        home.hangs.set()
        server.shutdown()
        server.server_close()


def test_a_path_says_where_its_home_is(world: World, order: Order) -> None:
    """What another cell has is read and changed there, once, and the response says who served it."""
    client = world.client()
    for cell, region in (("eu", EU), ("us", US)):
        order_id = order(cell)
        shown = client.ask("GET", f"/v1/things/{order_id}")
        assert (shown.status_code, shown.json()["cell"], shown.json()["order_id"]) == (200, cell, order_id)
        assert shown.headers["X-Served-By"] == region
        changed = client.ask("POST", f"/v1/things/{order_id}/change", json={"text": cell})
        assert changed.json()["cell"] == cell
    assert (world.us.effects, world.eu.effects) == (["", "us"], ["", "eu"])


def test_a_caller_has_a_home(world: World) -> None:
    """What somebody makes, and what is listed as theirs, is in the cell of their user id."""
    for home in ("us", "eu"):
        for door in ("us", "eu"):
            client = world.client(door, home)
            made = client.ask("POST", "/v1/things", json={"text": f"{home} at {door}"})
            assert made.json()["cell"] == home
            assert client.ask("GET", "/v1/things").json()["cell"] == home
    assert world.us.effects == ["us at us", "", "us at eu", ""]
    assert world.eu.effects == ["eu at us", "", "eu at eu", ""]


MALFORMED = ["x", "ord_us", "ord_eu_short", "ord_EU_01jd5z3k8m9n0p1q2r3s4t5v6w", "ord_mars_01jd5z3k8m9n0p1q2r3s4t5v6w"]


@pytest.mark.parametrize("text", [*MALFORMED, "ord_zz_01jd5z3k8m9n0p1q2r3s4t5v6w", "xxx_eu_01jd5z3k8m9n0p1q2r3s4t5v6w"])
def test_what_names_no_cell_is_answered_where_it_arrives(world: World, text: str) -> None:
    """A malformed id, and one of a cell that nobody knows."""
    assert world.client().ask("GET", f"/v1/things/{text}").json()["cell"] == "us"
    assert world.hosts["eu"].requests == []


def test_a_token_that_is_none_goes_nowhere(world: World) -> None:
    """Where the caller's home decides, it has to be proven; where the path does, the home refuses the token."""
    client = replace(world.client(home="eu"), token="nonsense")
    assert client.ask("POST", "/v1/things", json={}).status_code == 401
    assert world.hosts["eu"].requests == []
    refused = client.ask("GET", f"/v1/things/{ids.new('ord', 'eu')}")
    assert (refused.status_code, refused.headers["X-Served-By"]) == (401, EU)


def test_who_is_not_signed_in_is_answered_by_every_home(world: World) -> None:
    """One thing by its home, a list by all, each for anybody to keep; a token that comes along is checked at home."""
    url, order_id = world.client().url, ids.new("ord", "eu")
    world.us.items, world.eu.items = [ids.new("ord", "us")], [order_id]
    shown = httpx.get(f"{url}/v1/shown/{order_id}")
    assert (shown.json()["cell"], shown.json()["user_id"]) == ("eu", "")
    listed = httpx.get(f"{url}/v1/shown")
    assert [each["id"] for each in listed.json()["items"]] == [*world.us.items, order_id]
    assert {each.headers["Cache-Control"] for each in (shown, listed)} == {"public, max-age=5"}
    client = world.client(home="eu")
    assert client.ask("GET", f"/v1/shown/{order_id}").headers["Cache-Control"] == "no-store"
    for path in (f"/v1/shown/{order_id}", "/v1/shown"):
        assert replace(client, token="nonsense").ask("GET", path).status_code == 401


def test_who_hands_on_decides_what_is_traced(base: Settings, order: Order) -> None:
    """A hop is of a trace that another service samples; of what a client sends the door decides, here for nothing."""
    queue = SpanQueue(0)
    spans.record_into(queue)
    try:
        door = Cell(structs.replace(base, environment="production")).operations([ROWS["get_shown"]])["get_shown"]
        for hop in ({}, {CELL: "us"}):
            headers = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", **hop}
            with flask.Flask("test").test_request_context(f"/v1/shown/{order('us')}", headers=headers) as context:
                status = door(context.request).status_code
            assert (status, len(queue.take())) == ((421, 1) if hop else (200, 0))
    finally:
        spans.record_into(None)


@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, BODY_AT_MOST_BYTES])
def test_a_request_goes_on_as_it_came(world: World, order: Order, size: int) -> None:
    """Method, path, query, headers, body and token, byte by byte; only what concerns a connection is said anew."""
    body = bytes(index * 7 % 251 for index in range(size))
    sent = {
        "Content-Type": "application/octet-stream; x=1",
        "Idempotency-Key": "k" * 16,
        "X-Odd": "a, b;q=0.1  c",
        "Accept-Encoding": "br",
        "User-Agent": "someone/1",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "X-Request-Id": "asked-by-me",
        "TE": "trailers",
        "X-Forwarded-For": "6.6.6.6, 10.1.2.3",
    }
    with recording(OK) as home:
        world.addresses["eu"] = f"127.0.0.1:{home.port}"
        client = world.client()
        target = f"/v1/things/{order('eu')}/change?a=%41&b=c+d&&%C3%BC=1&a="
        answer = client.ask_raw("POST", target, body, sent)
        (request,) = home.requests
    assert answer == (200, OK[2])
    assert (request.method, request.target, request.body) == ("POST", target, body)
    found = {name.lower(): value for name, value in request.headers}
    assert len(found) == len(request.headers)
    kept = {name.lower(): value for name, value in sent.items()} | {"authorization": f"Bearer {client.token}"}
    for name in ("te", "x-forwarded-for"):
        del kept[name]
    assert {name: found[name] for name in kept} == kept
    assert found["x-forwarded-for"] == "10.1.2.3"
    assert set(found) - set(kept) == {
        *(name.lower() for name in (CELL, EPOCH, SECONDS, AUTHORIZATION)),
        *("host", "content-length", "x-forwarded-for"),
    }
    assert (found[CELL.lower()], found[EPOCH.lower()]) == ("eu", "1")


QUERIES = ["%C3%BC%2F%3F%20%2B", "%zz%41", "100%", "a+b", "%41%", "%2525", "%c3%bc"]


@pytest.mark.parametrize("text", QUERIES)
def test_the_home_reads_a_query_as_the_door_would(world: World, order: Order, text: str) -> None:
    """Also one whose percent signs escape nothing."""
    read = {}
    for cell in ("us", "eu"):
        status, body = world.client().ask_raw("GET", f"/v1/things/{order(cell)}?text={text}", b"", {})
        assert status == 200
        read[cell] = json.loads(body)["text"]
    assert read["eu"] == read["us"]


def test_a_response_comes_back_as_it_is(world: World, order: Order) -> None:
    """Status, headers in their order, also repeated ones, and body; for HEAD and 304 without one."""
    headers = [
        *[("ETag", '"7"'), ("X-Served-By", EU), ("X-Request-Id", "theirs"), ("Cache-Control", "private, no-cache")],
        *[("Link", "<a>"), ("Link", "<b>"), ("RateLimit", '"user";r=4;t=1'), ("RateLimit-Policy", '"user";q=5;w=1')],
        *[("Connection", "keep-alive"), ("Server", "theirs"), ("Date", "Mon, 30 Nov 2026 00:00:00 GMT")],
    ]
    for status, content in ((200, b"\x00\xff body"), (404, b"{}"), (304, b""), (503, b"")):
        with recording((status, headers, content)) as home:
            world.addresses["eu"] = f"127.0.0.1:{home.port}"
            for method in ("GET", "HEAD"):
                answer = world.client().ask(method, f"/v1/things/{order('eu')}")
                assert (answer.status_code, answer.content) == (status, content if method == "GET" else b"")
                found = answer.headers
                assert found.get_list("link") == ["<a>", "<b>"]
                assert (found["etag"], found["x-served-by"], found["x-request-id"]) == ('"7"', EU, "theirs")
                assert found["cache-control"] == "private, no-cache"
                assert found["ratelimit"].startswith('"ip";') and found["ratelimit"].endswith('"user";r=4;t=1')
                assert found["ratelimit-policy"].endswith('"user";q=5;w=1')
                assert found.get_list("server") != ["theirs"]


def test_a_body_that_is_too_large_is_refused_at_the_door(world: World, order: Order) -> None:
    """It crosses no region, and is refused in its turn: after the token."""
    client, large = world.client(), b"x" * (BODY_AT_MOST_BYTES + 1)
    path = f"/v1/things/{order('eu')}/change"
    assert client.ask("POST", path, content=large).status_code == 413
    assert replace(client, token="none").ask("POST", path, content=large).status_code == 401
    assert world.hosts["eu"].requests == []


def test_the_home_knows_the_client(world: World, order: Order) -> None:
    """The request's id, and the network address that the door saw."""
    sent = {"X-Request-Id": "asked-by-me", "X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    answer = world.client().ask("GET", f"/v1/things/{order('eu')}", headers=sent)
    assert (answer.json()["request_id"], answer.json()["client"]) == ("asked-by-me", "203.0.113.9")
    assert answer.headers.get_list("x-request-id") == ["asked-by-me"]
    made = world.client().ask("GET", f"/v1/things/{order('eu')}")
    assert made.json()["request_id"] == made.headers["x-request-id"] != ""


def test_limits_count_once(world: World, order: Order) -> None:
    """The address at the door, the user at home, each once; the response names both."""
    client = world.client()
    for _ in range(3):
        found = client.ask("GET", f"/v1/things/{order('eu')}").headers
        kinds = [part.strip().partition(";")[0] for part in found["ratelimit-policy"].split(",")]
        assert kinds == ['"ip"', '"user"']
        assert [part.strip().partition(";")[0] for part in found["ratelimit"].split(",")] == kinds
    assert [key.split(":")[2] for key in world.us.counted] == ["ip"] * 3
    assert [key.split(":")[2] for key in world.eu.counted] == ["user"] * 3


def test_an_address_that_is_over_its_limit_crosses_no_region(world: World, order: Order) -> None:
    """It is refused at the door; whether the user is over theirs is up to their home."""
    client, path = world.client(), f"/v1/things/{order('eu')}"
    world.us.buckets.full = True
    assert client.ask("GET", path).status_code == 429
    assert world.hosts["eu"].requests == []
    world.us.buckets.full, world.eu.buckets.full = False, True
    refused = client.ask("GET", path)
    assert (refused.status_code, refused.headers["X-Served-By"]) == (429, EU)
    assert int(refused.headers["Retry-After"]) >= 1


def test_time_only_gets_shorter(world: World, order: Order) -> None:
    """The home has less time than the door, whose row says how much; nobody gets more by asking for it."""
    seconds = load().scales["read"].timeout_seconds
    shown = world.client().ask("GET", f"/v1/things/{order('eu')}").json()
    assert seconds - 5 < shown["seconds_left"] < seconds
    for asked, most in (("5", 5), ("0.5", 0.5), ("9999", seconds), ("nan", seconds), ("x", seconds)):
        shown = world.client().ask("GET", f"/v1/things/{order('us')}", headers={SECONDS: asked}).json()
        assert shown["seconds_left"] <= most


def test_a_moved_cell_is_found_at_once(world: World, order: Order) -> None:
    """Told that a cell is served elsewhere, the door reads the map once, and asks there, under the new epoch."""
    with recording(OK) as promoted, recording(OK) as former:
        former.answers = [former.moved(2)]
        world.addresses |= {"eu": f"127.0.0.1:{former.port}", f"eu@{US}": f"127.0.0.1:{promoted.port}"}
        client = world.client()
        world.us.map.move("eu", EU, 1)
        path = f"/v1/things/{order('eu')}"
        former.answers = [OK]
        assert client.ask("GET", path).status_code == 200
        former.answers, before = [former.moved(2)], world.us.map.reads
        world.us.map.move("eu", US, 2)
        assert client.ask("GET", path).content == OK[2]
        assert world.us.map.reads == before + 1
        assert [dict(each.headers)[EPOCH] for each in promoted.requests] == ["2"]
        assert client.ask("GET", path).status_code == 200
        assert (len(former.requests), len(promoted.requests), world.us.map.reads) == (2, 2, before + 1)


@pytest.mark.parametrize("key", [False, True])
def test_what_has_no_key_is_never_sent_again(world: World, order: Order, key: bool) -> None:
    """After MOVED a write with an idempotency key goes to the new home; one without is for its caller to repeat."""
    with recording(OK) as promoted, recording(OK) as former:
        world.addresses |= {"eu": f"127.0.0.1:{former.port}", f"eu@{US}": f"127.0.0.1:{promoted.port}"}
        client, path = world.client(), f"/v1/things/{order('eu')}/change"
        headers = {"Idempotency-Key": "k" * 16} if key else {}
        assert client.ask("GET", path.removesuffix("/change")).status_code == 200
        former.answers = [former.moved(2)]
        world.us.map.move("eu", US, 2)
        answer = client.ask("POST", path, json={}, headers=headers)
        assert [each.method for each in former.requests] == ["GET", "POST"]
        if key:
            assert (answer.status_code, len(promoted.requests)) == (200, 1)
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "CELL_UNREACHABLE")
            assert answer.headers["Retry-After"] == "1"
            assert promoted.requests == []
            assert client.ask("POST", path, json={}).status_code == 200
            assert len(promoted.requests) == 1


def test_a_map_that_is_wrong_makes_no_loop(world: World, order: Order) -> None:
    """Two regions that take each other for a cell's home: the request ends after one hop, and says so."""
    for cell, region in ((world.us, EU), (world.eu, US)):
        cell.map.move("eu", region, 7)
        cell.map.move("us", region, 7)
    world.addresses |= {f"eu@{US}": world.addresses["us"], f"us@{EU}": world.addresses["eu"]}
    for home in ("us", "eu"):
        before = sum(len(host.requests) for host in world.hosts.values())
        answer = world.client().ask("GET", f"/v1/things/{order(home)}")
        assert (answer.status_code, answer.json()["code"], answer.json()["cell"]) == (503, "CELL_UNREACHABLE", home)
        assert sum(len(host.requests) for host in world.hosts.values()) - before <= 2
    assert world.us.effects == world.eu.effects == []


def test_a_hop_that_is_forged_is_refused(world: World, order: Order) -> None:
    """Whoever claims to be a service has to prove it, whatever they claim; nothing is done and nothing goes on."""
    client, path = world.client(), f"/v1/things/{order('us')}"
    claims: list[dict[str, str]] = [
        {CELL: "us"},
        {CELL: "us", EPOCH: "1", AUTHORIZATION: "Bearer nonsense"},
        {CELL: "us", EPOCH: "1", AUTHORIZATION: f"Bearer {client.token}"},
        {CELL: "eu", EPOCH: "1", AUTHORIZATION: ""},
        {CELL: "", EPOCH: "1"},
    ]
    for claim in claims:
        answer = client.ask("GET", path, headers=claim)
        assert (answer.status_code, answer.json()["code"]) == (421, "MISDIRECTED")
    assert world.us.effects == [] and world.hosts["eu"].requests == []
    for headers in ({AUTHORIZATION: "Bearer x"}, {EPOCH: "9"}, {"X-Meridian-Else": "x"}):
        assert client.ask("GET", f"/v1/things/{order('eu')}", headers=headers).json()["cell"] == "eu"


def test_a_hop_is_taken_for_this_cell_alone(world: World, order: Order) -> None:
    """One with a service's credentials, for another cell, is told MOVED; it is never handed on."""
    credentials = HopCredentials(world.us.settings).own()
    client = world.client()
    for cell, epoch, status in (("us", "1", 200), ("eu", "1", 421), ("mars", "1", 421), ("us", "x", 421)):
        headers = {CELL: cell, EPOCH: epoch, AUTHORIZATION: credentials}
        answer = client.ask("GET", f"/v1/things/{order('eu')}", headers=headers)
        assert answer.status_code == status
    assert world.hosts["eu"].requests == []
    assert len(world.us.effects) == 1


def test_a_promotion_that_a_receiver_has_not_heard_of(world: World, order: Order) -> None:
    """Its map says that the cell is its own; the sender's epoch is newer, so it looks again before it serves."""
    headers = {CELL: "us", EPOCH: "2", AUTHORIZATION: HopCredentials(world.us.settings).own()}
    client, path = world.client(), f"/v1/things/{order('us')}"
    assert client.ask("GET", path).status_code == 200
    world.us.map.move("us", EU, 2)
    answer = client.ask("GET", path, headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["epoch"]) == (421, "MOVED", 2)


def test_services_that_share_no_secret_do_not_believe_each_other(
    world: World, order: Order, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The door says that the cell cannot be reached, and logs why; the client's token is not what is wrong."""
    with recording((421, [], b'{"code":"MISDIRECTED"}')) as home:
        world.addresses["eu"] = f"127.0.0.1:{home.port}"
        answer = world.client().ask("GET", f"/v1/things/{order('eu')}")
    assert (answer.status_code, answer.json()["code"]) == (503, "CELL_UNREACHABLE")
    assert "refuse this service's credentials" in caplog.text
    assert len(home.requests) == 1


def closed_port() -> int:
    """A port that refuses connections."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_home_is_said_to_be_unreachable(world: World, order: Order, method: str) -> None:
    """At once, with the cell's name and when to try again; nothing was sent, so nothing can have been done."""
    world.addresses["eu"] = f"127.0.0.1:{closed_port()}"
    client = world.client()
    path = f"/v1/things/{order('eu')}" + ("/change" if method == "POST" else "")
    began = time.monotonic()
    for _ in range(30):
        answer = client.ask(method, path, **({"json": {}} if method == "POST" else {}))
        assert (answer.status_code, answer.json()["code"], answer.json()["cell"]) == (503, "CELL_UNREACHABLE", "eu")
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-Served-By"] == US
    assert time.monotonic() - began < 10
    assert {each.name: each.state for each in world.us.breakers.readings()} == {f"cell eu in {EU}": "open"}
    assert client.ask("GET", f"/v1/things/{order('us')}").status_code == 200


def test_a_cell_without_an_address_is_unreachable(world: World, order: Order) -> None:
    """The cell `as` is none of this deployment, and eu is served where nothing says how to reach it."""
    world.us.map.move("eu", "asia-east1", 2)
    assert world.client().ask("GET", f"/v1/things/{order('as')}").json()["code"] == "CELL_UNREACHABLE"
    assert world.client().ask("GET", f"/v1/things/{order('eu')}").json()["code"] == "CELL_UNREACHABLE"
    assert world.hosts["eu"].requests == []


@pytest.mark.parametrize(("method", "key", "code"), [
    ("GET", False, "CELL_UNREACHABLE"), ("POST", False, "OUTCOME_UNKNOWN"), ("POST", True, "OUTCOME_UNKNOWN"),
])  # fmt: skip
def test_a_home_that_hangs_is_given_up_in_time(world: World, order: Order, method: str, key: bool, code: str) -> None:
    """Before the door's own time is over; a write may have been done, which is what its caller is told."""
    with recording(OK, hangs=True) as home:
        world.addresses["eu"] = f"127.0.0.1:{home.port}"
        path = f"/v1/things/{order('eu')}" + ("/change" if method == "POST" else "")
        headers = {SECONDS: "1.5", **({"Idempotency-Key": "k" * 16} if key else {})}
        began = time.monotonic()
        answer = world.client().ask(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))
        assert 1 < time.monotonic() - began < 10
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert "Retry-After" in answer.headers
        assert len(home.requests) == 1
        assert float(dict(home.requests[0].headers)[SECONDS]) < 1.5


@pytest.mark.parametrize(("method", "key", "times"), [("GET", False, 2), ("POST", True, 2), ("POST", False, 1)])
def test_a_connection_that_closes_without_a_response(
    world: World, order: Order, method: str, key: bool, times: int
) -> None:
    """It may have been closed before the request came: what may be sent again is, once; the rest is outcome unknown."""
    with recording((0, [], b""), OK) as home:
        world.addresses["eu"] = f"127.0.0.1:{home.port}"
        path = f"/v1/things/{order('eu')}" + ("/change" if method == "POST" else "")
        headers = {"Idempotency-Key": "k" * 16} if key else {}
        answer = world.client().ask(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))
        assert len(home.requests) == times
        assert answer.status_code == (200 if times == 2 else 503)
        if times == 1:
            assert answer.json()["code"] == "OUTCOME_UNKNOWN"


def test_connections_are_kept(world: World, order: Order) -> None:
    """Many requests in turn go over one connection, and as many as come at once over a few."""
    with recording(OK) as home:
        world.addresses["eu"] = f"127.0.0.1:{home.port}"
        client = world.client()
        paths = [f"/v1/things/{order('eu')}" for _ in range(20)]
        assert {client.ask("GET", path).status_code for path in paths} == {200}
        assert len({each.connection for each in home.requests}) == 1
        all_at_once([partial(client.ask, "GET", path) for path in paths[:8]])
        assert len({each.connection for each in home.requests}) <= 8
    assert len(home.requests) == 28


def test_with_one_region_nothing_is_handed_on(base: Settings) -> None:
    """No row has any forwarding where no other cell has an address, nor one whose answer is the same anywhere."""
    one = Resources(structs.replace(base, cell_addresses={"us": "127.0.0.1:1"}))
    assert [row.name for row in load().http_rows() if forwarding(row, one)] == []
    none = Resources(structs.replace(base, cell_addresses={}))
    assert [row.name for row in load().http_rows() if forwarding(row, none)] == []
    several = Resources(structs.replace(base, cell_addresses={"us": "127.0.0.1:1", "eu": "127.0.0.1:2"}))
    handed_on = {row.name for row in load().http_rows() if forwarding(row, several)}
    assert handed_on == {row.name for row in load().http_rows() if row.home != "any"}


def test_in_the_cloud_a_row_has_a_function_in_each_region(base: Settings) -> None:
    """That of the same row where the cell is served, as Cloud Run spells it; with the cell where that is a guest."""
    cloud = structs.replace(base, cell_url="https://{row}{suffix}-123.{region}.run.app")
    found = forwarding(load().rows["get_order"], Resources(cloud))
    assert found
    assert found.forwarder.url_of(ServedCell("eu", EU, 1)) == f"https://get-order-123.{EU}.run.app"
    assert found.forwarder.url_of(ServedCell("eu", US, 2)) == f"https://get-order-eu-123.{US}.run.app"


def test_in_the_cloud_nobody_is_a_service_who_is_not_configured(base: Settings) -> None:
    """Without accounts nobody may hand requests on, whatever they present, the local secret included."""
    cloud = HopCredentials(structs.replace(base, environment="production"))
    for presented in ("", "Bearer x", HopCredentials(base).own()):
        with pytest.raises(Misdirected):
            cloud.check(presented)


def test_a_hops_headers_are_those_that_the_edge_removes() -> None:
    """By what their names begin with."""
    assert all(name.lower().startswith(PREFIX) for name in (CELL, EPOCH, SECONDS, AUTHORIZATION))
