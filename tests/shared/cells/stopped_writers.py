"""Processes that write to a cell and stop themselves (SIGSTOP) at a step of that. Arguments: PORT PASSWORD STEP...

For each step a process is forked, whose write has the step as its id. Lines of JSON say how far it has come: `told` is
what its user would hear, and then "sent" if it has let the write out. It goes on once it is continued (SIGCONT).
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

from pg8000.native import Connection

from emulators.stack.ports import HOST
from shared.errors import OutcomeUnknown, Unavailable
from shared.postgres.database import Database
from shared.postgres.fence import Fence
from shared.postgres.gate import Gate
from shared.resilience.breakers import Breakers

BEFORE_FENCE: Final = "before the fence"
IN_COMMIT: Final = "between fence and commit"
AFTER_COMMIT: Final = "after the commit, before it is judged"
ACKNOWLEDGING: Final = "acknowledging"
BEFORE_GATE: Final = "before the gate"
SENDING: Final = "sending"


def stop() -> None:
    """Stop this process until somebody continues it."""
    os.kill(os.getpid(), signal.SIGSTOP)


class Clock:
    """The process's own clock, which the fence looks at before it sends its message and when it has got the answer."""

    def __init__(self, step: str) -> None:
        self._step = step
        self._looks = 0

    def __call__(self) -> float:
        self._looks += 1
        if (self._step, self._looks) == (AFTER_COMMIT, 2):
            stop()
        now = time.monotonic()
        if (self._step, self._looks) == (BEFORE_FENCE, 1):
            stop()
        return now


def tell(**what: str) -> None:
    """Print a line at once, which no other process's line comes into."""
    os.write(sys.stdout.fileno(), (json.dumps(what) + "\n").encode())


def write(step: str, connect: Callable[[], Connection]) -> None:
    """Write, tell the user, then let it out."""
    fenced = Database(connect, Breakers().of("database", "writer"), fence=Fence(Clock(step)))
    try:
        with fenced.transaction() as transaction:
            transaction.count("insert into things (id) values (:id)", {"id": step})
        told = "acknowledged"
    except OutcomeUnknown:
        told = "unknown"
    except Unavailable:
        told = "refused"
    if step == ACKNOWLEDGING:
        stop()
    tell(step=step, told=told)
    if told == "acknowledged":
        send(step, connect)


def send(step: str, connect: Callable[[], Connection]) -> None:
    """Let the write out, as a relay does: behind the gate, under the fence."""
    if step == BEFORE_GATE:
        stop()
    try:
        Gate(Database(connect, Breakers().of("database", "relay"), fence=Fence()), "open").wait("event", 1.0)
    except Unavailable:
        return
    if step == SENDING:
        stop()
    tell(step=step, told="sent")


def main(port: int, password: str, *steps: str) -> None:
    """Fork a writer for each step, and wait for all."""

    def connect() -> Connection:
        return Connection("claiming", host=HOST, port=port, database="claiming", password=password, ssl_context=False)

    writers = []
    for step in steps:
        if (pid := os.fork()) == 0:
            write(step, connect)
            os._exit(0)
        writers.append(pid)
        tell(step=step, told="begun", pid=str(pid))
    for pid in writers:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
