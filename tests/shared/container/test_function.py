"""A function in its container, as a real process: probes, the contract beside them, and the drain at SIGTERM."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from emulators.stack.ports import HOST, Ports
from emulators.trace_view import read as read_trace
from emulators.waiting import until
from shared.container.function import DRAIN_SECONDS, KILL_SECONDS, LINGER_SECONDS
from shared.container.probes import LIVE, READY, STARTUP
from tests.shared.auth.issuer import ACCOUNT, AUDIENCE, Issuer, serving

ROOT: Final = Path(__file__).parents[3]

NEEDED: Final = {
    "MERIDIAN_ENVIRONMENT": "production",
    "MERIDIAN_REGION": "us-central1",
    "GOOGLE_CLOUD_PROJECT": "shop",
    "PUBLIC_URL": "https://shop.example",
    "ALLOWED_CHAINS": "1",
    "CLAIM_CHAIN_ID": "1",
    "CLAIM_CONTRACT": "0xABCDEF0000000000000000000000000000000001",
    "RPC_ADDRESSES": "wallet=wallet.example:443,supply=supply.example:443,order=order.example:443",
    "CLOUD_SQL_INSTANCE": "shop:us-central1:main",
    "DATABASE_USER": "supply@shop.iam.gserviceaccount.com",
    "INTERNAL_AUDIENCE": AUDIENCE,
    "INTERNAL_ACCOUNTS": ACCOUNT,
    # Nothing listens there.
    "REDIS_URL": "rediss://127.0.0.1:1",
}

WITH_CERTIFICATES: Final = """
import sys
from shared.auth.oidc import GoogleTokens
from functions.main import main
GoogleTokens.__init__.__defaults__ = (sys.argv[1],)
sys.exit(main(sys.argv[2:]))
"""
"""Starts a role that fetches Google's certificates from elsewhere."""

PUBLIC: Final = {"X-Forwarded-For": "203.0.113.7, 35.191.0.1", "Via": "1.1 google"}
"""What Google's front end adds to a request."""


@dataclass
class Container:
    """A function's process."""

    process: subprocess.Popen[str]
    port: int

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Make a request on a connection of its own; returns the status and the body."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def probe(self, path: str) -> tuple[int, bytes] | None:
        """The answer of a probe; None if nobody answers."""
        try:
            return self.ask("GET", path)
        except (OSError, http.client.HTTPException):
            return None


Start = Callable[..., AbstractContextManager[Container]]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The one secret of issue_nonce and Redis's authorities, as Cloud Run mounts them."""
    for name in ("nonce_key", "redis_ca"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "value").write_bytes(os.urandom(32))
    return tmp_path


@contextmanager
def started(
    function: str, secrets: Path, port: int, certificates: str = "https://127.0.0.1:1", **settings: str
) -> Iterator[Container]:
    """A container that is ready; ended with the block."""
    environment = {**NEEDED, **settings, "SECRETS_DIR": str(secrets), "PORT": str(port), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WITH_CERTIFICATES, certificates, "function", function]
    process = subprocess.Popen(
        command, env={**environment, "PATH": os.environ["PATH"]}, cwd=secrets, stderr=subprocess.PIPE, text=True
    )
    container = Container(process, port)
    try:
        until(lambda: (container.probe(STARTUP), process.poll()), lambda seen: seen != (None, None), 60)
        yield container
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def start(secrets: Path) -> Iterator[Start]:
    """Starts functions on free ports."""
    ports = Ports(["function"], free=True)
    yield lambda function, **how: started(function, secrets, ports.chosen["function"], **how)
    ports.release()


def nonce() -> bytes:
    """The body of a request that issue_nonce answers with 201."""
    return json.dumps({"address": NEEDED["CLAIM_CONTRACT"], "chain_id": 1}).encode()


def test_probes_need_nothing_but_the_process(start: Start) -> None:
    """No Redis, no database and no other secret: all three are 200, while the function serves without Redis, too."""
    with start("issue_nonce") as container:
        for path in (STARTUP, LIVE, READY):
            assert container.ask("GET", path) == (200, b"ok")
            assert container.ask("HEAD", path) == (200, b"")
        status, _ = container.ask("POST", "/v1/auth/nonce", {"Content-Type": "application/json", **PUBLIC}, nonce())
        assert status == 201


def test_to_the_public_there_are_no_probes(start: Start) -> None:
    """Through the edge their paths are unknown ones, as are those that functions-framework would keep to itself."""
    with start("unmatched") as container:
        assert container.ask("GET", READY)[0] == 200
        paths = [STARTUP, LIVE, READY, "/_probe/", "/_probe/other", "/robots.txt", "/favicon.ico", "//v1", "/%ff"]
        for path in paths:
            for headers in (PUBLIC, {"X-Forwarded-For": "203.0.113.7"}, {"Via": "1.1 google"}):
                status, body = container.ask("GET", path, headers)
                assert (status, json.loads(body)["code"]) == (404, "ROUTE_NOT_FOUND"), path
        assert container.ask("POST", READY)[0] == 404
        assert container.ask("PUT", "/v1/orders", PUBLIC)[0] == 405


def half_sent(container: Container, body: bytes, *more: str) -> socket.socket:
    """A request to issue_nonce whose last byte is held back, so that it is in flight. more: headers."""
    connection = socket.create_connection((HOST, container.port), timeout=10)
    head = ["POST /v1/auth/nonce HTTP/1.1", "Host: a", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    connection.sendall("\r\n".join([*head, *more, "", ""]).encode() + body[:-1])
    return connection


def test_a_request_in_flight_is_answered_after_sigterm(start: Start) -> None:
    """Readiness turns 503 at once while requests are still taken; then those in flight finish, and it exits with 0."""
    with start("issue_nonce") as container, half_sent(container, nonce()) as connection:
        container.process.send_signal(signal.SIGTERM)
        asked_at = time.monotonic()
        assert until(lambda: container.probe(READY), lambda seen: seen != (200, b"ok"), 5) == (503, b"draining")
        assert container.probe(LIVE) == (200, b"ok")
        until(lambda: container.probe(READY), lambda seen: seen is None, 20)
        assert time.monotonic() - asked_at >= LINGER_SECONDS * 0.9
        assert container.process.poll() is None
        connection.sendall(nonce()[-1:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert container.process.wait(10) == 0


def test_the_last_request_is_traced_too(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A life is short: what a request left behind is exported before the process ends."""
    folder = tmp_path_factory.mktemp("traces")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    header = f"traceparent: 00-{trace}-00f067aa0ba902b7-01"
    traced = {"TRACES": str(folder), "TRACES_SAMPLED_PER_MILLE": "1000"}
    with start("issue_nonce", **traced) as container, half_sent(container, nonce(), header) as connection:
        container.process.send_signal(signal.SIGTERM)
        until(lambda: container.probe(READY), lambda seen: seen is None, 20)
        connection.sendall(nonce()[-1:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert container.process.wait(10) == 0
    assert "issue_nonce" in {each.span.name for each in read_trace(folder, trace)}


def test_a_request_that_never_ends_does_not_hold_the_container(start: Start) -> None:
    """It is cut off before the platform kills the process."""
    assert LINGER_SECONDS + KILL_SECONDS < DRAIN_SECONDS
    with start("issue_nonce") as container, half_sent(container, nonce()):
        asked_at = time.monotonic()
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(2 * DRAIN_SECONDS) == 0
        assert LINGER_SECONDS + KILL_SECONDS - 1 <= time.monotonic() - asked_at < DRAIN_SECONDS + 2


def test_a_container_whose_worker_dies_ends(start: Start) -> None:
    """With an error, so that it is replaced."""
    with start("unmatched") as container:
        children = Path(f"/proc/{container.process.pid}/task/{container.process.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGKILL)
        assert container.process.wait(10) == 1


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("no_such_row", "no_such_row is no function."),
        ("place_hold", "place_hold is no function."),
        ("send_withdrawals", "send_withdrawals is no function."),
        ("faucet", "faucet is for the local environment only."),
        ("sign_in", "The secret jwt_private_keys.json cannot be read from SECRETS_DIR"),
    ],
)
def test_what_cannot_be_served_ends_at_once(function: str, says: str, start: Start) -> None:
    """In one sentence."""
    with start(function) as container:
        _, errors = container.process.communicate(timeout=60)
        assert container.process.returncode == 1
        assert says in errors
        assert "Traceback" not in errors


def push(**attributes: str) -> bytes:
    """A push of an event that commit_stock does not handle, and so acknowledges without a database."""
    message: dict[str, Any] = {"attributes": attributes, "data": b64encode(b"{}").decode(), "messageId": "1"}
    return json.dumps({"message": message, "subscription": "s"}).encode()


def test_a_push_needs_googles_token(start: Start) -> None:
    """Of the account, for the audience, with its signature: without it 401, also when Cloud Run has removed it."""
    foreign = push(**{"ce-type": "order.matured", "ce-source": "/order"})
    with serving(Issuer()) as issuer, start("commit_stock", certificates=issuer.url) as container:
        good = issuer.token()
        assert container.ask("POST", "/", PUBLIC, foreign)[0] == 401
        for token in ("", "nonsense", issuer.token(aud="other"), issuer.token(email="x@y.example"), removed(good)):
            assert container.ask("POST", "/", {**PUBLIC, "Authorization": f"Bearer {token}"}, foreign)[0] == 401
        accepted = container.ask("POST", "/", {**PUBLIC, "Authorization": f"Bearer {good}"}, foreign)
        assert accepted == (200, b'{"received":["foreign"]}\n')
        assert container.ask("GET", READY)[0] == 200
        container.process.kill()
        _, errors = container.process.communicate(timeout=10)
        assert errors.count("the invoker check of this service is on, and has to be off") == 1


def removed(token: str) -> str:
    """A token as Cloud Run passes it on after its own check."""
    return f"{token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"
