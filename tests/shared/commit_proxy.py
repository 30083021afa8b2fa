"""A TCP proxy in front of PostgreSQL that can cut a connection at its COMMIT."""

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Final, Literal, Self

COMMIT: Final = b"commit\x00"
COMMITTED: Final = b"COMMIT\x00"
CHUNK_BYTES: Final = 1 << 16
LOOK_SECONDS: Final = 0.02

Fate = Literal["arrives", "is lost", "has its answer lost"]


class CommitProxy:
    """A TCP proxy in front of a server on this machine."""

    def __init__(self, port: int) -> None:
        """port: the server's."""
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.commit: Fate = "arrives"
        """The fate of the next COMMIT; its connection is cut unless it arrives."""
        self.answers = threading.Event()
        """Whether the server's responses are passed on; they are held back while it is cleared."""
        self.answers.set()

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.answers.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _run(self, target: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._listener], [], [], LOOK_SECONDS)[0]:
                continue
            client, _ = self._listener.accept()
            self._run(self._carry, client, socket.create_connection(("127.0.0.1", self._server_port)))

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, contextlib.suppress(OSError):
            while not self._ended.is_set():
                ready, _, _ = select.select([client, server], [], [], LOOK_SECONDS)
                if client in ready and not self._to_server(client, server):
                    return
                if server in ready and not self._to_client(server, client):
                    return

    def _to_server(self, client: socket.socket, server: socket.socket) -> bool:
        sent = client.recv(CHUNK_BYTES)
        if COMMIT in sent and self.commit == "is lost":
            return False
        server.sendall(sent)
        return bool(sent)

    def _to_client(self, server: socket.socket, client: socket.socket) -> bool:
        if not self.answers.wait(LOOK_SECONDS):
            return True
        answer = server.recv(CHUNK_BYTES)
        if COMMITTED in answer and self.commit == "has its answer lost":
            return False
        client.sendall(answer)
        return bool(answer)
