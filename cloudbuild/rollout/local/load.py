"""Users: a steady load of requests through the edge, each of which is remembered if it failed."""

import http.client
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from emulators.stack.ports import HOST
from shared.registry import Registry

USERS: Final = 60
ROWS: Final = ("health", "read_keys", "list_currencies", "list_orders")
"""What they read: public routes, and one that refuses them for want of a token (401)."""

SECONDS: Final = 10.0
"""How long they wait."""


@dataclass(frozen=True)
class Request:
    """One request as its user saw it. status: 0 without a response."""

    at: datetime
    status: int

    @property
    def failed(self) -> bool:
        """Whether the user saw a failure of the server."""
        return self.status == 0 or self.status >= 500


class Load:
    """Threads that send requests until they are stopped."""

    def __init__(self, registry: Registry, port: int, per_second: float) -> None:
        """port: the edge's."""
        self._port = port
        self._paths = [registry.rows[name].path for name in ROWS]
        self._pause = USERS / per_second
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._use, args=(number,), daemon=True) for number in range(USERS)]
        self.requests: list[Request] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, start: datetime, end: datetime) -> list[Request]:
        """The requests that began in a window."""
        return [each for each in list(self.requests) if start <= each.at < end]

    def _use(self, number: int) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=SECONDS)
        turn = time.monotonic() + self._pause * number / USERS
        count = number
        while not self._stop.wait(max(0.0, turn - time.monotonic())):
            turn = max(turn + self._pause, time.monotonic())
            count += 1
            at = datetime.now(UTC)
            self.requests.append(Request(at, self._ask(connection, self._paths[count % len(self._paths)])))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, path: str) -> int:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0
        return response.status
