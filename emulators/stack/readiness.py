"""Readiness checks of processes, and the wait until they pass."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from emulators.stack import ports
from emulators.stack.errors import NotReady
from emulators.stack.logs import last_line
from emulators.stack.ports import HOST
from emulators.stack.progress import Progress
from emulators.stack.supervisor import Process, Program, Supervisor

CHECK_SECONDS: Final = 1.0
"""Timeout of one check."""

PAUSE_SECONDS: Final = 0.1
"""Between two rounds of checks; the starting processes need the CPU more."""

POLL_SECONDS: Final = 0.5
"""Between two polls of supervisord for processes that have exited."""

READY_SECONDS: Final = 90.0
"""How long a program may take to be ready for each site that starts: seconds on an idle machine, up to a minute on a
loaded one."""

ATTEMPTS: Final = 3
"""How many times a process may be started before the wait fails."""


def http_ok(
    port: int, path: str, headers: Mapping[str, str] | None = None, answered: Mapping[str, str] | None = None
) -> Callable[[], bool]:
    """A check that GET `path` on a loopback port returns 200.

    headers: of the request. answered: headers that the response must have.
    """

    def ask() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=CHECK_SECONDS)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status == 200 and all(
                response.headers[name] == value for name, value in (answered or {}).items()
            )
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def port_open(port: int) -> Callable[[], bool]:
    """A check that something accepts connections on a loopback port."""

    def ask() -> bool:
        try:
            socket.create_connection((HOST, port), timeout=CHECK_SECONDS).close()
        except OSError:
            return False
        return True

    return ask


def tcp_reply(port: int, request: bytes, reply: bytes) -> Callable[[], bool]:
    """A check that the reply to a request begins with these bytes."""

    def ask() -> bool:
        try:
            with socket.create_connection((HOST, port), timeout=CHECK_SECONDS) as connection:
                connection.sendall(request)
                return connection.recv(len(reply)) == reply
        except OSError:
            return False

    return ask


def grpc_serving(port: int) -> Callable[[], bool]:
    """A check that a gRPC server on a loopback port reports SERVING (grpc.health.v1)."""

    def ask() -> bool:
        if not ports.is_taken(port):
            return False  # cheaper than a failed RPC
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        # A channel per check: one that failed to connect backs off before it reconnects.
        with grpc.insecure_channel(f"{HOST}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            try:
                response = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS
                )
            except grpc.RpcError:
                return False
            return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    return ask


def log_contains(log: Path, *texts: str, again: bool = False) -> Callable[[], bool]:
    """A check that a log file contains these texts.

    again: whether only what is logged from now on counts, as after a restart.
    """
    before = log.stat().st_size if again and log.exists() else 0

    def ask() -> bool:
        if not log.exists():
            return False
        with log.open("rb") as file:
            # A file that is smaller than it was has been rotated.
            file.seek(before if log.stat().st_size >= before else 0)
            found = file.read().decode("utf-8", errors="replace")
        return all(text in found for text in texts)

    return ask


class ReadinessWait:
    """Waits for programs to become ready, from any thread; another thread may abandon the waits."""

    def __init__(self, supervisor: Supervisor, logs: Path, progress: Progress) -> None:
        """
        supervisor: runs the programs.
        logs: the folder of their logs, for failure messages.
        progress: is notified of what is waited for.
        """
        self._supervisor = supervisor
        self._logs = logs
        self._progress = progress
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """Make current and later waits fail, because something else has failed."""
        self._abandoned.set()

    def until_ready(self, programs: Iterable[Program], seconds: float) -> None:
        """Wait until every program is ready. Raises NotReady at the deadline, or when one exits repeatedly."""
        waiting = {program.name: program for program in programs}
        pids: dict[str, set[int]] = {name: set() for name in waiting}
        polled = began = time.monotonic()
        self._progress.begin(waiting)
        while True:
            for program in [program for program in waiting.values() if program.ready()]:
                del waiting[program.name]
                self._progress.end(program.name)
            if not waiting:
                return
            if time.monotonic() - polled > POLL_SECONDS:
                polled = time.monotonic()
                for process in self._supervisor.processes():
                    if process.name in waiting:
                        self._check(process, pids[process.name])
            if time.monotonic() - began > seconds:
                raise self._not_ready(next(iter(waiting)), f"is not ready after {seconds:.0f} s")
            if self._abandoned.wait(PAUSE_SECONDS):
                raise NotReady(f"The wait for {', '.join(waiting)} was abandoned.")

    def _check(self, process: Process, pids: set[int]) -> None:
        if process.pid:
            pids.add(process.pid)
        if process.state == "FATAL" or len(pids) >= ATTEMPTS:
            raise self._not_ready(process.name, "exits again and again")

    def _not_ready(self, name: str, reason: str) -> NotReady:
        log = self._logs / f"{name}.log"
        return NotReady(f"{name} {reason}; its last line is «{last_line(log)}», the whole log is {log}.")
