"""Progress of a start or demo: a spinner or bars on a terminal, plain lines elsewhere, nothing in tests."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")

NAMES_SHOWN: Final = 3


class Progress:
    """Receives the events of a start, from any thread. This one ignores them."""

    def note(self, text: str) -> None:
        """A message that stays on the screen."""

    def begin(self, names: Iterable[str]) -> None:
        """The start now waits for these."""

    def end(self, name: str) -> None:
        """This one is ready."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step of the start: the block's duration."""
        self.begin([name])
        yield
        self.end(name)


class ProgressBars:
    """Progress of the demo: bars on a terminal, a line for each finished step elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def track(self, step: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Iterate over items, showing how many are done.

        total: how many there are, if `items` has no length.
        """
        if total is None:
            items = list(items)
            total = len(items)
        began = time.monotonic()
        if self._console.is_terminal:
            yield from track(items, description=f"{step:<17}", total=total, console=self._console)
        else:
            yield from items
        self._console.print(f"  {step:<17} {total:>5} in {time.monotonic() - began:.1f} s", highlight=False)


class TerminalProgress(Progress):
    """Progress of a start: a spinner on a terminal, lines elsewhere."""

    def __init__(self, console: Console) -> None:
        """console: where to print; its kind decides between spinner and lines."""
        self._console = console
        self._began = time.monotonic()
        self._waiting: dict[str, None] = {}
        self._lock = threading.Lock()
        self._status = console.status("starting") if console.is_terminal else None

    def __enter__(self) -> "TerminalProgress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, names: Iterable[str]) -> None:
        with self._lock:
            added = dict.fromkeys(names)
            self._waiting |= added
        if self._status:
            self._update()
        else:
            self.note(f"waiting for {', '.join(added)} ...")

    def end(self, name: str) -> None:
        with self._lock:
            self._waiting.pop(name, None)
        if self._status:
            self._update()
        else:
            self.note(f"{time.monotonic() - self._began:5.1f} s  {name}")

    def _update(self) -> None:
        if self._status:
            seconds = time.monotonic() - self._began
            names = list(self._waiting)
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            self._status.update(
                f"{seconds:.0f} s, waiting for {', '.join(names[:NAMES_SHOWN]) or 'the next step'}{more}"
            )
