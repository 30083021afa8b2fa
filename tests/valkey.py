"""A Valkey of a test's own: to be killed, halted, or made a cluster of."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from emulators import parts
from emulators.ports import Ports
from tests.waiting import until

SLOTS: Final = 16383


class Valkey:
    """One server on a port of its own, empty whenever it starts."""

    def __init__(self, port: int, bus_port: int, folder: str, *, cluster: bool) -> None:
        """bus_port: where it would speak to other nodes of its cluster."""
        self.port = port
        self._bus_port = bus_port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._folder = folder
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        options += ["--cluster-enabled", "yes", "--cluster-port", str(self._bus_port)] if self._cluster else []
        self._process = subprocess.Popen([parts.find().valkey, *options], stdout=subprocess.DEVNULL)
        client: Any = Redis(port=self.port)
        until(lambda: _answers(client), bool)
        if self._cluster and "cluster_slots_assigned:0" in _state(client):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS)
        if self._cluster:
            until(lambda: "cluster_state:ok" in _state(client), bool)
        client.close()

    def kill(self) -> None:
        """End it without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def halted(self) -> Iterator[None]:
        """In here it takes connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False


def _state(client: Any) -> str:
    return str(client.execute_command("CLUSTER", "INFO"))


@contextmanager
def valkey(*, cluster: bool = False) -> Iterator[Valkey]:
    """A server that runs while a test does; as a cluster, it is the only node."""
    folder = tempfile.mkdtemp(prefix="valkey-")
    ports = Ports(["valkey", "bus"], free=True)
    server = Valkey(ports.chosen["valkey"], ports.chosen["bus"], folder, cluster=cluster)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        ports.release()
        shutil.rmtree(folder)
