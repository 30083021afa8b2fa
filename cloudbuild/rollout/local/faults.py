"""The functions host with a fault, as a bad release has one: what a revision of the demo runs.

Faults show under real traffic only, which the edge has forwarded; health checks and the smoke test see nothing of them.
Responses take a time of their own, so that the noise of a busy machine is small beside it.
"""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final

import psutil

from emulators.stack.host import make_http

FAULT: Final = "ROLLOUT_FAULT"
"""The variable that names a revision's fault."""

SECONDS: Final = 0.2
"""How long a response takes at least."""

FAILING: Final = 20
"""One response in so many fails."""

STUCK_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 1.0

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Fault(StrEnum):
    """What is wrong with a release."""

    NONE = "none"
    ERRORS = "errors"
    SLOW = "slow"
    CRASH = "crash"
    HANG = "hang"


class Faulty:
    """A WSGI application that has a fault."""

    def __init__(self, application: Application, fault: Fault, seconds: float = SECONDS) -> None:
        """application: the one without. seconds: how long a response takes at least."""
        self._seconds = seconds * 3 if fault is Fault.SLOW else seconds
        self._application = application
        self._fault = fault
        self._numbers = itertools.count(1)
        self._never = threading.Event()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        if "HTTP_X_FORWARDED_FOR" not in environ:
            return self._application(environ, start_response)
        time.sleep(self._seconds)
        if self._fault is Fault.HANG:
            self._never.wait(STUCK_SECONDS)
        if self._fault is Fault.ERRORS and next(self._numbers) % FAILING == 0:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return self._application(environ, start_response)


def _end_with_demo() -> None:
    """Exit, and granian with this worker, when the demo that started granian is gone."""
    server = psutil.Process(os.getppid())
    demo = server.ppid()

    def watch() -> None:
        while server.ppid() == demo:
            time.sleep(WATCH_SECONDS)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-demo", daemon=True).start()


def make() -> Faulty:
    """The application of a revision, by its environment. Raises SystemExit for one that crashes at its start."""
    fault = Fault(os.environ[FAULT])
    if fault is Fault.CRASH:
        raise SystemExit("this release crashes when it starts")
    _end_with_demo()
    return Faulty(make_http(), fault)
