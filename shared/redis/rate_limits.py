"""Rate limits per user, Ethereum address and network address.

Each has a bucket of its own, by the generic cell rate algorithm (GCRA): over any period it admits at most burst +
rate x time requests. A bucket is one key in Redis, updated by one atomic script on Redis's clock, so that all
instances of a region count together. Regions count separately: a client of all N regions gets at most N times the
rate. While Redis is down, every instance counts by itself; profiles with `kept: always` refuse requests then.
"""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec

from shared.errors import Limited, Unavailable
from shared.redis.pipeline import Command, Pipeline, Script
from shared.registry import Limit, Rate
from shared.telemetry.metrics import RATE_LIMIT_FALLBACKS, RATE_LIMITS

log = logging.getLogger(__name__)

SCRIPT: Final = Script.of(Path(__file__).with_suffix(".lua"))
MICROSECONDS: Final = 1_000_000
KEPT_BUCKETS: Final = 10_000
"""How many local buckets an instance keeps; the least recently used one is dropped first."""

Kind = Literal["user", "address", "ip"]


class BucketDecision(msgspec.Struct, frozen=True):
    """A bucket's decision on one request. Times are in seconds."""

    admitted: bool
    left: int
    whole_in: float
    wait: float


Decisions = tuple[list[BucketDecision], list[Any]]
"""What each bucket decided, and the replies to the commands sent along; no replies where Redis is not used."""


class Buckets(Protocol):
    """The buckets that requests are counted in."""

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> Decisions:
        """Count one request in each of these buckets, except those that refuse it. Raises Unavailable.

        along: other commands for the same round trip. Returns each bucket's decision and those commands' replies.
        """


TakeAll = Callable[[Sequence[tuple[str, Rate]], Sequence[Command]], Decisions]
"""The signature of Buckets.take_all."""


class RedisBuckets:
    """Buckets in Redis, shared by all instances of a region."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> Decisions:
        commands = [SCRIPT.on([key], MICROSECONDS / rate.rate, rate.burst) for key, rate in counted]
        answers = self._pipeline.execute([*commands, *along])
        return [_decisions(*answer) for answer in answers[: len(commands)]], answers[len(commands) :]


def _decisions(admitted: int, left: int, whole_in: int, wait: int) -> BucketDecision:
    return BucketDecision(admitted == 1, left, whole_in / MICROSECONDS, wait / MICROSECONDS)


class LocalBuckets:
    """Buckets of this process: the same algorithm as rate_limits.lua."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> Decisions:
        return [self._take(key, rate) for key, rate in counted], []

    def _take(self, key: str, rate: Rate) -> BucketDecision:
        cost = 1 / rate.rate
        with self._lock:
            now = self._clock()
            whole_at = max(self._whole_at.pop(key, now), now)
            early = whole_at + cost - now - rate.burst * cost
            if early > 0:
                self._whole_at[key] = whole_at
                return BucketDecision(admitted=False, left=0, whole_in=whole_at - now, wait=early)
            self._whole_at[key] = whole_at + cost
            if len(self._whole_at) > KEPT_BUCKETS:
                self._whole_at.popitem(last=False)
            return BucketDecision(admitted=True, left=math.floor(-early / cost), whole_in=whole_at + cost - now, wait=0)


class Limits:
    """The rate limits of the registry's profiles."""

    def __init__(self, shared: Buckets, own: Buckets, profiles: Mapping[str, Limit]) -> None:
        """shared: used normally. own: the fallback while `shared` is unavailable."""
        self._shared = shared
        self._own = own
        self._profiles = profiles

    def meter(self, profile: str | None) -> "Meter":
        """A meter for one request of a route; profile is None for a route without limits."""
        limit = self._profiles[profile] if profile else None
        strict = self._shared.take_all if limit and limit.kept else self._take_all
        return Meter(self._take_all, strict, limit, profile or "")

    def admit(self, profile: str, whom: Mapping[Kind, str]) -> None:
        """Count one action within a request against each of these. Raises Limited, Unavailable.

        whom: the subject of each kind; empty if unknown.
        """
        meter = self.meter(profile)
        for kind, who in whom.items():
            if who:
                meter.expect(kind, who)
        meter.check()

    def check_shared_store(self) -> None:
        """Raise Unavailable while the region's shared buckets are unavailable."""
        self._shared.take_all([], [("EXISTS", "limit:kept")])

    def _take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> Decisions:
        try:
            return self._shared.take_all(counted, along)
        except Unavailable as error:
            log.warning("this instance counts by itself: %s", error)
            RATE_LIMIT_FALLBACKS.inc()
            return self._own.take_all(counted, along)


class Meter:
    """One request's use of its limits. Subjects are registered first, and counted in one round trip."""

    def __init__(
        self,
        take_all: TakeAll,
        strict: TakeAll,
        limit: Limit | None,
        profile: str,
    ) -> None:
        """take_all: never fails. strict: used before the request is admitted; it may raise Unavailable."""
        self._take_all = take_all
        self._strict = strict
        self._limit = limit
        self._profile = profile
        self._counted: dict[Kind, str] = {}
        self._expected: dict[Kind, str] = {}
        self._decisions: dict[Kind, tuple[Rate, BucketDecision]] = {}

    def expect(self, kind: Kind, who: str) -> None:
        """Register a subject that the request counts against once it is found valid."""
        self._expected[kind] = who

    def count(self, kind: Kind, who: str) -> None:
        """Register a subject that the request counts against in any case, if the profile limits this kind."""
        self._counted[kind] = who

    def check(self, along: Sequence[Command] = ()) -> list[Any]:
        """Count the registered subjects, once however often this is called. Raises Limited if any bucket refused.

        Raises Unavailable for profiles with `kept: always` while Redis is down.
        along: commands for the same round trip; returns their replies, or nothing if Redis is down.
        """
        self._counted |= self._expected
        self._expected = {}
        replies = self._take(self._strict, along)
        wait = max((decision.wait for _, decision in self._decisions.values() if not decision.admitted), default=None)
        if wait is not None:
            raise Limited(wait)
        return replies

    def _take(self, take_all: TakeAll, along: Sequence[Command] = ()) -> list[Any]:
        """Take from the buckets of all subjects not counted yet."""
        rates = {kind: rate for kind in self._counted if (rate := getattr(self._limit, kind, None)) is not None}
        buckets = [(f"limit:{self._profile}:{kind}:{self._counted[kind]}", rate) for kind, rate in rates.items()]
        self._counted = {}
        if not buckets and not along:
            return []
        decision, replies = take_all(buckets, along)
        for kind, each in zip(rates, decision, strict=True):
            RATE_LIMITS.labels(self._profile, kind, "admitted" if each.admitted else "refused").inc()
        self._decisions |= {kind: (rate, each) for (kind, rate), each in zip(rates.items(), decision, strict=True)}
        return replies

    @property
    def headers(self) -> dict[str, str]:
        """The headers of draft-ietf-httpapi-ratelimit-headers-10: policies with quotas, what is left, and resets."""
        self._take(self._take_all)
        if not self._decisions:
            return {}
        counted = self._decisions.items()
        policy = (f'"{kind}";q={rate.burst};w={math.ceil(rate.burst / rate.rate)}' for kind, (rate, _) in counted)
        left = (f'"{kind}";r={decision.left};t={math.ceil(decision.whole_in)}' for kind, (_, decision) in counted)
        return {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(left)}
