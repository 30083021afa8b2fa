"""The ports that the stack listens on, and the choice of substitutes for those that are taken.

Every port is below 32768, where Linux's ephemeral range begins: one above could be taken by an outgoing connection
between its choice here and its use. For the same reason a chosen port is locked, among the stacks of one user, until
every program listens (`release`).
"""

import fcntl
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Final

from emulators.stack.errors import StackError
from emulators.stack.sites import Site

PREFERRED: Final = {
    "edge": 8080,
    "edge-admin": 18001,
    "supervisor": 18002,
    "postgres": 18432,
    "replica": 18433,
    "valkey": 18379,
    "pubsub": 18085,
    "kafka": 18092,
    "firestore": 18086,
    "chain": 18545,
    "prometheus": 18090,
    "alertmanager": 18093,
    "control": 18003,
}
"""The preferred ports of the programs that exist once per stack."""

CONTROL: Final = "control"
"""The endpoint by which the console acts on the stack (emulators/control)."""

REGIONAL_EDGES: Final = range(8081, 8090)
"""The preferred ports of the edges of regions, in their order."""

FIRST_OF_REGIONS: Final = 18100
"""Everything else is numbered from here."""

FREE: Final = range(20000, 32000)
"""The range of substitutes."""

HOST: Final = "127.0.0.1"


class Ports:
    """The ports of one stack, by program name."""

    def __init__(self, names: Sequence[str], *, first: int | None = None, free: bool = False) -> None:
        """
        names: the programs, in the order in which `first` counts.
        first: the port of the first program, the others following it; None for the table above.
        free: choose every port at random, as tests do, so that stacks never collide.

        Raises StackError when no port is left.
        """
        self._locks: list[IO[bytes]] = []
        self.moved: dict[str, int] = {}
        """The programs that did not get their preferred port, with that port."""
        self.chosen: dict[str, int] = {}
        for name, preferred in _preferred(names, first):
            self.chosen[name] = self._choose(None if free else preferred)
            if not free and self.chosen[name] != preferred:
                self.moved[name] = preferred

    def _choose(self, preferred: int | None) -> int:
        for port in _candidates(preferred):
            if not is_taken(port) and self._lock(port):
                return port
        raise StackError(
            f"No TCP port between {FREE.start} and {FREE.stop} is free on {HOST}: stop what listens there."
        )

    def _lock(self, port: int) -> bool:
        file = (_folder_of_locks() / str(port)).open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locks.append(file)
        return True

    def release(self) -> None:
        """Release the locks: every program listens now, or never will."""
        for file in self._locks:
            file.close()
        self._locks.clear()


def _preferred(names: Sequence[str], first: int | None) -> Iterator[tuple[str, int]]:
    edges, others = iter(REGIONAL_EDGES), count(FIRST_OF_REGIONS)
    for index, name in enumerate(names):
        if first is not None:
            yield name, first + index
        elif name in PREFERRED:
            yield name, PREFERRED[name]
        elif name.startswith("edge-") and not name.endswith("-inner"):
            yield name, next(edges)
        else:
            yield name, next(others)


def _candidates(preferred: int | None, draw: Callable[[int], int] = secrets.randbelow) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    start = draw(len(FREE))
    yield from (FREE[(start + step) % len(FREE)] for step in range(len(FREE)))


def _folder_of_locks() -> Path:
    folder = Path(tempfile.gettempdir()) / f"meridian-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def is_taken(port: int) -> bool:
    """Whether something listens on a port of this machine's loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Without SO_REUSEADDR a port would count as taken for a minute after its connections closed (TIME_WAIT).
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return True
    # macOS allows a bind beside a listener on all addresses; only a connection detects that listener.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(0.2)
        return caller.connect_ex((HOST, port)) == 0


def store(kind: str, site: Site, sites: Sequence[Site]) -> str:
    """The name of a site's own postgres, replica or valkey, in a stack of these sites, which are at home there."""
    if site not in sites:
        return f"{kind}-{site.cell}-{site.region}"
    return f"{kind}-{site.cell}" if len(sites) > 1 else kind


def functions_host(site: str) -> str:
    """The name of the functions host of a site, which is named like its region if it is the first there."""
    return f"functions-{site}"


def events_host(site: str) -> str:
    """The name of a site's host of event and schedule functions."""
    return f"events-{site}"


def rpc_host(service: str, site: str) -> str:
    """The name of a service's RPC host at a site: of its port, and where the stack has one site, of its process."""
    return f"rpc-{service}-{site}"


def rpc_hosts(site: str) -> str:
    """The name of the one process with all RPC hosts of a site, where a stack has several sites."""
    return f"rpc-{site}"


def relay(service: str, site: str) -> str:
    """The name of a service's relay at a site."""
    return f"relay-{service}-{site}"


def poller(service: str, site: str) -> str:
    """The name of a service's poller at a site."""
    return f"poller-{service}-{site}"


def workers(site: str) -> str:
    """The name of the one process with all workers of a site, where a stack has several sites."""
    return f"workers-{site}"


def topics(site: str) -> str:
    """The name of the process that maintains a site's topics."""
    return f"topics-{site}"


def regional_edge(region: str) -> str:
    """The name of the edge of a region, where a stack has several regions."""
    return f"edge-{region}"


def inner(edge: str) -> str:
    """The name in `ports` of the listener of a regional edge that only the global edge calls."""
    return f"{edge}-inner"


def link(region: str, program: str) -> str:
    """The name in `ports` of the listener in a region that leads to a program of another one."""
    return f"{program}-from-{region}"


def published(site: str) -> str:
    """The name of what a site has published, as the end of a link: it is in the one Pub/Sub emulator of all."""
    return f"pubsub-of-{site}"


def metrics_of(program: str) -> str:
    """The name in `ports` of a process's metrics port."""
    return f"{program}-metrics"
