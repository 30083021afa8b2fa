"""The edge: its routes are the registry's rows, and its own responses are in the contract's form."""

import json
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from emulators.stack import binaries, programs, sites
from emulators.stack.environment import Layout
from emulators.stack.parts import edge
from emulators.stack.ports import Ports
from emulators.stack.stack import REGIONS, Stack
from emulators.waiting import until
from shared.registry import Limit, Rate, Row, load

ROWS = load().http_rows()
LIMITS = list(load().limits.values())
PROBLEM = "application/problem+json"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of a stack that is not running."""
    served = sites.of_regions(load().cells, REGIONS)
    names = programs.listening_programs(load(), served)
    return Layout(tmp_path, Ports(names, free=True).chosen, served, {})


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    """Connections to the edge of the running stack."""
    with httpx.Client(base_url=stack.edge_url) as opened:
        yield opened


def envoy(layout: Layout, limits: Iterable[Limit]) -> list[str]:
    """The command of an edge in front of a stack."""
    layout.logs.mkdir()
    file = layout.state / "edge.json"
    file.write_text(json.dumps(edge.configuration(ROWS, layout, limits)), encoding="utf-8")
    command = [str(binaries.find().envoy), "--config-path", str(file), "--log-level", "error", "--use-dynamic-base-id"]
    return [*command, "--concurrency", "1"]


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    """A process for the duration of a test."""
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


def status(client: httpx.Client) -> int:
    """The status of the edge's response; 0 while it does not listen."""
    try:
        return client.get("/health").status_code
    except httpx.ConnectError:
        return 0


def test_every_http_row_has_its_route() -> None:
    """Each row is matched by its own path template and method, reads by HEAD as well."""
    made = {route["name"]: route["match"] for route in edge.routes(ROWS)}
    for row in ROWS:
        match = made[row.name]
        template = match.get("path") or match["path_match_policy"]["typed_config"]["path_template"]
        method = re.compile(match["headers"][0]["string_match"]["safe_regex"]["regex"])
        assert template == row.path
        assert method.fullmatch(row.method)
        assert bool(method.fullmatch("HEAD")) == (row.method == "GET")


def test_what_no_row_names_goes_to_the_catch_all() -> None:
    """The last route, and only that, takes every path."""
    made = edge.routes(ROWS)
    assert [route["name"] for route in made if "prefix" in route["match"]] == ["unmatched"]
    assert made[-1]["match"] == {"prefix": "/"}


def test_fixed_paths_come_before_templates() -> None:
    """GET /v1/orders/quote would not be taken for an order named quote."""
    fixed = Row(service="order", name="fixed", http="GET /v1/orders/quote")
    template = Row(service="order", name="template", http="GET /v1/orders/{order_id}")
    assert [route["name"] for route in edge.routes([template, fixed])] == ["fixed", "template", "unmatched"]


def test_only_reads_are_retried() -> None:
    """A write whose connection was reset may have taken effect, so the edge does not retry it."""
    retried = {route["name"] for route in edge.routes(ROWS) if "retry_policy" in route["route"]}
    assert retried == {row.name for row in ROWS if row.method == "GET"}


def test_envoy_accepts_the_configuration(layout: Layout) -> None:
    """Envoy itself finds the generated configuration valid."""
    checked = subprocess.run(
        [*envoy(layout, LIMITS), "--mode", "validate"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_a_flood_is_kept_from_the_functions(layout: Layout) -> None:
    """Beyond the burst of all profiles together a network address gets 429, and others do not.

    Behind this edge nothing answers, so what it lets through is 503.
    """
    few = [Limit(ip=Rate(rate=1, burst=20)), Limit(ip=Rate(rate=1, burst=10))]
    with running(envoy(layout, few)), httpx.Client(base_url=layout.edge_url) as client:
        until(lambda: status(client), bool)
        responses = [client.get("/health") for _ in range(40)]
        refused = [answer for answer in responses if answer.status_code == 429]
        assert {answer.status_code for answer in responses} == {429, 503}
        assert len(refused) <= 40 - 30 + 1  # one request came before
        problem = refused[0].json()
        assert (problem["code"], problem["status"]) == ("RATE_LIMITED", 429)
        assert refused[0].headers["content-type"] == PROBLEM
        assert refused[0].headers["retry-after"] == "1"
        with httpx.Client(base_url=layout.edge_url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other:
            assert other.get("/health").status_code == 503


def test_the_edge_refuses_nothing_that_the_functions_would_serve() -> None:
    """Its limit is above every profile's, and above their sum."""
    assert edge.per_address_limit(LIMITS).rate == sum(limit.ip.rate for limit in LIMITS)
    assert edge.per_address_limit(LIMITS).burst == sum(limit.ip.burst for limit in LIMITS)


def test_every_http_row_is_served_through_the_edge(client: httpx.Client, subtests: pytest.Subtests) -> None:
    """A request for a row reaches its function: without a token it gets 401, or a response if it is for anybody."""
    for row in ROWS:
        with subtests.test(row=row.name):
            path = re.sub(r"{\w+}", "x", row.path)
            answer = client.request(row.method, path)
            if row.anonymous or (row.scope == "public" and row.parameters):
                assert answer.status_code == (404 if row.parameters else 200), answer.text
                assert answer.json().get("code") != "ROUTE_NOT_FOUND"
                continue
            assert answer.status_code not in (404, 405, 500, 503), answer.text
            if row.scope != "public":
                assert answer.status_code == 401


def test_an_unknown_path_and_method_are_problems(client: httpx.Client) -> None:
    """The edge lets the functions host refuse, in the contract's form."""
    unknown = client.get("/no/such/thing")
    wrong = client.delete("/health")
    assert (unknown.status_code, wrong.status_code) == (404, 405)
    assert {unknown.headers["content-type"], wrong.headers["content-type"]} == {PROBLEM}


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "//health", "/%ff", "/a%00b", "/v1/orders/a%2fb"])
def test_odd_paths_are_problems(stack: Stack, client: httpx.Client, path: str) -> None:
    """No path gets a page, a redirect or a crash of the framework."""
    answer = client.get(stack.edge_url + path)
    assert answer.headers["content-type"] == PROBLEM
    assert 400 <= answer.status_code < 500


INTERNAL = [
    *(f"/_events/{row.name}" for row in load().event_rows()),
    *(f"/_schedules/{row.name}" for row in load().scheduled_rows()),
]


def test_internal_paths_are_not_served_through_the_edge(
    stack: Stack, client: httpx.Client, subtests: pytest.Subtests
) -> None:
    """Events and schedules are accepted from inside only, whatever headers a caller invents."""
    token = (stack.state / "secrets" / "push_token").read_text()
    headers = {"X-Internal-Token": token, "X-Meridian-Edge": "", "x_meridian_edge": ""}
    for path in INTERNAL:
        with subtests.test(path=path):
            answer = client.post(f"{path}?token={token}", headers=headers, json={})
            assert answer.status_code == 404


def test_a_request_id_is_kept_or_made(client: httpx.Client) -> None:
    """The caller's X-Request-Id is returned unchanged; without one, one is generated."""
    given = client.get("/health", headers={"X-Request-Id": "from-the-caller-1"})
    made = client.get("/health")
    assert given.headers["x-request-id"] == "from-the-caller-1"
    assert made.headers["x-request-id"] not in ("", given.headers["x-request-id"])


def test_what_the_edge_answers_itself_is_a_problem(stack: Stack) -> None:
    """Bytes that are not HTTP get a problem document too, with a request id."""
    address = urlsplit(stack.edge_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nNot a header\r\n\r\n")
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head.lower()
    problem = json.loads(body)
    assert problem["status"] == 400
    assert problem["request_id"]
