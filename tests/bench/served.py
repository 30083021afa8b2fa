"""One function in a process of its own: on functions-framework's default server, gunicorn, or as the image runs it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from emulators.stack.environment import FUNCTION_SOURCE, ROOT
from emulators.stack.environment import base as base_environment
from emulators.stack.ports import HOST, Ports
from tests.bench.load import status_of

HELLO: Final = Path(__file__).parent / "hello.py"
START_SECONDS: Final = 60
RETRY_SECONDS: Final = 0.002


@dataclass(frozen=True)
class Served:
    """A running function: its port and its processes, gunicorn's arbiter and the worker that serves."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """The CPU time of its processes so far."""
        return cpu_seconds(self.process)

    def rss_mb(self) -> float:
        """The resident memory of its largest process: the worker's, which has the arbiter's pages and its own."""
        processes = [self.process, *self.process.children(recursive=True)]
        return max(float(each.memory_info().rss) for each in processes) / 1e6


def cpu_seconds(process: psutil.Process) -> float:
    """The CPU time of a process and its descendants, of those too that have ended and were waited for."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue  # its parent has its time now, or never will
        total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def served(
    target: str, environment: Mapping[str, str] | None = None, request: bytes = b"", *, contained: bool = False
) -> Iterator[Served]:
    """A function that has answered its first request.

    environment: of a function of Meridian; None for hello. request: the first one, GET / by default.
    contained: whether it runs as in its container, on granian.
    """
    process, port = start(target, environment, contained=contained)
    try:
        first_answer(port, request or b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n", process)
        yield Served(port, psutil.Process(process.pid))
    finally:
        stop(process)


def start(
    target: str, environment: Mapping[str, str] | None = None, *, contained: bool = False
) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a function's process; returns it and its port. Its output goes to /dev/null. contained: as in served."""
    ports = Ports(["function"], free=True)
    port = ports.chosen["function"]
    ports.release()
    source = HELLO if environment is None else FUNCTION_SOURCE
    framework = (
        "functions_framework",
        "--target",
        target,
        "--source",
        str(source),
        "--host",
        HOST,
        "--port",
        str(port),
    )
    command = [sys.executable, "-m", *(("functions.main", "function", target) if contained else framework)]
    # Without MERIDIAN_STACK: it is no process of a stack.
    variables = dict(environment or base_environment(Path()))
    variables = {name: value for name, value in variables.items() if name not in ("MERIDIAN_STACK", "METRICS_PORT")}
    process = subprocess.Popen(
        command,
        env={**variables, "PORT": str(port)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return process, port


def first_answer(port: int, request: bytes, process: "subprocess.Popen[bytes]") -> int:
    """Send a request as soon as the port accepts it; the status of the response. Raises RuntimeError."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection((HOST, port), timeout=START_SECONDS) as connection:
                connection.sendall(request)
                return _response(connection)
        except ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the function does not start") from None
            time.sleep(RETRY_SECONDS)


def _response(connection: socket.socket) -> int:
    received = bytearray()
    while (status := status_of(received)) is None:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("no response")
        received += data
    return status


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a function's process and its worker."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()
