"""The global edge and the regional ones at work, in front of hosts that only say what reaches them."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import httpx
import pytest

from emulators.stack import binaries
from emulators.stack.environment import Layout
from emulators.stack.parts import edges, links
from emulators.stack.ports import HOST, functions_host, link, regional_edge
from emulators.stack.regions.troubles import Troubles
from emulators.stack.sites import NEARNESS
from emulators.waiting import until
from shared.registry import load
from tests.emulators.conftest import ASIA, EUROPE, THREE, US
from tests.serving import serve

OUT_WITHIN_SECONDS = 5.0
ANSWER_SECONDS = 2.0


class EchoingHost(ThreadingHTTPServer):
    """The functions host of a region: answers every request with its headers."""

    daemon_threads = True

    def __init__(self, port: int, region: str) -> None:
        self.region = region
        super().__init__((HOST, port), EchoingHandler)
        serve(self)

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class EchoingHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        assert isinstance(self.server, EchoingHost)
        headers = {"X-Served-By": self.server.region, "Content-Length": str(len(body)), "Content-Type": "text/plain"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Nothing."""


@dataclass
class World:
    """Edges and hosts. Envoys and hosts are by their names as programs of a stack."""

    layout: Layout
    client: httpx.Client
    envoys: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    hosts: dict[str, EchoingHost] = field(default_factory=dict)

    def start(self, edge: str) -> None:
        """Start an edge."""
        command = [str(binaries.find().envoy), "--config-path", str(self.layout.configuration(edge))]
        options = ["--log-level", "error", "--use-dynamic-base-id", "--concurrency", "1", "--drain-time-s", "1"]
        self.envoys[edge] = subprocess.Popen([*command, *options])

    def host(self, region: str) -> None:
        """Start the functions host of a region."""
        self.hosts[region] = EchoingHost(self.layout.ports[functions_host(region)], region)

    def get(self, near: str = "", path: str = "/health", **headers: str) -> httpx.Response:
        """A request by a client near a region."""
        return self.client.get(path, headers={**({"X-Client-Region": near} if near else {}), **headers})

    def serving(self, near: str) -> str:
        """Who serves the clients near a region; an error's name if nobody does."""
        try:
            answer = self.get(near)
        except httpx.HTTPError as error:
            return type(error).__name__
        return answer.headers["X-Served-By"] if answer.status_code == 200 else str(answer.status_code)

    def reaches(self, region: str, other: str) -> bool:
        """Whether a region's processes can call another one."""
        with suppress(httpx.HTTPError):
            port = self.layout.ports[link(region, functions_host(other))]
            return httpx.get(f"http://{HOST}:{port}/health", timeout=2).headers["X-Served-By"] == other
        return False


@pytest.fixture
def world(three: Layout) -> Iterator[World]:
    """The edges of three regions, all healthy."""
    three.logs.mkdir()
    edges.configure(load(), three)
    with running(World(three, httpx.Client(base_url=three.edge_url, timeout=ANSWER_SECONDS))) as started:
        for region in THREE:
            until(lambda near=region: started.serving(near), lambda by, near=region: by == near)  # type: ignore[misc]
        yield started


@contextmanager
def running(world: World) -> Iterator[World]:
    """Edges and hosts for a block."""
    try:
        for region in THREE:
            world.host(region)
            world.start(regional_edge(region))
        world.start("edge")
        yield world
    finally:
        for process in world.envoys.values():
            process.kill()
            process.wait()
        for host in world.hosts.values():
            host.end()
        world.client.close()


def test_a_dead_region_is_out_and_back_again(world: World) -> None:
    """Its users are served by the next nearest region within five seconds, and by itself once it is back."""
    died = world.envoys[regional_edge(EUROPE)]
    died.kill()
    died.wait()
    until(lambda: world.serving(EUROPE), lambda by: by == NEARNESS[EUROPE][1], OUT_WITHIN_SECONDS)
    assert [world.serving(region) for region in (US, ASIA)] == [US, ASIA]
    world.start(regional_edge(EUROPE))
    until(lambda: world.serving(EUROPE), lambda by: by == EUROPE)


def test_a_region_without_its_functions_is_out_too(world: World) -> None:
    """Its edge still runs, and says that nothing behind it is healthy. With all regions gone, the edge says so."""
    world.hosts.pop(EUROPE).end()
    until(lambda: world.serving(EUROPE), lambda by: by == US, OUT_WITHIN_SECONDS)
    for region in (US, ASIA):
        world.hosts.pop(region).end()
    gone = until(lambda: world.get(EUROPE), lambda answer: answer.headers["X-Served-By"] == "global")
    assert (gone.status_code, gone.json()["code"]) == (503, "UNAVAILABLE")
    world.host(EUROPE)
    until(lambda: world.serving(US), lambda by: by == EUROPE)


def test_a_hung_region_is_out(world: World) -> None:
    """One that accepts connections and never answers, as behind a network that drops everything."""
    hung = world.envoys[regional_edge(ASIA)]
    hung.send_signal(signal.SIGSTOP)
    until(lambda: world.serving(ASIA), lambda by: by == US, OUT_WITHIN_SECONDS + ANSWER_SECONDS)


def test_a_write_that_was_not_sent_goes_elsewhere(world: World) -> None:
    """Before the region's death is noticed: its edge refuses the connection, so nothing can have taken effect."""
    died = world.envoys[regional_edge(EUROPE)]
    died.kill()
    died.wait()
    with httpx.Client(base_url=world.layout.edge_url) as fresh:
        answers = [fresh.post("/v1/orders", json={}, headers={"X-Client-Region": EUROPE}) for _ in range(5)]
    # The first may still be sent on a connection of before, whose end the edge has not seen.
    assert {answer.headers["X-Served-By"] for answer in answers[1:]} == {US}


def test_what_the_hosts_learn_of_a_client(world: World) -> None:
    """One address, as behind a single edge, through either; the edge's own headers come from no client."""
    forged = {"X-Meridian-Health": "1", "X-Envoy-Upstream-Rq-Timeout-Ms": "1"}
    regional = f"http://{HOST}:{world.layout.ports[regional_edge(US)]}/health"
    for answer in (world.get(US, **forged), httpx.get(regional, headers=forged)):
        received = answer.json()
        assert ip_address(received["x-forwarded-for"])  # of a list it would raise
        assert received["x-request-id"]
        assert not [name for name in received if name.startswith(("x-meridian-", "x-envoy-"))]
    assert world.get(US, **{"X-Request-Id": "mine-1"}).json()["x-request-id"] == "mine-1"


def test_a_cut_link_refuses_connections_until_it_is_restored(world: World) -> None:
    """In the direction that is cut and no other; also a connection that was open is gone."""
    until(lambda: world.reaches(US, EUROPE), bool)
    with httpx.Client(base_url=f"http://{HOST}:{world.layout.ports[link(US, functions_host(EUROPE))]}") as kept:
        assert kept.get("/health").status_code == 200
        links.write(world.layout, US, Troubles(killed=frozenset({EUROPE})))
        until(lambda: world.reaches(US, EUROPE), lambda reached: not reached)
        until(lambda: _refused(kept), bool)
    assert world.reaches(US, ASIA)
    assert world.reaches(EUROPE, US)
    links.write(world.layout, US, Troubles())
    until(lambda: world.reaches(US, EUROPE), bool)


def _refused(client: httpx.Client) -> bool:
    try:
        client.get("/health")
    except httpx.HTTPError:
        return True
    return False
