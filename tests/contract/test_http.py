"""HTTP itself at the edge: malformed requests get a problem document, or are harmless."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from emulators.stack.stack import Stack

JSON = b"Content-Type: application/json\r\n"
BODY = b'{"address":"0x5FbDB2315678afecb367f032d93F642f64180aa3","chain_id":1}'
WITHIN_SECONDS = 10


class Wire:
    """Sends bytes to the edge, and reads what comes back."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._address = (str(address.hostname), int(address.port or 0))

    def connect(self, timeout: float = WITHIN_SECONDS) -> socket.socket:
        """A connection."""
        return socket.create_connection(self._address, timeout=timeout)

    def send(self, data: bytes, timeout: float = WITHIN_SECONDS) -> list["Answer"]:
        """What is answered to these bytes until the edge closes the connection."""
        received = b""
        with self.connect(timeout) as connection:
            connection.sendall(data)
            while piece := connection.recv(65536):
                received += piece
                if any(answer.last for answer in parsed(received)):
                    # No further request follows, so that the edge need not wait for one before it closes.
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
        return list(parsed(received))

    def ask(self, line: bytes, headers: bytes = b"", body: bytes = b"") -> "Answer":
        """The one answer to a request."""
        answers = self.send(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n" + body)
        assert len(answers) == 1, answers
        return answers[0]


class Answer:
    """An answer as its bytes say."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        self.body = body

    @property
    def last(self) -> bool:
        """Whether it is whole, and the connection is closed behind it."""
        whole = len(self.body) == int(self.headers.get("content-length", 0))
        return whole and self.headers.get("connection") == "close"

    def problem(self, status: int, code: str) -> None:
        """Make sure that it is this problem document, with one request id in its header and its body."""
        assert self.status == status, self.body
        assert self.headers["content-type"] == "application/problem+json"
        problem = json.loads(self.body)
        assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
        assert (problem["status"], problem["code"]) == (status, code)
        assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/docs#{code}", problem["type"])
        assert problem["request_id"] == self.headers["x-request-id"]
        assert re.fullmatch(r"[!-+\--~]{1,128}", problem["request_id"])
        assert self.headers["x-served-by"] == "us-central1"
        assert self.headers["cache-control"] == "no-store"


def parsed(received: bytes) -> Iterator[Answer]:
    """The answers in what was received, one after another."""
    while received:
        head, whole, received = received.partition(b"\r\n\r\n")
        if not whole:
            return
        if head.startswith(b"HTTP/1.1 100 "):
            continue
        length = re.search(rb"(?i)content-length: (\d+)", head)
        size = int(length[1]) if length else 0
        yield Answer(head, received[:size])
        received = received[size:]


@pytest.fixture(scope="module")
def wire(stack: Stack) -> Wire:
    """Bytes to the edge."""
    return Wire(stack.edge_url)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nNot a header\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX A: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health#fragment HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n{}",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    ],
    ids=lambda data: data[:60].decode("latin-1").encode("unicode_escape").decode(),
)
def test_what_is_not_http_is_400(wire: Wire, data: bytes) -> None:
    """Whatever cannot be read, or could be read in two ways, is refused by the edge in the contract's form."""
    answers = wire.send(data)
    answers[0].problem(400, "MALFORMED_REQUEST")
    assert len(answers) == 1, "nothing of it is taken for another request"


def test_headers_too_large(wire: Wire) -> None:
    """More than 60 KiB of headers, or more than a hundred of them, are refused."""
    wire.ask(b"GET /health", b"X-A: " + b"a" * 70_000 + b"\r\n").problem(431, "HEADERS_TOO_LARGE")
    wire.ask(b"GET /health", b"X-A: a\r\n" * 150).problem(431, "HEADERS_TOO_LARGE")


@pytest.mark.parametrize("kept", [b"mine-1", b'a"b\\c', b"x" * 128])
def test_the_edge_keeps_a_request_id(wire: Wire, kept: bytes) -> None:
    """A refusal of the edge's own carries the caller's X-Request-Id."""
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nX-Request-Id: " + kept + b"\r\n"
    answer = wire.ask(b"GET /health", upgrade)
    answer.problem(403, "UPGRADE_REFUSED")
    assert answer.headers["x-request-id"] == kept.decode()


@pytest.mark.parametrize("bad", [b"x" * 129, b"x" * 10_000, b"a b", b"\xff\xfe", b"\xc3\xa9"])
def test_the_edge_makes_a_request_id(wire: Wire, bad: bytes) -> None:
    """One that could not stand in every log is replaced by the edge as it is by the functions."""
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nX-Request-Id: " + bad + b"\r\n"
    answer = wire.ask(b"GET /health", upgrade)
    answer.problem(403, "UPGRADE_REFUSED")
    assert answer.headers["x-request-id"].encode("latin-1") != bad


FOLDED = [b"a\r\n b", b"a\r\n\tSet-Cookie: x=1", b"a%0d%0aSet-Cookie:x=1", b"a\rSet-Cookie: x=1"]


@pytest.mark.parametrize("value", FOLDED)
def test_a_request_id_adds_no_header(wire: Wire, value: bytes) -> None:
    """No line end, folded, bare or escaped, gets from X-Request-Id into the answer's headers."""
    answer = wire.ask(b"GET /nowhere", b"X-Request-Id: " + value + b"\r\n")
    assert answer.status in (400, 404)
    assert "set-cookie" not in answer.headers


PATHS = [b"/\xff", b"/\xc3\xa9", b"/v1/orders/\xf0\x9f\x92\xa9", b"/\x7f", b"/%", b"/%zz", b"/\\..\\health", b"/{a}"]


@pytest.mark.parametrize("path", PATHS)
def test_bytes_in_paths(wire: Wire, path: bytes) -> None:
    """A path of bytes that no URL has is unknown or malformed."""
    answer = wire.ask(b"GET " + path)
    assert answer.status in (400, 401, 404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["request_id"] == answer.headers["x-request-id"]


QUERIES = [b"?\xff", b"?%ff=%ff", b"?\xc3\xa9=1", b"?a=\xff", b"??", b"?=", b"?&=&", b"?%00=%00"]


@pytest.mark.parametrize("query", QUERIES)
def test_bytes_in_queries(wire: Wire, query: bytes) -> None:
    """A query of bytes that no URL has is an unknown parameter, or none."""
    answer = wire.ask(b"GET /health" + query)
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", [b"get", b"PRI", b"BREW", b"A" * 1000, b"!"])
def test_methods_nobody_knows_are_405(wire: Wire, method: bytes) -> None:
    """A method has its case, and any other word for one is refused."""
    answer = wire.ask(method + b" /health")
    answer.problem(405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD"


def test_an_absolute_target_is_a_path(wire: Wire) -> None:
    """A target with scheme and host, as proxies send it, is the path in it (RFC 9112, 3.2.2)."""
    assert wire.ask(b"GET http://example.com/health").status == 200
    wire.ask(b"GET http://example.com/nowhere").problem(404, "ROUTE_NOT_FOUND")


def test_http_1_0(wire: Wire) -> None:
    """HTTP/1.0 is answered as well, without a host."""
    [answer] = wire.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert answer.status == 200


def test_expect_continue(wire: Wire) -> None:
    """A client that waits for leave to send its body gets it."""
    headers = JSON + b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(BODY)
    with wire.connect() as connection:
        connection.sendall(b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_chunks_and_trailers(wire: Wire) -> None:
    """A body in chunks is taken; a trailer is no header."""
    headers = JSON + b"Transfer-Encoding: chunked\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    trailer = b"0\r\nContent-Type: text/plain\r\nX-Request-Id: trailed\r\n\r\n"
    answer = wire.ask(b"POST /v1/auth/nonce", headers, chunks + trailer)
    assert answer.status == 201
    assert answer.headers["x-request-id"] != "trailed"


def test_what_follows_a_body_is_another_request(wire: Wire) -> None:
    """A body that is longer than it says is cut there: what is left is a request of its own, and is read as such."""
    first = b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\n" + JSON + b"Content-Length: 5\r\n\r\n"
    answers = wire.send(first + BODY + b"\r\n\r\n")
    assert [answer.status for answer in answers] == [400, 400]
    answers[1].problem(400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_body_of_a_read_is_not_a_request(wire: Wire, method: bytes) -> None:
    """A request inside the body of another is never answered."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled\r\n\r\n"
    outer = method + b" /health HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner
    last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with wire.connect() as connection:
        connection.sendall(outer + last)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404"]
    assert b"smuggled" not in received


def test_many_requests_on_one_connection_keep_their_answers(wire: Wire) -> None:
    """Requests sent without waiting are answered in their order, each with its own id."""
    start = b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\n" + JSON
    request = start + b"X-Request-Id: n%d\r\nContent-Length: %d\r\n\r\n%s"
    close = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: last\r\n\r\n"
    bodies = [BODY if number % 2 else b"{" for number in range(20)]
    data = b"".join(request % (number, len(body), body) for number, body in enumerate(bodies))
    answers = wire.send(data + close)
    assert [answer.headers["x-request-id"] for answer in answers] == [*(f"n{n}" for n in range(20)), "last"]
    assert [answer.status for answer in answers] == [*(201 if n % 2 else 400 for n in range(20)), 404]


HALF = b"POST /v1/auth/nonce HTTP/1.1\r\nHost: x\r\n" + JSON + b"Content-Length: 100\r\n\r\n{"


def test_bodies_that_do_not_arrive_block_nobody(wire: Wire, edge: httpx.Client) -> None:
    """However many begin a body and send no more, others are served: the edge waits for it, not the functions."""
    with ExitStack() as open_connections:
        for _ in range(100):
            open_connections.enter_context(wire.connect()).sendall(HALF)
        began = time.monotonic()
        for _ in range(20):
            assert edge.get("/ready", timeout=WITHIN_SECONDS).status_code == 200
        assert time.monotonic() - began < WITHIN_SECONDS


@pytest.mark.long
def test_a_body_that_does_not_come_is_408(wire: Wire) -> None:
    """After half a minute a request that is not complete is given up."""
    [answer] = wire.send(HALF, timeout=60)
    answer.problem(408, "REQUEST_TIMEOUT")
