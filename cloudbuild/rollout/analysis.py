"""Whether green is as good as blue, by what both served in the same time. Pure: no clock, no I/O.

A share of few requests is mostly chance, so green is unhealthy only if chance is no explanation: if a revision that is
just good enough would show so many failures, or so many slow responses, less than once in a thousand (an exact binomial
test). It is healthy only if it has served enough and looks good. Between the two it is inconclusive: no traffic
neither fails a release nor lets it through.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum


@dataclass(frozen=True)
class Bucket:
    """How many responses took between two times, in milliseconds; `high` may be infinite."""

    low: float
    high: float
    count: int

    def above(self, limit: float) -> float:
        """How many took longer than a limit; those of the bucket that contains it are taken as evenly spread."""
        if limit <= self.low:
            return self.count
        if limit >= self.high:
            return 0
        return self.count if math.isinf(self.high) else self.count * (self.high - limit) / (self.high - self.low)


@dataclass(frozen=True)
class Sample:
    """What one revision, or several together, served in a window.

    requests, errors: how many, and how many of them were answered 5xx. latencies: how long responses took.
    """

    requests: int = 0
    errors: int = 0
    latencies: tuple[Bucket, ...] = ()

    @property
    def error_share(self) -> float:
        """The share of 5xx; none of nothing."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def measured(self) -> int:
        """How many requests have a latency: metrics arrive one by one, so this can differ from `requests`."""
        return sum(bucket.count for bucket in self.latencies)

    def slower_than(self, limit: float) -> int:
        """How many responses took longer than a limit in milliseconds."""
        return math.floor(sum(bucket.above(limit) for bucket in self.latencies))

    def quantile(self, share: float) -> float:
        """The latency in milliseconds that this share of responses did not exceed; 0 if there are none."""
        wanted = share * self.measured
        for bucket in sorted(self.latencies, key=lambda each: each.low):
            if bucket.count and wanted <= bucket.count:
                high = bucket.low if math.isinf(bucket.high) else bucket.high
                return bucket.low + (high - bucket.low) * wanted / bucket.count
            wanted -= bucket.count
        return 0.0

    @property
    def p99(self) -> float:
        """The latency in milliseconds that one response in a hundred exceeded."""
        return self.quantile(0.99)


def pooled(samples: Iterable[Sample]) -> Sample:
    """Several samples as one. The shares of blue and green are the same everywhere, so both pool the same mixture."""
    listed = list(samples)
    counts: dict[tuple[float, float], int] = {}
    for bucket in (each for sample in listed for each in sample.latencies):
        counts[bucket.low, bucket.high] = counts.get((bucket.low, bucket.high), 0) + bucket.count
    latencies = tuple(Bucket(low, high, count) for (low, high), count in sorted(counts.items()))
    return Sample(sum(each.requests for each in listed), sum(each.errors for each in listed), latencies)


class Verdict(IntEnum):
    """What is known of green. Of several verdicts the highest holds: unhealthy outranks."""

    HEALTHY = 0
    INCONCLUSIVE = 1
    UNHEALTHY = 2


@dataclass(frozen=True)
class Thresholds:
    """When green is good enough.

    least_requests: how many requests green, and blue, must have served for a verdict of healthy.
    error_tolerance: by how much green's share of 5xx may exceed blue's.
    latency_ratio, latency_slack: what multiple of blue's p99 green's may reach, and at least so many ms more.
    chance: how improbable a deviation must be by chance alone, to be held against green.
    """

    least_requests: int = 100
    error_tolerance: float = 0.005
    latency_ratio: float = 1.5
    latency_slack: float = 50.0
    chance: float = 0.001


@dataclass(frozen=True)
class Finding:
    """A verdict on something with its reason and figures, for the report. `few`: there was too little to judge by."""

    subject: str
    verdict: Verdict
    reason: str
    green: Sample = field(default_factory=Sample)
    blue: Sample = field(default_factory=Sample)
    few: bool = False


SLOW_SHARE = 0.01
"""The share of responses that may be slower than the limit: it is about the 99th percentile."""


def judge(pairs: Mapping[str, tuple[Sample, Sample]], thresholds: Thresholds, *, by_latency: bool = True) -> Finding:
    """The verdict on a group, from the samples (green, blue) of each of its units.

    All units together must be healthy, and none that served enough may look bad. A unit with little traffic holds
    nothing up, but for one that can be shown to fail. by_latency: whether latencies count, or failures alone.
    """
    together = compare(
        "all together",
        pooled(green for green, _ in pairs.values()),
        pooled(blue for _, blue in pairs.values()),
        thresholds,
        by_latency=by_latency,
    )
    singles = [compare(name, green, blue, thresholds, by_latency=by_latency) for name, (green, blue) in pairs.items()]
    return _worst([together, *(each for each in singles if not each.few)])


def _worst(findings: Sequence[Finding]) -> Finding:
    return max(findings, key=lambda each: each.verdict)  # the first of equals: all together


def compare(subject: str, green: Sample, blue: Sample, thresholds: Thresholds, *, by_latency: bool = True) -> Finding:
    """The verdict on one sample of green beside blue's. by_latency: whether latencies count, or failures alone."""
    share = blue.error_share + thresholds.error_tolerance
    limit = max(blue.p99 * thresholds.latency_ratio, blue.p99 + thresholds.latency_slack)
    known = blue.measured >= thresholds.least_requests or not by_latency
    slow = green.slower_than(limit) if known and by_latency else 0
    errors = f"{green.error_share:.1%} of {green.requests} requests failed, of blue's {blue.error_share:.1%}"
    latency = f"p99 is {green.p99:.0f} ms, blue's {blue.p99:.0f} ms"

    few = min(green.requests, green.measured if by_latency else green.requests) < thresholds.least_requests
    inconclusive, unhealthy = Verdict.INCONCLUSIVE, Verdict.UNHEALTHY
    cases = (
        (tail(green.requests, green.errors, share) < thresholds.chance, unhealthy, errors),
        (tail(green.measured, slow, SLOW_SHARE) < thresholds.chance, unhealthy, latency),
        (few, inconclusive, f"green served {green.requests} requests"),
        (not known, inconclusive, f"blue served {blue.requests} requests"),
        (green.error_share > share, inconclusive, errors),
        (slow > green.measured * SLOW_SHARE, inconclusive, latency),
        (True, Verdict.HEALTHY, f"{errors}; {latency}"),
    )
    verdict, reason = next((verdict, reason) for holds, verdict, reason in cases if holds)
    unknown = verdict is inconclusive and (few or not known)
    return Finding(subject, verdict, reason, green, blue, unknown)


def tail(trials: int, hits: int, probability: float) -> float:
    """P(X >= hits) of a binomial distribution; 1 where hits are no more than expected."""
    if hits <= trials * probability or hits == 0:
        return 1.0
    if probability <= 0.0:
        return 0.0
    log_term = (
        math.lgamma(trials + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(trials - hits + 1)
        + hits * math.log(probability)
        + (trials - hits) * math.log1p(-probability)
    )
    term, total = 1.0, 0.0
    for count in range(hits, trials + 1):
        total += term
        term *= (trials - count) / (count + 1) * probability / (1 - probability)
        if term < total * 1e-12:
            break
    return min(1.0, math.exp(log_term) * total)
