"""The stack's ports: from one table, with substitutes for taken ones, and never the same for two stacks."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from emulators.stack.ports import FREE, HOST, PREFERRED, Ports, is_taken

OUTGOING_FROM = 32768
"""The start of Linux's ephemeral port range."""


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    """Another listener on a port."""
    with socket.create_server((HOST, port)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_replaced_and_named() -> None:
    """A program whose port is taken gets a free one, and `moved` names it."""
    with listener() as taken:
        ports = Ports(["edge"], first=taken)
        ports.release()
    assert ports.chosen["edge"] in FREE
    assert ports.moved == {"edge": taken}


def test_ports_follow_the_first_one() -> None:
    """With a first port, the programs are numbered in order."""
    first = _free_block(3)
    ports = Ports(["edge", "postgres", "functions-us-central1"], first=first)
    ports.release()
    assert list(ports.chosen.values()) == [first, first + 1, first + 2]
    assert ports.moved == {}


def test_two_stacks_that_start_at_once_share_no_port() -> None:
    """A chosen port is not chosen again before its program listens on it."""
    names = [*PREFERRED, *(f"rpc-{number}" for number in range(20))]
    one, other = Ports(names, free=True), Ports(names, free=True)
    again = Ports(["edge"], first=one.chosen["edge"])
    for ports in (one, other, again):
        ports.release()
    assert not set(one.chosen.values()) & set(other.chosen.values())
    assert again.chosen["edge"] != one.chosen["edge"]


def test_no_port_can_be_lost_to_an_outgoing_connection() -> None:
    """Every port is below the ephemeral range."""
    assert max(*PREFERRED.values(), FREE.stop) < OUTGOING_FROM


def test_a_port_is_free_again_as_soon_as_its_listener_is_gone() -> None:
    """Connections that linger after a stack's end do not make its ports look taken."""
    with listener() as port:
        caller = socket.create_connection((HOST, port))
        assert is_taken(port)
    caller.close()
    assert not is_taken(port)


def _free_block(length: int) -> int:
    return next(
        port for port in range(FREE.stop, OUTGOING_FROM - length) if not any(is_taken(port + n) for n in range(length))
    )
