"""An HTTP load generator that does as little as possible, so that it is not what limits the load.

A few processes, each with some keep-alive connections and a loop over raw sockets: prepared requests are sent as they
are, and of a response only its status and its length are read. It drives loopback only, for a bounded time.
"""

import contextlib
import multiprocessing
import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Self

HOST: Final = "127.0.0.1"
PROCESSES: Final = 2
CONNECTIONS: Final = 16
"""Of all processes together."""

MAX_SECONDS: Final = 120
"""How long a load may last at all, with the responses that are still awaited."""

LEAST_SHARE: Final = 0.95
"""The share of responses that has to be of the expected status; the others do not count."""

LEAD_SECONDS: Final = 0.05
"""The processes agree on a moment to begin, so far ahead."""

POLL_SECONDS: Final = 0.001


@dataclass(frozen=True)
class Load:
    """What to send: requests in turn, for so long, or until each was sent once if `once`.

    rate: requests per second of an open loop, at which they are sent however slow the responses are, as long as a
    connection is free; 0 for a closed loop, in which each connection sends when it has its response.
    """

    port: int
    requests: Sequence[bytes]
    seconds: float
    once: bool = False
    connections: int = CONNECTIONS
    rate: float = 0.0


@dataclass(frozen=True)
class Played:
    """What came back: responses by status, and the time from the first request to the last response."""

    statuses: Counter[int]
    seconds: float

    @property
    def count(self) -> int:
        """How many responses."""
        return self.statuses.total()

    @property
    def rate(self) -> float:
        """Responses per second."""
        return self.count / self.seconds if self.count else 0.0

    def only(self, status: int) -> "Played":
        """The responses with a status. Raises RuntimeError if there were more than a few others: those are fast."""
        if self.statuses[status] < LEAST_SHARE * self.count or not self.count:
            raise RuntimeError(f"not every response was a {status}: {dict(self.statuses)}")
        return Played(Counter({status: self.statuses[status]}), self.seconds)


class Generator:
    """The processes of the generator, started once."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._processes = processes
        # Not forked: gRPC's threads, which this process may have by now, do not survive that.
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
        list(self._pool.map(abs, range(processes)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def play(self, load: Load) -> Played:
        """Send a load, and wait for all responses."""
        begin = time.monotonic() + LEAD_SECONDS
        parts = [self._pool.submit(drive, part, begin) for part in divided(load, self._processes)]
        found = [part.result(timeout=MAX_SECONDS + 10) for part in parts]
        statuses = sum((counted for counted, _ in found), Counter[int]())
        return Played(statuses, max(last for _, last in found) - begin)


def divided(load: Load, parts: int) -> list[Load]:
    """A load in equal parts; those without a request are left out."""
    return [
        Load(
            load.port,
            load.requests[part::parts] if load.once else [*load.requests[part:], *load.requests[:part]],
            load.seconds,
            load.once,
            max(1, load.connections // parts),
            load.rate / parts,
        )
        for part in range(parts)
        if not load.once or load.requests[part::parts]
    ]


@dataclass
class _Connection:
    """A keep-alive connection with at most one request under way."""

    port: int
    request: bytes = b""
    received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Connect."""
        self.socket = socket.create_connection((HOST, self.port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(MAX_SECONDS)

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.request = request
        self.received.clear()
        # If the server has just closed the connection, that shows when the response is awaited.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(request)

    def receive(self) -> int | None:
        """Read what has come; the status once the response is complete. Raises ConnectionError when it is cut off."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the connection before it answered")
        self.received += data
        return status_of(self.received)


def status_of(received: bytes | bytearray) -> int | None:
    """The status of a complete response; None while it is incomplete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    _, found, length = head.partition(b"\r\ncontent-length:")
    if found:
        complete = len(received) - end - 4 >= int(length.partition(b"\r\n")[0])
    else:
        complete = b"transfer-encoding: chunked" not in head or received.endswith(b"0\r\n\r\n")
    return int(head[9:12]) if complete else None


def drive(load: Load, begin: float) -> tuple[Counter[int], float]:
    """Send a part of a load from a moment on; returns the statuses, and when the last response came."""
    statuses: Counter[int] = Counter()
    last = begin
    with selectors.DefaultSelector() as selector:
        idle = [_Connection(load.port) for _ in range(load.connections)]
        everything = list(idle)
        for connection in idle:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        time.sleep(max(0.0, begin - time.monotonic()))
        sent, awaited = 0, 0
        while True:
            now = time.monotonic() - begin
            while idle and _due(load, sent, now):
                idle.pop().send(load.requests[sent % len(load.requests)])
                sent, awaited = sent + 1, awaited + 1
            if not awaited and _over(load, sent, now):
                break
            if now > MAX_SECONDS:
                raise TimeoutError(f"{awaited} requests were not answered")
            for key, _ in selector.select(POLL_SECONDS if load.rate else 1.0):
                try:
                    status = key.data.receive()
                except ConnectionError:
                    _send_again(key.data, selector)
                    continue
                if status is not None:
                    statuses[status] += 1
                    awaited -= 1
                    key.data.request = b""
                    key.data.received.clear()
                    last = time.monotonic()
                    idle.append(key.data)
        for connection in everything:
            connection.socket.close()
    return statuses, last


def _send_again(connection: _Connection, selector: selectors.BaseSelector) -> None:
    """Send a request on a new connection: servers close idle ones, as gunicorn does after 2 seconds.

    Every request is safe to repeat: a read, or a write with an idempotency key. Raises ConnectionError.
    """
    selector.unregister(connection.socket)
    connection.socket.close()
    if connection.received:
        raise ConnectionResetError("a response was cut off")
    connection.open()
    selector.register(connection.socket, selectors.EVENT_READ, connection)
    if connection.request:
        connection.send(connection.request)


def _due(load: Load, sent: int, now: float) -> bool:
    """Whether the next request is to be sent now."""
    return not _over(load, sent, now) and (not load.rate or sent <= now * load.rate)


def _over(load: Load, sent: int, now: float) -> bool:
    """Whether no more requests are sent."""
    return now >= load.seconds or (load.once and sent >= len(load.requests))


def request(method: str, path: str, *, token: str = "", body: bytes = b"", **headers: str) -> bytes:
    """A request in bytes; `idempotency_key="..."` becomes the header Idempotency-Key."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
