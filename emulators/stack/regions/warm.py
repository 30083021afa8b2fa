"""Starts what is to serve a cell after a promotion before there is one: a promotion then waits for no start.

One process after the other, once the stack is ready, so that a start is not slowed and whoever uses the stack has the
other processors. What a killed region had is started again after it is healed. They serve nobody: no link leads to
them, and until the cell is opened the fence refuses all that they would commit.

    python -m emulators.stack.regions.warm STATE
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emulators.stack.regions.control import Regions
from emulators.stack.stack import Stack
from emulators.stack.supervisor import Program

EVERY_SECONDS: Final = 1.0

PATIENCE_SECONDS: Final = 30.0
"""After so long without being ready one that was started holds up the next one no more."""


class Warmer:
    """Starts one thing at a time."""

    def __init__(self, regions: Regions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._regions = regions
        self._monotonic = monotonic
        self._starting: Program | None = None
        self._until = 0.0

    def run(self, stop: threading.Event) -> None:
        """Look every EVERY_SECONDS, until `stop` is set."""
        while not stop.wait(EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Start the next one, unless the last one is not ready yet, or a command is at work on the stack."""
        if self._starting and not self._starting.ready() and self._monotonic() < self._until:
            return
        self._starting, self._until = self._regions.warm_next(), self._monotonic() + PATIENCE_SECONDS


def main() -> int:
    """Run until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Warmer(Stack(Path(sys.argv[1])).regions).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
