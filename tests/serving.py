"""Servers of a test's own, in a thread."""

import threading
from typing import Final, Protocol

POLL_SECONDS: Final = 0.02
"""How soon a server notices its shutdown: by default it takes half a second, which hundreds of tests would wait for."""


class Server(Protocol):
    """As the standard library's socketserver and Werkzeug have it."""

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until `shutdown` is called by another thread."""


def serve(server: Server) -> threading.Thread:
    """Have a server serve in a thread of its own; returns that."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
    thread.start()
    return thread
