"""The local platform's edge: a split changes under load without a failed request, and holds what it says."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cloudbuild.rollout.local.demo import CANARY, SCENARIOS, Result
from cloudbuild.rollout.local.edge import SplitEdge
from cloudbuild.rollout.report import Outcome
from emulators.stack.environment import Layout
from emulators.stack.ports import HOST, Ports, functions_host
from emulators.stack.sites import of_regions
from shared.registry import load
from tests.serving import serve

REGION = "us-central1"


@contextmanager
def revision(name: str) -> Iterator[int]:
    """A host that answers everything with its name; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one write for headers and body, or each response waits for a delayed acknowledgement

        def do_GET(self) -> None:
            body = json.dumps(name).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        serving = serve(server)
        yield server.server_port
        server.shutdown()
        serving.join()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    names = ["edge", "edge-admin", functions_host(REGION)]
    made = Layout(tmp_path, Ports(names, free=True).chosen, of_regions(load().cells, (REGION,)), {})
    made.logs.mkdir()
    return made


def ask(port: int, times: int) -> Counter[str]:
    """Who answered so many requests."""
    connection = HTTPConnection(HOST, port, timeout=10)
    answered: Counter[str] = Counter()
    for _ in range(times):
        connection.request("GET", "/v1/currencies")
        response = connection.getresponse()
        body = response.read()
        answered[json.loads(body) if response.status == 200 else str(response.status)] += 1
    connection.close()
    return answered


def test_a_split_changes_while_requests_go_on(layout: Layout) -> None:
    """From one revision to a share of another, to that one alone; the first is then gone, and nothing has failed."""
    edge = SplitEdge(load(), layout)
    port = layout.ports["edge"]
    with revision("a") as a, revision("b") as b:
        edge.start({"a": a}, {"a": 100})
        try:
            stop = threading.Event()

            def use() -> Counter[str]:
                answered: Counter[str] = Counter()
                while not stop.is_set():
                    answered += ask(port, 20)
                return answered

            with ThreadPoolExecutor(1) as users:
                using = users.submit(use)
                try:
                    edge.route({"a": a, "b": b}, {"a": 100, "b": 0})
                    assert set(ask(port, 50)) == {"a"}
                    edge.route({"a": a, "b": b}, {"a": 75, "b": 25})
                    assert 50 < ask(port, 400)["b"] < 150
                    edge.route({"b": b}, {"b": 100})
                    assert set(ask(port, 50)) == {"b"}
                finally:
                    stop.set()
            assert set(using.result()) == {"a", "b"}
        finally:
            edge.stop()


def result(name: str, **changes: object) -> Result:
    """A scenario's result as it should be, but for these changes."""
    (scenario,) = (each for each in SCENARIOS if each.name == name)
    facts: dict[str, object] = {"outcome": scenario.expected, "requests": 1000, "watched": 1000, "reached": 50}
    facts |= {"failed": 0, "deployed": 0, "reason": "", "seconds": 1.0}
    return Result(scenario=scenario, **facts | changes)  # type: ignore[arg-type]


def test_the_demo_notices_what_is_not_as_it_should_be() -> None:
    """Another outcome, a failure while a good release goes out, more than the canary's share, a deployment."""
    for scenario in SCENARIOS:
        assert result(scenario.name).faults() == []
    assert result("a good one", outcome=Outcome.ROLLED_BACK).faults() == ["rolled back, not released"]
    assert result("a good one", failed=1).faults() == ["1 requests failed"]
    assert result("hangs", failed=10 * CANARY).faults() == []
    assert result("hangs", failed=100).faults() == ["100 of 1000 requests failed"]
    assert result("5 % errors", reached=250).faults() == ["250 of 1000 requests reached green"]
    assert result("incompatible migration", deployed=1).faults() == ["it was deployed"]
