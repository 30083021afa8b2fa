"""A cache-aside cache in Redis, in front of PostgreSQL, with the consistency of reads from PostgreSQL.

Cached is the stored state of a resource, independent of the reader: access is checked on every read. That a resource
does not exist is cached too, for a shorter time.

On a miss, a reader takes a lease, reads the database, and stores the value only if it still holds the lease (Nishtala
et al., Scaling Memcache at Facebook, NSDI 2013, 3.2.1). A writer invalidates twice: before its commit, which removes
value and lease and blocks new leases until the writer is done, and after it, before it answers. So no user reads
anything older than what they were shown before, and a writer that dies in between leaves no stale value.

One reader per region fills a key while the others wait; within a process they share one read (single_flight.py).
While Redis is down, readers share reads of the database. Writers cannot invalidate then: a stale value may be shown
until the writer's next change, the relay of the change's event (shared/redis/cache_invalidation.py), or its expiry.
"""

import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import msgspec

from shared.errors import OutcomeUnknown, Unavailable
from shared.redis.pipeline import Command, Pipeline, Script
from shared.redis.single_flight import SingleFlight
from shared.registry import Cached
from shared.telemetry.metrics import CACHE_READS

log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent / "lua"
BEGIN: Final = Script.of(FOLDER / "cache_begin.lua")
KEEP: Final = Script.of(FOLDER / "cache_keep.lua")
WRITE: Final = Script.of(FOLDER / "cache_write.lua")
WRITTEN: Final = Script.of(FOLDER / "cache_written.lua")

LOOK_SECONDS: Final = 0.002
LOOK_AT_MOST_SECONDS: Final = 0.05

WRITE_MS: Final = 20_000
"""How long an announced COMMIT may take: longer than a connection waits for its response (connect.py)."""

JITTER: Final = 0.1
"""The fraction by which lifetimes vary, so that values stored together do not expire together."""

UNKNOWN, FIRST = 0, 1
"""The epoch of a cell that a process has not learnt yet, and that of one that was never promoted."""

VALUE: Final = b"+"
ABSENT: Final = b"-"
WRITING: Final = b"!"
LEASE: Final = b"?"
"""The first byte of a value, of the marker of absence, of the marker that a write is in progress, and of a lease."""

MISSED_AT_MOST: Final = 10_000
"""How many names of changes that Redis did not hear of are remembered; beyond that, values expire by themselves."""

OUTCOMES: Final = {VALUE: "hit", ABSENT: "absent", WRITING: "bypassed"}
"""What the metric says of a read that found one of these; of any other, that it missed."""


class FillTimeouts(msgspec.Struct, frozen=True):
    """How long, in seconds, a reader may hold a lease before another takes over, and how long others wait for it.

    A reader that has waited so long reads the database itself, and caches nothing.
    """

    lease: float = 3.0
    wait: float = 1.0


_preloaded: ContextVar[tuple[str, bytes | None] | None] = ContextVar("preloaded", default=None)


class Cache:
    """A region's cache."""

    def __init__(
        self,
        pipeline: Pipeline,
        kinds: Mapping[str, Cached],
        patience: FillTimeouts | None = None,
        epoch: Callable[[], int] = lambda: FIRST,
    ) -> None:
        """
        kinds: lifetimes by kind, from the registry.
        epoch: of the cell, as far as this process knows; UNKNOWN until it has a session on its database.
        """
        self._pipeline = pipeline
        self._kinds = kinds
        self._patience = patience or FillTimeouts()
        self._epoch = epoch
        self._flights: SingleFlight[bytes | None] = SingleFlight()
        self._missed: set[str] = set()
        """What was changed while Redis did not respond; it hears of it before the next change."""

    def lookup_command(self, name: str) -> Command:
        """The command that looks a resource up, to be sent along with others in one round trip."""
        return ("GET", self._keys(name)[0])

    @contextmanager
    def preloaded(self, name: str, answers: Sequence[bytes | None]) -> Iterator[None]:
        """A block in which a resource was looked up before, with Redis's reply; empty if it did not respond."""
        token = _preloaded.set((self._keys(name)[0], answers[0] if answers else WRITING))
        try:
            yield
        finally:
            _preloaded.reset(token)

    def read(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        """The stored state of a resource; None if it does not exist.

        kind: one of the registry's. name: its id. load: reads it from the database; its exceptions are propagated.
        """
        if self._epoch() == UNKNOWN:
            return self._flights.share(name, load)
        try:
            before = _preloaded.get()
            looked_up = before is not None and before[0] == self._keys(name)[0]
            found = before[1] if before and looked_up else self._pipeline.execute([self.lookup_command(name)])[0]
        except Unavailable:
            found = WRITING
        CACHE_READS.labels(kind, OUTCOMES.get(found[:1], "miss") if found else "miss").inc()
        if found is not None and found[:1] in (VALUE, ABSENT):
            return _value(found)
        return self._flights.share(name, load if found == WRITING else lambda: self._fill(kind, name, load))

    def invalidate(self, names: Iterable[str]) -> None:
        """Delete the values and leases of resources. Raises Unavailable."""
        if commands := [("DEL", self._keys(name)[0]) for name in names]:
            self._pipeline.execute(commands)

    def invalidate_quietly(self, names: Iterable[str]) -> None:
        """As invalidate; if Redis does not respond, the values expire by themselves."""
        self._send([("DEL", self._keys(name)[0]) for name in names])

    @contextmanager
    def invalidating(self, names: Iterable[str]) -> Iterator[None]:
        """Around the commit of a change of resources. If Redis is down, the commit goes on without invalidation."""
        changed, writer = sorted(names), secrets.token_hex(8)
        missed = set(self._missed) if changed else set()
        again: list[Command] = [("DEL", self._keys(name)[0]) for name in missed]
        if self._send(again + [WRITE.on(self._keys(name), writer, WRITE_MS) for name in changed]):
            self._missed -= missed
        try:
            yield
        except OutcomeUnknown:
            raise  # it may still commit: nothing is cached until the writer's marker expires
        except BaseException:
            self._send([WRITTEN.on(self._keys(name), writer) for name in changed])
            raise
        heard = self._send([WRITTEN.on(self._keys(name), writer) for name in changed])
        if not heard and len(self._missed) < MISSED_AT_MOST:
            self._missed.update(changed)

    def _send(self, commands: list[Command]) -> bool:
        """Whether Redis has taken them all."""
        try:
            if commands:
                self._pipeline.execute(commands)
        except Unavailable as error:
            log.warning("a change is invalidated later, with the next one, by its event or by expiry: %s", error)
            return False
        return True

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
        """A value, our lease, or the marker that nothing can be cached now. Raises Unavailable."""
        until, pause = time.monotonic() + self._patience.wait, LOOK_SECONDS
        while True:
            found: bytes = self._pipeline.execute(
                [BEGIN.on(self._keys(name), lease, int(self._patience.lease * 1000))]
            )[0]
            if found == lease or found[:1] != LEASE or time.monotonic() > until:
                return found
            time.sleep(pause)
            pause = min(pause * 2, LOOK_AT_MOST_SECONDS)

    def _keep(self, kind: str, name: str, lease: bytes, value: bytes | None) -> None:
        lasts = self._kinds[kind]
        seconds = lasts.absent_seconds if value is None else lasts.seconds
        milliseconds = int(seconds * 1000 * (1 - JITTER * random.random()))  # noqa: S311 - jitter
        stored = ABSENT if value is None else VALUE + value
        try:
            self._pipeline.execute([KEEP.on(self._keys(name)[:1], lease, stored, milliseconds)])
        except Unavailable as error:
            log.warning("a value is not cached: %s", error)

    def _keys(self, name: str) -> list[str]:
        """A resource's keys, on one node of a cluster: its value, and its active writers.

        A promotion may have undone what was cached, also in a region that serves the cell once more.
        """
        epoch = self._epoch()
        key = f"cache:{{{name}}}" if epoch == FIRST else f"cache:{{{name}}}:{epoch}"
        return [key, f"{key}:writers"]


def _value(found: bytes) -> bytes | None:
    return None if found == ABSENT else found[1:]
