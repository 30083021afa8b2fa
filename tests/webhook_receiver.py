"""A webhook endpoint on this machine that responds, hangs or misbehaves as a test requires."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook

from tests.serving import serve

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class ReceivedRequest:
    """A received request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """Its payload, verified by the public library. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass
class WebhookReceiver:
    """The server. answer: handles a request; by default it responds with 204."""

    answer: Answer = field(default=lambda handler: handler.respond(204))
    received: list[ReceivedRequest] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        listener: WebhookReceiver = self

        class Bound(Handler):
            to = listener

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        serve(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The URL of the webhook."""
        return f"http://127.0.0.1:{self.port}/hooks"


class Handler(BaseHTTPRequestHandler):
    """Records a request, and calls the receiver's `answer`."""

    to: WebhookReceiver

    def do_POST(self) -> None:
        """A delivery."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.to.received.append(ReceivedRequest(self.path, dict(self.headers), body))
        self.to.answer(self)

    def respond(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Respond without a body."""
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def hangs(handler: Handler) -> None:
    """Sends no response until the test is over."""
    handler.to.ended.wait(60)


def drips(handler: Handler) -> None:
    """Sends a byte now and then, and never completes the response head."""
    while not handler.to.ended.wait(0.05):
        try:
            handler.wfile.write(b"H")
        except OSError:
            return


def floods(handler: Handler) -> None:
    """Sends ten gigabytes, until the client stops reading; records as a request how many bytes were sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10 * 2**30))
    handler.end_headers()
    piece, sent = b"x" * 65536, 0
    while sent < 10 * 2**30:
        try:
            handler.wfile.write(piece)
        except OSError:
            break
        sent += len(piece)
    handler.to.received.append(ReceivedRequest(f"sent {sent}", {}, b""))
