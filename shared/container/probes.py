"""The probes of a container, by which its platform decides whether to send it requests or to restart it.

    GET /_probe/startup    it has loaded what it runs
    GET /_probe/live       it works: its loops are alive
    GET /_probe/ready      it takes requests: until it drains

They say nothing of databases, Redis or other services: a region whose database is down would otherwise lose all its
instances, and its users would move to regions that cannot write their cell. `/ready` of the API is for people.

Platforms probe containers directly, while requests of the public come through Google's front end, which adds
`X-Forwarded-For` and `Via`. Only requests without both are probes; to the public these paths do not exist.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

log = logging.getLogger(__name__)

STARTUP: Final = "/_probe/startup"
LIVE: Final = "/_probe/live"
READY: Final = "/_probe/ready"

FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_VIA")
"""The headers, as WSGI names them, that a request has when a proxy has passed it on."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

HEADERS: Final = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


class ProbedApplication:
    """A WSGI application (PEP 3333) that answers probes itself, and passes everything else on."""

    def __init__(self, application: Application, draining: Callable[[], bool]) -> None:
        """draining: whether the container is about to stop, and should get no new requests."""
        self._application = application
        self._draining = draining

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        if not _is_probe(environ):
            return self._application(environ, start_response)
        ready = environ["PATH_INFO"] != READY or not self._draining()
        start_response("200 OK" if ready else "503 Service Unavailable", HEADERS)
        return [b"ok" if ready else b"draining"]


def _is_probe(environ: Environ) -> bool:
    if environ["PATH_INFO"] not in (STARTUP, LIVE, READY) or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return False
    return not any(name in environ for name in FORWARDED)


@contextmanager
def probed(host: str, port: int, dead: Callable[[], Sequence[str]]) -> Iterator[int]:
    """Answer the startup and liveness probes of a worker during a block. Yields the port.

    port: 0 for any free one. dead: the names of the loops that died; while there are some, the worker is not alive.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            missing = dead() if self.path == LIVE else ()
            if self.path not in (STARTUP, LIVE):
                self._answer(404, "nothing is here")
            elif missing:
                self._answer(503, f"dead: {', '.join(missing)}")
            else:
                self._answer(200, "ok")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            for name, value in (*HEADERS, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes are not logged: there are thousands a day."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    log.info("probes are answered on port %d", server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
