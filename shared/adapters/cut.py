"""HTTP connections that are cut when an answer does not begin in time, even where it comes in drops.

A socket's timeout is one of each read: a head of which a byte comes now and then would be read for ever.
"""

import socket
import time
from contextlib import suppress
from threading import Timer
from typing import Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse, HTTPResponse

PIECE_BYTES: Final = 64 * 1024


class _Cut:
    """What a connection does besides: it ends itself when its timeout has passed before the head was read."""

    timeout: float | None
    sock: socket.socket | None

    def getresponse(self) -> HTTPResponse:
        timer = Timer(self.timeout or 0, self._cut)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()  # type: ignore[misc, no-any-return]
        finally:
            timer.cancel()

    def _cut(self) -> None:
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class _Plain(_Cut, HTTPConnection):  # type: ignore[misc]
    pass


class _Secure(_Cut, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def pools(size: int) -> PoolManager:
    """Connections to be kept, so many to each host; a request without a timeout ends at once."""
    manager = PoolManager(maxsize=size, retries=False)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager


def read(answer: BaseHTTPResponse, most: int, until: float) -> bytes | None:
    """The body of an answer, in time even when it comes in drops.

    most: how many bytes it may have; None for a larger one. until: by the monotonic clock. Raises TimeoutError.
    """
    content = bytearray()
    for piece in iter(lambda: answer.read1(PIECE_BYTES), b""):
        content += piece
        if len(content) > most:
            return None
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(content)
