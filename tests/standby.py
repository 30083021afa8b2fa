"""A hot standby of a stack's PostgreSQL that can lag or be killed."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from emulators.stack import binaries, state_file
from emulators.stack.parts import postgres
from emulators.stack.parts.postgres import SUPERUSER, Cluster
from emulators.stack.ports import HOST, Ports
from emulators.stack.secrets import read
from emulators.stack.stack import Stack
from emulators.waiting import until
from tests.postgres import CloudSql

WITHIN_SECONDS: Final = 90.0


class Standby:
    """A server that replicates another."""

    def __init__(self, cluster: Cluster, port: int, password: str) -> None:
        self.port = port
        self._cluster = cluster
        self._password = password
        self._server: subprocess.Popen[bytes] | None = None
        self._suspended: list[psutil.Process] = []

    def start(self) -> None:
        """Start it, and return when it accepts connections."""
        account = self._cluster.account
        self._server = subprocess.Popen(
            self._cluster.command,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self._cluster.data,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, bool, WITHIN_SECONDS)

    def kill(self) -> None:
        """Crash it, with its children."""
        if self._server is not None:
            self._server.send_signal(3)  # QUIT: an immediate shutdown, as in a crash, that leaves no child behind
            self._server.wait(30)
            self._server = None

    def run(self, sql: str) -> list[Any]:
        """Run a statement as its superuser."""
        connection = Connection(SUPERUSER, host=HOST, port=self.port, database="postgres", password=self._password)
        try:
            return list(connection.run(sql) or [])
        finally:
            connection.close()

    @contextmanager
    def behind(self) -> Iterator[None]:
        """Pause the replay of WAL for the block."""
        self.run("select pg_wal_replay_pause()")
        until(lambda: self.run("select pg_get_wal_replay_pause_state()"), lambda rows: rows == [["paused"]])
        try:
            yield
        finally:
            self.run("select pg_wal_replay_resume()")

    def promote(self) -> None:
        """Make it a primary, on a timeline of its own."""
        assert self.run("select pg_promote()") == [[True]]

    def _answers(self) -> bool:
        with suppress(InterfaceError, DatabaseError, OSError):
            return self.run("select pg_is_in_recovery()") == [[True]]
        return False

    def stop_receiving(self) -> None:
        """Suspend it: its connection stays, and nothing reaches it."""
        assert self._server is not None
        self._suspended = [psutil.Process(self._server.pid), *psutil.Process(self._server.pid).children()]
        for process in self._suspended:
            process.suspend()

    def receive(self) -> None:
        """Resume it."""
        for process in self._suspended:
            process.resume()


@contextmanager
def standby_of(server: CloudSql, name: str) -> Iterator[Standby]:
    """A standby of a test's own server, under a name."""
    cluster = replace(server.cluster, data=server.cluster.folder / f"standby-{name}")
    ports = Ports(["standby"], free=True)
    following = Standby(cluster, ports.chosen["standby"], server.password)
    cluster.follow(server.password, server.port, following.port, name)
    try:
        following.start()
        yield following
    finally:
        following.kill()
        ports.release()
        subprocess.run(["rm", "-rf", str(cluster.data)], check=True)


@contextmanager
def standby(stack: Stack) -> Iterator[Standby]:
    """A standby of a running stack."""
    known = state_file.load(stack.state)
    assert known is not None
    folder = Path(known.data)
    primary = postgres.prepared(binaries.find().postgres, folder, postgres.account())
    cluster = replace(primary, data=folder / f"standby-{secrets.token_hex(4)}")
    ports = Ports(["replica"], free=True)
    password = read(stack.layout.secrets, "postgres.password")
    following = Standby(cluster, ports.chosen["replica"], password)
    cluster.follow(password, stack.ports["postgres"], following.port)
    try:
        following.start()
        yield following
    finally:
        following.kill()
        ports.release()
        subprocess.run(["rm", "-rf", str(cluster.data)], check=True)
