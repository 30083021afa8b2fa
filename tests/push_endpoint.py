"""The HTTP endpoint of a push subscription."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler


def push_handler(take: Callable[[bytes], object]) -> type[BaseHTTPRequestHandler]:
    """A handler of pushes: 200 if `take` accepts the body, else 503."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 200
            try:
                take(body)
            except Exception:  # noqa: BLE001 - any failure has the event redelivered
                status = 503
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
