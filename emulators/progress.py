"""Tells a person how far the start is: a spinner on a terminal, plain lines elsewhere, nothing in tests."""

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
    """Takes what happens during a start, from any thread. This one keeps silent."""

    def note(self, text: str) -> None:
        """Something that a person should know afterwards as well."""

    def begin(self, names: Iterable[str]) -> None:
        """These are waited for from now on."""

    def end(self, name: str) -> None:
        """This one is ready."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Something that is waited for while the block runs."""
        self.begin([name])
        yield
        self.end(name)


class Bars:
    """Shows how far a play is: bars on a terminal, a line for each finished part elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def track(self, what: str, things: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Go through things and show how many are done.

        total: how many there are, where `things` cannot tell.
        """
        if total is None:
            things = list(things)
            total = len(things)
        began = time.monotonic()
        if self._console.is_terminal:
            yield from track(things, description=f"{what:<17}", total=total, console=self._console)
        else:
            yield from things
        self._console.print(f"  {what:<17} {total:>5} in {time.monotonic() - began:.1f} s", highlight=False)


class Shown(Progress):
    """Progress on the terminal, or in lines."""

    def __init__(self, console: Console) -> None:
        """console: where to; whether that is a terminal decides the form."""
        self._console = console
        self._began = time.monotonic()
        self._waiting: dict[str, None] = {}
        self._lock = threading.Lock()
        self._status = console.status("starting") if console.is_terminal else None

    def __enter__(self) -> "Shown":
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
