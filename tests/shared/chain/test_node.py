"""The node client: whatever a node does, the result is right, or one of our errors within the deadline."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.chain.node import ChainClient, NodeRefused, Reverted
from shared.errors import Unavailable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def node(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A node that handles the connection of each request with a callback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        answer(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def says(document: Any) -> Callable[[socket.socket], None]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda connection: connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


def hangs(_: socket.socket) -> None:
    time.sleep(2)


def drips(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    for _ in range(40):
        connection.sendall(b" ")
        time.sleep(0.1)


def floods(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Connection: close\r\n\r\n")
    for _ in range(40):
        connection.sendall(b" " * 1024 * 1024)


@pytest.mark.parametrize(
    "answer",
    [
        hangs,
        drips,
        floods,
        lambda connection: connection.close(),
        says(b"not json"),
        says([1]),
        says({"jsonrpc": "2.0", "id": 1}),
        says({"result": "12"}),
        says({"result": 12}),
        says({"result": None}),
        says({"result": "0xzz"}),
    ],
)
def test_a_node_without_a_right_answer_is_unavailable(answer: Callable[[socket.socket], None]) -> None:
    """Silent, slow by the byte, endless, gone, or talking nonsense: 503 within the deadline, with room to spare."""
    began = time.monotonic()
    with node(answer) as url, pytest.raises(Unavailable):
        ChainClient(url, timeout_seconds=0.5).head()
    assert time.monotonic() - began < 1.9


def test_nobody_there_is_unavailable() -> None:
    """A node that does not listen."""
    with pytest.raises(Unavailable):
        ChainClient("http://127.0.0.1:1", timeout_seconds=0.5).head()


def test_a_revert_is_distinguished_from_other_refusals() -> None:
    """A contract's revert and an error of the node are different exceptions."""
    with node(says({"error": {"code": 3, "message": "execution reverted"}})) as url, pytest.raises(Reverted):
        ChainClient(url).call(b"", "0x" + "1" * 40)
    with node(says({"error": {"code": -32000, "message": "nonce too low"}})) as url:
        with pytest.raises(NodeRefused) as refused:
            ChainClient(url).broadcast(b"")
        assert not isinstance(refused.value, Reverted)


def test_a_transaction_that_the_node_has_is_no_error() -> None:
    """The same bytes may be handed over again."""
    with node(says({"error": {"code": -32000, "message": "already known"}})) as url:
        ChainClient(url).broadcast(b"\x02")
