"""Limits: how often a user, a wallet's address and a network address may ask.

Each counts in a bucket of its own, by the generic cell rate algorithm: over any time it admits burst + rate x time
requests and no more. A bucket is one key in Redis, changed by one atomic script on Redis's clock, so that all instances
of a region count together. Each region counts for itself: who asks in all N regions at once has N times the rate at
most. While Redis does not answer, every instance counts for itself; what must not be tried that often is refused.
"""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from shared.adapters.scripts import Asker, Command, Script
from shared.errors import Limited, Unavailable
from shared.registry import Limit, Rate

log = logging.getLogger(__name__)

SCRIPT: Final = Script.of(Path(__file__).with_suffix(".lua"))
MICROSECONDS: Final = 1_000_000
KEPT_BUCKETS: Final = 10_000
"""How many buckets an instance keeps by itself; the one that was not used for longest is forgotten first."""

Kind = Literal["user", "address", "ip"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bucket says to one request. Times are seconds."""

    admitted: bool
    left: int
    whole_in: float
    wait: float


class Buckets(Protocol):
    """Where requests are counted."""

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> tuple[list[Taken], list[Any]]:
        """Count one request in each of these buckets, but those that refuse it. Raises Unavailable.

        along: other commands for the same round trip. Returns what each bucket said, and what those brought; nothing
        where there is no Redis to ask.
        """


TakeAll = Callable[[Sequence[tuple[str, Rate]], Sequence[Command]], tuple[list[Taken], list[Any]]]
"""How a meter asks buckets, as Buckets has it."""


class RedisBuckets:
    """Buckets that all instances of a region share."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> tuple[list[Taken], list[Any]]:
        commands = [SCRIPT.on([key], MICROSECONDS / rate.rate, rate.burst) for key, rate in counted]
        answers = self._asker.ask([*commands, *along])
        return [_taken(*answer) for answer in answers[: len(commands)]], answers[len(commands) :]


def _taken(admitted: int, left: int, whole_in: int, wait: int) -> Taken:
    return Taken(admitted == 1, left, whole_in / MICROSECONDS, wait / MICROSECONDS)


class OwnBuckets:
    """Buckets of this process: the same algorithm as limits.lua."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> tuple[list[Taken], list[Any]]:
        return [self._take(key, rate) for key, rate in counted], []

    def _take(self, key: str, rate: Rate) -> Taken:
        cost = 1 / rate.rate
        with self._lock:
            now = self._clock()
            whole_at = max(self._whole_at.pop(key, now), now)
            early = whole_at + cost - now - rate.burst * cost
            if early > 0:
                self._whole_at[key] = whole_at
                return Taken(admitted=False, left=0, whole_in=whole_at - now, wait=early)
            self._whole_at[key] = whole_at + cost
            if len(self._whole_at) > KEPT_BUCKETS:
                self._whole_at.popitem(last=False)
            return Taken(admitted=True, left=math.floor(-early / cost), whole_in=whole_at + cost - now, wait=0)


class Limits:
    """Counts requests by the profiles of the registry."""

    def __init__(self, shared: Buckets, own: Buckets, profiles: Mapping[str, Limit]) -> None:
        """shared: is asked first. own: stands in while the other does not answer."""
        self._shared = shared
        self._own = own
        self._profiles = profiles

    def meter(self, profile: str | None) -> "Meter":
        """Counts one request of a route; None for a route without limits."""
        limit = self._profiles[profile] if profile else None
        strict = self._shared.take_all if limit and limit.kept else self._take_all
        return Meter(self._take_all, strict, limit, profile or "")

    def admit(self, profile: str, whom: Mapping[Kind, str]) -> None:
        """Count one act within a request, against each of these. Raises Limited, Unavailable.

        whom: who acts, of each kind; empty where that is not known.
        """
        meter = self.meter(profile)
        for kind, who in whom.items():
            if who:
                meter.expect(kind, who)
        meter.check()

    def see_kept(self) -> None:
        """Raises Unavailable while no limit of the region can be kept."""
        self._shared.take_all([], [("EXISTS", "limit:kept")])

    def _take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> tuple[list[Taken], list[Any]]:
        try:
            return self._shared.take_all(counted, along)
        except Unavailable as error:
            log.warning("this instance counts by itself: %s", error)
            return self._own.take_all(counted, along)


class Meter:
    """What one request has used of its limits. Whom it counts against is told first, and asked in one round trip."""

    def __init__(
        self,
        take_all: TakeAll,
        strict: TakeAll,
        limit: Limit | None,
        profile: str,
    ) -> None:
        """take_all: counts in any case. strict: before anything is admitted; it may raise Unavailable."""
        self._take_all = take_all
        self._strict = strict
        self._limit = limit
        self._profile = profile
        self._counted: dict[Kind, str] = {}
        self._expected: dict[Kind, str] = {}
        self._taken: dict[Kind, tuple[Rate, Taken]] = {}

    def expect(self, kind: Kind, who: str) -> None:
        """Say against whom the request counts once it is found to be a good one."""
        self._expected[kind] = who

    def count(self, kind: Kind, who: str) -> None:
        """Count the request against whom it comes from, where the profile limits that, whatever becomes of it."""
        self._counted[kind] = who

    def check(self, along: Sequence[Command] = ()) -> list[Any]:
        """Count what was expected, however often this is asked. Raises Limited when any bucket refused.

        Raises Unavailable where limits are always kept, and cannot be.
        along: commands for Redis that go along; returns what they brought; nothing where Redis does not answer.
        """
        self._counted |= self._expected
        self._expected = {}
        brought = self._take(self._strict, along)
        wait = max((taken.wait for _, taken in self._taken.values() if not taken.admitted), default=None)
        if wait is not None:
            raise Limited(wait)
        return brought

    def _take(self, take_all: TakeAll, along: Sequence[Command] = ()) -> list[Any]:
        """Ask the buckets of all that was counted and not asked yet."""
        rates = {kind: rate for kind in self._counted if (rate := getattr(self._limit, kind, None)) is not None}
        wanted = [(f"limit:{self._profile}:{kind}:{self._counted[kind]}", rate) for kind, rate in rates.items()]
        self._counted = {}
        if not wanted and not along:
            return []
        taken, brought = take_all(wanted, along)
        self._taken |= {kind: (rate, each) for (kind, rate), each in zip(rates.items(), taken, strict=True)}
        return brought

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10: each policy with its quota, what is left, and when."""
        self._take(self._take_all)
        if not self._taken:
            return {}
        counted = self._taken.items()
        policy = (f'"{kind}";q={rate.burst};w={math.ceil(rate.burst / rate.rate)}' for kind, (rate, _) in counted)
        left = (f'"{kind}";r={taken.left};t={math.ceil(taken.whole_in)}' for kind, (_, taken) in counted)
        return {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(left)}
