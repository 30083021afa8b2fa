"""Tells when a process can be used: questions to ask it, and the wait for a yes."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from emulators import ports
from emulators.errors import NotReady
from emulators.logs import last_line
from emulators.ports import HOST
from emulators.progress import Progress
from emulators.supervisor import Process, Program, Supervisor

ASK_SECONDS: Final = 1.0
"""How long one question may take."""

PAUSE_SECONDS: Final = 0.1
"""Between two rounds of questions. What starts needs the processor more."""

LOOK_SECONDS: Final = 0.5
"""Between two looks at whether a process has ended."""

ATTEMPTS: Final = 3
"""A process that ended this often while it was waited for is given up."""


def answers(port: int, path: str) -> Callable[[], bool]:
    """The question whether GET `path` on a loopback port answers 200."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=ASK_SECONDS)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def listens(port: int) -> Callable[[], bool]:
    """The question whether something takes connections on a loopback port."""

    def ask() -> bool:
        try:
            socket.create_connection((HOST, port), timeout=ASK_SECONDS).close()
        except OSError:
            return False
        return True

    return ask


def replies(port: int, request: bytes, reply: bytes) -> Callable[[], bool]:
    """The question whether the bytes of a reply begin as they should."""

    def ask() -> bool:
        try:
            with socket.create_connection((HOST, port), timeout=ASK_SECONDS) as connection:
                connection.sendall(request)
                return connection.recv(len(reply)) == reply
        except OSError:
            return False

    return ask


def serves_grpc(port: int) -> Callable[[], bool]:
    """The question whether a gRPC server on a loopback port says SERVING (grpc.health.v1)."""

    def ask() -> bool:
        if not ports.is_taken(port):
            return False  # cheaper than to ask in vain
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        # A channel for each question: one that failed to connect waits longer and longer before it tries again.
        with grpc.insecure_channel(f"{HOST}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=ASK_SECONDS)
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return ask


def logged(log: Path, text: str) -> Callable[[], bool]:
    """The question whether a log file holds a text by now."""
    return lambda: log.exists() and text in log.read_text(encoding="utf-8", errors="replace")


class Wait:
    """Waits for programs, from any thread, until it is abandoned from another."""

    def __init__(self, supervisor: Supervisor, logs: Path, progress: Progress) -> None:
        """
        supervisor: who runs the programs.
        logs: the folder of their logs, for the message of a failure.
        progress: is told what is waited for.
        """
        self._supervisor = supervisor
        self._logs = logs
        self._progress = progress
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """Let every wait of now and later fail: something else has failed."""
        self._abandoned.set()

    def until_ready(self, programs: Iterable[Program], seconds: float) -> None:
        """Wait until every program is ready. Raises NotReady at the deadline, or when one ends again and again."""
        waiting = {program.name: program for program in programs}
        pids: dict[str, set[int]] = {name: set() for name in waiting}
        looked = began = time.monotonic()
        self._progress.begin(waiting)
        while True:
            for program in [program for program in waiting.values() if program.ready()]:
                del waiting[program.name]
                self._progress.end(program.name)
            if not waiting:
                return
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                for process in self._supervisor.processes():
                    if process.name in waiting:
                        self._look(process, pids[process.name])
            if time.monotonic() - began > seconds:
                raise self._not_ready(next(iter(waiting)), f"is not ready after {seconds:.0f} s")
            if self._abandoned.wait(PAUSE_SECONDS):
                raise NotReady(f"The wait for {', '.join(waiting)} was abandoned.")

    def _look(self, process: Process, pids: set[int]) -> None:
        if process.pid:
            pids.add(process.pid)
        if process.state == "FATAL" or len(pids) >= ATTEMPTS:
            raise self._not_ready(process.name, "ends again and again")

    def _not_ready(self, name: str, what: str) -> NotReady:
        log = self._logs / f"{name}.log"
        return NotReady(f"{name} {what}; its last line is «{last_line(log)}», the whole log is {log}.")
