"""A Valkey server for one test, which can be killed, suspended or clustered."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from emulators.stack import binaries
from emulators.stack.ports import Ports
from emulators.waiting import until

Slots = tuple[int, int]
ALL: Final = (0, 16383)


class Valkey:
    """A server on a port of its own, empty whenever it starts."""

    def __init__(self, port: int, bus_port: int, folder: str, *, cluster: bool, slots: Slots = ALL) -> None:
        """
        bus_port: the port of its cluster bus.
        slots: the first and last hash slot that it owns at first, as a node of a cluster.
        """
        self.port = port
        self._bus_port = bus_port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._folder = folder
        self._cluster = cluster
        self._slots = slots
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it responds."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        if self._cluster:
            options += ["--cluster-enabled", "yes", "--cluster-port", str(self._bus_port)]
            options += ["--cluster-require-full-coverage", "no", "--cluster-config-file", f"{self.port}.conf"]
        self._process = subprocess.Popen([binaries.find().valkey, *options], stdout=subprocess.DEVNULL)
        client: Any = Redis(port=self.port)
        until(lambda: _answers(client), bool)
        if self._cluster and "cluster_slots_assigned:0" in _state(client):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *self._slots)
        if self._cluster:
            until(lambda: "cluster_state:ok" in _state(client), bool)
        client.close()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def meet(self, other: "Valkey") -> None:
        """Join two nodes in one cluster, and return when both know all slots."""
        with Redis(port=self.port) as client:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, other._bus_port)
        for node in (self, other):
            with Redis(port=node.port) as client:
                until(lambda: f"cluster_slots_ok:{ALL[1] + 1}" in _state(client), bool)

    def give(self, slot: int, other: "Valkey") -> None:
        """Migrate a slot to another node, with its keys."""
        with Redis(port=self.port) as here, Redis(port=other.port) as there:
            names = [node.execute_command("CLUSTER", "MYID").decode() for node in (here, there)]
            there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
            here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
            for key in here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                here.execute_command("MIGRATE", "127.0.0.1", other.port, key, 0, 5000)
            for node in (there, here):
                node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", names[1])

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Suspend it for the block: it accepts connections and does not respond."""
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
def valkey(*, cluster: bool = False, slots: Slots = ALL) -> Iterator[Valkey]:
    """A running server; as a cluster, it is the only node until it meets another."""
    folder = tempfile.mkdtemp(prefix="valkey-")
    ports = Ports(["valkey", "bus"], free=True)
    server = Valkey(ports.chosen["valkey"], ports.chosen["bus"], folder, cluster=cluster, slots=slots)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        ports.release()
        shutil.rmtree(folder)
