"""Serves one function in its container: granian with one worker process, behind the container's probes.

At SIGTERM the readiness probe turns 503 while requests are still taken, for LINGER_SECONDS: whoever routes to the
container needs that long to notice. Then no more are taken, those in flight finish, and the process ends with 0.
Cloud Run and Kubernetes kill after DRAIN_SECONDS at the earliest.
(https://cloud.google.com/run/docs/container-contract#instance-shutdown)
"""

import mmap
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Final

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import MPServer

from shared.config import settings
from shared.container.paths import passed_on
from shared.container.probes import Application, Environ, ProbedApplication, StartResponse
from shared.container.process import note_ready
from shared.telemetry.cloud_monitoring import Writer

DRAIN_SECONDS: Final = 10
"""How long a container may take from SIGTERM to its end."""

LINGER_SECONDS: Final = 2.0
"""How long it takes requests after SIGTERM."""

KILL_SECONDS: Final = 7
"""How long requests in flight may take after that; then their process is killed, before the platform kills all."""

PROBE_THREADS: Final = 2
"""Threads beyond the function's concurrency: probes are answered while every other thread waits for something."""

CONNECTIONS: Final = 1024
"""How many connections are open at most. granian counts idle ones too; the platform limits requests."""

LOGGING: Final = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}
"""granian's messages go where all others go."""

POLL_SECONDS: Final = 0.5


class DrainFlag:
    """Whether the container drains: set by the main process, read by the worker that it forked."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)  # anonymous memory, which forked processes share

    def set(self) -> None:
        """Begin to drain."""
        self._shared[0] = 1

    def is_set(self) -> bool:
        """Whether it drains."""
        return self._shared[0] == 1


class FunctionServer(MPServer):
    """granian's server, which lingers before it stops."""

    def __init__(self, host: str, port: int, concurrency: int, linger_seconds: float = LINGER_SECONDS) -> None:
        """concurrency: how many requests the function handles at once."""
        super().__init__(
            "functions",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=concurrency + PROBE_THREADS,
            backpressure=CONNECTIONS,
            websockets=False,
            log_level=LogLevels.error,
            log_dictconfig=LOGGING,
            workers_kill_timeout=KILL_SECONDS,
        )
        self._linger_seconds = linger_seconds
        self._draining = DrainFlag()

    def run(self, load: Callable[[], Application]) -> None:
        """Serve until SIGTERM or SIGINT. load: makes the function's application, in the worker process.

        Raises SystemExit if the worker dies.
        """
        # The flag is shared by forking, and so is `load`, which cannot be pickled.
        multiprocessing.set_start_method("fork", force=True)
        self.serve(target_loader=partial(_probed, load, self._draining), wrap_loader=False)

    def signal_handler_interrupt(self, *_: object) -> None:
        """Begin to drain, and stop after a while."""
        self._draining.set()
        threading.Timer(self._linger_seconds, super().signal_handler_interrupt).start()


def _probed(load: Callable[[], Application], draining: DrainFlag) -> ProbedApplication:
    end_with_parent()
    application = ProbedApplication(load(), draining.is_set)
    note_ready("function")
    if settings().metrics_written:
        _write_metrics()
    return application


def _write_metrics() -> None:
    """Write this process's metrics every minute, and when it ends: before that there may be no CPU between requests."""
    writer, stop = Writer(settings()), threading.Event()
    writing = threading.Thread(target=writer.run, args=[stop], name="metrics", daemon=True)

    def end() -> None:
        stop.set()
        writing.join(KILL_SECONDS)

    Finalize(None, end, exitpriority=0)  # atexit does not run in a process that was forked by multiprocessing
    writing.start()


def framework_application(name: str, source: Path) -> Application:
    """A function by its name, as functions-framework serves it in the cloud. source: the file that defines it."""
    from functions_framework import create_app

    search_path = list(sys.path)
    application: Application = create_app(target=name, source=str(source), signature_type="http")
    # create_app appends the folder of the source to the path. It is not needed: imports start at the root.
    sys.path[:] = search_path

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return application(passed_on(environ), start_response)

    return serve


def end_with_parent() -> None:
    """Exit when granian's main process is killed: its worker would keep the port and go on serving, unsupervised."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
