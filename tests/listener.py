"""An address on this machine that is told of events, and behaves as a test wants it to."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """What it says, once the public library has verified it. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass
class Listener:
    """A server. answer: what it does with a request; it answers 204 by default."""

    answer: Answer = field(default=lambda handler: handler.say(204))
    received: list[Received] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        listener: Listener = self

        class Bound(Handler):
            to = listener

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hooks"


class Handler(BaseHTTPRequestHandler):
    """Takes a request, and has the listener's answer given."""

    to: Listener

    def do_POST(self) -> None:
        """Any delivery."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.to.received.append(Received(self.path, dict(self.headers), body))
        self.to.answer(self)

    def say(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Answer so, without a body."""
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing of it."""


def hangs(handler: Handler) -> None:
    """Answers nothing until the test is done."""
    handler.to.ended.wait(60)


def drips(handler: Handler) -> None:
    """Answers a byte now and then, and never comes to the end of its head."""
    while not handler.to.ended.wait(0.05):
        try:
            handler.wfile.write(b"H")
        except OSError:
            return


def floods(handler: Handler) -> None:
    """Answers ten gigabytes, as long as somebody takes them; what is received next tells how many bytes went."""
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
    handler.to.received.append(Received(f"sent {sent}", {}, b""))
