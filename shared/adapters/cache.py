"""A cache in Redis, beside PostgreSQL, which nobody can tell from it but by its speed. (Record: cache-aside with TTLs.)

What is kept of a thing is what is stored of it, for whoever may see it: who that is, is decided on every read. That
there is no such thing is kept too, for a shorter while.

A reader who finds nothing takes a lease, reads the database, and keeps what it read only if it still has the lease
(Nishtala et al., Scaling Memcache at Facebook, NSDI 2013, 3.2.1). A writer tells twice: before its commit, which takes
value and lease away and gives no other until it has ended, and after it, before it answers. So nothing is read that is
older than what the same user was told of before; a writer that dies in between leaves nothing old behind.

One reader in a region fills a key, the others wait for it; within a process they board the same look (flights.py).
While Redis does not answer, readers share looks at the database. A writer then cannot tell: what others have kept may
be shown until the event of the change is relayed (shared/outbox/telling.py), or the value's time is over.
"""

import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.adapters.flights import Flights
from shared.adapters.scripts import Asker, Command, Script
from shared.errors import OutcomeUnknown, Unavailable
from shared.registry import Cached

log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent / "lua"
BEGIN: Final = Script.of(FOLDER / "cache_begin.lua")
KEEP: Final = Script.of(FOLDER / "cache_keep.lua")
WRITE: Final = Script.of(FOLDER / "cache_write.lua")
WRITTEN: Final = Script.of(FOLDER / "cache_written.lua")

LOOK_SECONDS: Final = 0.002
LOOK_AT_MOST_SECONDS: Final = 0.05

WRITE_MS: Final = 20_000
"""How long a COMMIT may take that has been told of: longer than a connection waits for its answer (connect.py)."""

JITTER: Final = 0.1
"""By which part lifetimes differ, so that what was kept together does not end together."""

VALUE: Final = b"+"
ABSENT: Final = b"-"
WRITING: Final = b"!"
LEASE: Final = b"?"
"""What begins a value, stands for nothing, says that nothing can be kept now, and begins a lease."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, a reader may take to fill before another takes its place, and how long others wait for it.

    Who has waited so long reads for itself, and keeps nothing.
    """

    lease: float = 3.0
    wait: float = 1.0


_brought: ContextVar[tuple[str, bytes | None] | None] = ContextVar("brought", default=None)


class Cache:
    """The cache of a region."""

    def __init__(self, asker: Asker, kinds: Mapping[str, Cached], patience: Patience | None = None) -> None:
        """kinds: how long what is kept, from the registry."""
        self._asker = asker
        self._kinds = kinds
        self._patience = patience or Patience()
        self._flights: Flights[bytes | None] = Flights()

    @staticmethod
    def look_up(name: str) -> Command:
        """The command that looks a thing up, for who asks Redis for other things in the same round trip."""
        return ("GET", _keys(name)[0])

    @staticmethod
    @contextmanager
    def brought(name: str, answers: Sequence[bytes | None]) -> Iterator[None]:
        """In here, a thing was looked up before: that is what Redis answered, or that it did not."""
        token = _brought.set((name, answers[0] if answers else WRITING))
        try:
            yield
        finally:
            _brought.reset(token)

    def read(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        """What is stored of a thing; None where there is none.

        kind: one of the registry's. name: its id. load: reads it from the database; what that raises is raised.
        """
        try:
            before = _brought.get()
            found = before[1] if before and before[0] == name else self._asker.ask([self.look_up(name)])[0]
        except Unavailable:
            found = WRITING
        if found is not None and found[:1] in (VALUE, ABSENT):
            return _value(found)
        return self._flights.share(name, load if found == WRITING else lambda: self._fill(kind, name, load))

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is kept of things, and who is filling. Raises Unavailable."""
        if commands := [("DEL", _keys(name)[0]) for name in names]:
            self._asker.ask(commands)

    def drop(self, names: Iterable[str]) -> None:
        """As forget; where Redis does not answer, time does it."""
        self._tell([("DEL", _keys(name)[0]) for name in names])

    @contextmanager
    def changing(self, names: Iterable[str]) -> Iterator[None]:
        """Around the commit of a change of things. Without Redis it happens untold."""
        told, writer = sorted(names), secrets.token_hex(8)
        self._tell([WRITE.on(_keys(name), writer, WRITE_MS) for name in told])
        try:
            yield
        except OutcomeUnknown:
            raise  # it may be committed yet: nothing is kept until the writer is believed dead
        except BaseException:
            self._tell([WRITTEN.on(_keys(name), writer) for name in told])
            raise
        self._tell([WRITTEN.on(_keys(name), writer) for name in told])

    def _tell(self, commands: list[Command]) -> None:
        try:
            if commands:
                self._asker.ask(commands)
        except Unavailable as error:
            log.warning("a change is told of by its event, or by time: %s", error)

    def _fill(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        lease = LEASE + secrets.token_hex(8).encode()
        try:
            found = self._begin(name, lease)
        except Unavailable:
            return load()
        if found[:1] in (VALUE, ABSENT):
            return _value(found)
        value = load()
        if found == lease:
            self._keep(kind, name, lease, value)
        return value

    def _begin(self, name: str, lease: bytes) -> bytes:
        """A value, our lease, or what says that nothing can be kept now. Raises Unavailable."""
        until, pause = time.monotonic() + self._patience.wait, LOOK_SECONDS
        while True:
            found: bytes = self._asker.ask([BEGIN.on(_keys(name), lease, int(self._patience.lease * 1000))])[0]
            if found == lease or found[:1] != LEASE or time.monotonic() > until:
                return found
            time.sleep(pause)
            pause = min(pause * 2, LOOK_AT_MOST_SECONDS)

    def _keep(self, kind: str, name: str, lease: bytes, value: bytes | None) -> None:
        lasts = self._kinds[kind]
        seconds = lasts.absent_seconds if value is None else lasts.seconds
        milliseconds = int(seconds * 1000 * (1 - JITTER * random.random()))  # noqa: S311 - jitter
        kept = ABSENT if value is None else VALUE + value
        try:
            self._asker.ask([KEEP.on(_keys(name)[:1], lease, kept, milliseconds)])
        except Unavailable as error:
            log.warning("what was read is not kept: %s", error)


def _keys(name: str) -> list[str]:
    """A thing's keys, on one node of a cluster: its value, and who writes it."""
    return [f"cache:{{{name}}}", f"cache:{{{name}}}:writers"]


def _value(found: bytes) -> bytes | None:
    return None if found == ABSENT else found[1:]
