"""The loops of a process: threads that live as long as it does.

A loop that dies of a defect ends its process, so that the process is restarted rather than living on without the loop.
Until then the liveness probe names it.
"""

import logging
import threading
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

_dead: list[str] = []
"""The names of this process's loops that died."""


class Loop(threading.Thread):
    """One loop. It ends when its function returns, which it should when `stop` is set."""

    def __init__(self, name: str, run: Callable[[], object], stop: threading.Event) -> None:
        """stop: what ends the process's loops; set if this one dies."""
        super().__init__(name=name)
        self._run_loop = run
        self._stop_all = stop
        self.died = False

    def run(self) -> None:
        """Run the function; whatever it raises is a defect."""
        try:
            self._run_loop()
        except BaseException:
            log.exception("the loop %s died", self.name)
            self.died = True
            _dead.append(self.name)
            self._stop_all.set()


def finish(loops: Sequence[Loop]) -> None:
    """Wait until all loops have ended. Raises RuntimeError, naming those that died of a defect."""
    for loop in loops:
        loop.join()
    died = [loop.name for loop in loops if loop.died]
    if died:
        raise RuntimeError(f"The loop of {', '.join(died)} died.")


def dead() -> list[str]:
    """The names of the loops that died in this process."""
    return list(_dead)
