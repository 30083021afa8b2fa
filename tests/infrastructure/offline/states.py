"""Terraform's states, kept in this process: what the backend `http` asks for, without locks."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serve


class States:
    """A server on the loopback interface. content: the states by their paths."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        content = self.content

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200 if self.path in content else 204, content.get(self.path, b""))

            def do_POST(self) -> None:
                content[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(200, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve(self._server)

    def address(self, name: str) -> str:
        """The URL of a state."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
