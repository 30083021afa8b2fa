"""HTTP connections that are closed if a response's head does not arrive in time, even if it trickles in.

A socket's timeout applies to each read: a head that arrives byte by byte could be read for ever.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Final, Protocol

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse, HTTPResponse

PIECE_BYTES: Final = 64 * 1024


class _Connection(Protocol):
    """A connection with a socket, such as urllib3's."""

    sock: socket.socket | None


@contextmanager
def cut_after(connection: _Connection, seconds: float) -> Iterator[None]:
    """Shut a connection's socket down if this block takes longer than so many seconds."""

    def cut() -> None:
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _HeadDeadline:
    """Mixed into a connection: it shuts itself down when its timeout passes before the response's head was read."""

    timeout: float | None
    sock: socket.socket | None

    def getresponse(self) -> HTTPResponse:
        with cut_after(self, self.timeout or 0):
            return super().getresponse()  # type: ignore[misc, no-any-return]


class _Plain(_HeadDeadline, HTTPConnection):  # type: ignore[misc]
    pass


class _Secure(_HeadDeadline, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def pool_manager(size: int) -> PoolManager:
    """A pool of so many connections per host; a request without a timeout is cut off at once."""
    manager = PoolManager(maxsize=size, retries=False)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager


def read(answer: BaseHTTPResponse, most: int, until: float) -> bytes | None:
    """Read a response's body before a deadline, even if it trickles in.

    most: the largest size in bytes; returns None for a larger one. until: by the monotonic clock. Raises TimeoutError.
    """
    content = bytearray()
    for piece in iter(lambda: answer.read1(PIECE_BYTES), b""):
        content += piece
        if len(content) > most:
            return None
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(content)
