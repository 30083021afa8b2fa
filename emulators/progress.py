"""Tells a person how far the start is: a spinner on a terminal, plain lines elsewhere, nothing in tests."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

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
