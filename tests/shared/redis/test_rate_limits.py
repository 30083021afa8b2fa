"""Rate limits: one suite for the buckets in Redis and for the in-process fallback."""

import time
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest
from msgspec.structs import replace

from shared.errors import Limited, Unavailable
from shared.redis.rate_limits import KEPT_BUCKETS, BucketDecision, Buckets, Limits, LocalBuckets, RedisBuckets
from shared.registry import Limit, Rate
from shared.resources import Resources

SLOW = Rate(rate=1, burst=5)
"""Slow enough that nothing comes back while a test looks."""


@pytest.fixture(params=["own", "redis", "cluster"])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    """All kinds."""
    if request.param == "own":
        return LocalBuckets()
    resources: Resources = request.getfixturevalue("resources" if request.param == "redis" else "clustered")
    return buckets_of(resources)


def buckets_of(resources: Resources) -> RedisBuckets:
    """The buckets in the Redis of some resources."""
    return RedisBuckets(resources.pipeline())


def take(buckets: Buckets, key: str, rate: Rate) -> BucketDecision:
    """The result of one request to one bucket."""
    [taken], _ = buckets.take_all([(key, rate)], [])
    return taken


@pytest.fixture
def key() -> str:
    """A bucket that nobody has used."""
    return f"limit:test:{token_hex(8)}"


def test_a_burst_and_no_more(buckets: Buckets, key: str) -> None:
    """As many at once as the burst allows, each with the remaining count; the next one gets its wait."""
    taken = [take(buckets, key, SLOW) for _ in range(SLOW.burst)]
    assert [each.admitted for each in taken] == [True] * SLOW.burst
    assert taken[0].left in (SLOW.burst - 1, SLOW.burst - 2) and taken[-1].left == 0
    refused = take(buckets, key, SLOW)
    assert (refused.admitted, refused.left) == (False, 0)
    assert 0 < refused.wait <= 1
    assert SLOW.burst - 1 < refused.whole_in <= SLOW.burst


def test_a_refusal_costs_nothing(buckets: Buckets, key: str) -> None:
    """Further requests do not lengthen the wait."""
    for _ in range(SLOW.burst):
        take(buckets, key, SLOW)
    waits = [take(buckets, key, SLOW).wait for _ in range(50)]
    assert waits == sorted(waits, reverse=True)


def test_buckets_are_apart(buckets: Buckets, key: str) -> None:
    """What one has used is not missing to another."""
    for _ in range(SLOW.burst + 1):
        take(buckets, key, SLOW)
    assert take(buckets, f"{key}:other", SLOW).admitted


def test_it_fills_at_its_rate(buckets: Buckets, key: str) -> None:
    """Over any time no more than burst + rate x time are admitted, +-1, and as many as that are."""
    rate = Rate(rate=50, burst=10)
    began = time.monotonic()
    admitted = 0
    while (passed := time.monotonic() - began) < 1:
        admitted += take(buckets, key, rate).admitted
        assert admitted <= rate.burst + rate.rate * (time.monotonic() - began) + 1
    assert admitted >= rate.burst + rate.rate * passed * 0.5


def test_many_at_once_share_it(buckets: Buckets, key: str) -> None:
    """200 requests of 50 clients at once: exactly the burst is admitted."""
    rate = Rate(rate=1, burst=50)
    began = time.monotonic()
    with ThreadPoolExecutor(50) as pool:  # more would wait for a place at Redis, and be refused one on a busy machine
        taken = list(pool.map(lambda _: take(buckets, key, rate).admitted, range(200)))
    assert rate.burst <= sum(taken) <= rate.burst + (time.monotonic() - began) * rate.rate + 1


def test_instances_count_together(resources: Resources, key: str) -> None:
    """Two processes' worth of clients on one Redis have one bucket; nothing is left of it when it is whole again."""
    instances = [buckets_of(Resources(resources.settings)) for _ in range(2)]
    admitted = sum(take(instances[number % 2], key, SLOW).admitted for number in range(20))
    assert SLOW.burst <= admitted <= SLOW.burst + 1
    assert 0 < resources.redis().pttl(key) <= SLOW.burst * 1000


@pytest.mark.parametrize("cluster", [False, True])
def test_without_redis_each_counts_by_itself(resources: Resources, key: str, cluster: bool) -> None:
    """Redis down: the request is counted in the process, by the same profile."""
    nowhere = Resources(replace(resources.settings, redis_url="redis://127.0.0.1:1/0", redis_cluster=cluster))
    gone = buckets_of(nowhere)
    with pytest.raises(Unavailable):
        take(gone, key, SLOW)
    limits = Limits(gone, LocalBuckets(), {"read": Limit(ip=SLOW)})
    outcomes = [outcome_of(limits) for _ in range(SLOW.burst + 1)]
    assert outcomes == [True] * SLOW.burst + [False]


def outcome_of(limits: Limits) -> bool:
    """Whether a request from one address is admitted."""
    meter = limits.meter("read")
    meter.count("ip", "192.0.2.1")
    try:
        meter.check()
    except Limited as error:
        assert 0 < error.wait_seconds <= 1
        return False
    return True


def test_what_a_profile_does_not_limit_is_not_counted() -> None:
    """A profile without users' limits, and a route without a profile, refuse nobody and tell nothing."""
    limits = Limits(LocalBuckets(), LocalBuckets(), {"read": Limit(ip=SLOW)})
    meter = limits.meter("read")
    meter.count("user", "usr_us_1")
    assert meter.headers == {}
    free = limits.meter(None)
    free.count("ip", "192.0.2.1")
    free.check()
    assert free.headers == {}


def test_the_longest_wait_counts() -> None:
    """Of several exhausted buckets, the one with the longest wait determines Retry-After."""
    profiles = {"read": Limit(ip=Rate(rate=10, burst=1), user=Rate(rate=1, burst=1))}
    limits = Limits(LocalBuckets(), LocalBuckets(), profiles)
    for _ in range(2):
        meter = limits.meter("read")
        meter.count("ip", "192.0.2.1")
        meter.count("user", "usr_us_1")
        headers = meter.headers
    assert "r=0" in headers["RateLimit"]
    with pytest.raises(Limited) as refused:
        meter.check()
    assert 0.5 < refused.value.wait_seconds <= 1
    assert meter.headers["RateLimit-Policy"] == '"ip";q=1;w=1, "user";q=1;w=1'


def test_own_buckets_are_bounded() -> None:
    """Any number of addresses fills no memory: the ones that were quiet for longest are forgotten."""
    buckets = LocalBuckets()
    for number in range(KEPT_BUCKETS + 100):
        take(buckets, str(number), SLOW)
    assert len(buckets._whole_at) == KEPT_BUCKETS
