"""HTTP connections that are cut when an answer does not begin in time, even where it comes in drops.

A socket's timeout is one of each read: a head of which a byte comes now and then would be read for ever.
"""

import socket
from contextlib import suppress
from threading import Timer

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


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
