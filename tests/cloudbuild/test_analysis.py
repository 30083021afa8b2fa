"""Verdicts: what chance explains is no reason, what it does not explain is; too little is neither."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudbuild.rollout.analysis import Bucket, Sample, Thresholds, Verdict, compare, judge, pooled, tail

THRESHOLDS = Thresholds()


def served(requests: int, errors: int = 0, milliseconds: float = 40.0, slow: int = 0) -> Sample:
    """A revision's sample: `slow` of its responses took ten times as long."""
    fast = Bucket(milliseconds * 0.9, milliseconds, requests - slow)
    return Sample(requests, errors, (fast, Bucket(milliseconds * 9, milliseconds * 10, slow)))


BLUE = served(10_000)


@pytest.mark.parametrize(
    ("green", "verdict"),
    [
        (served(500), Verdict.HEALTHY),
        (served(500, errors=2), Verdict.HEALTHY),
        (served(500, errors=5), Verdict.INCONCLUSIVE),
        (served(500, errors=25), Verdict.UNHEALTHY),
        (served(500, milliseconds=120.0), Verdict.UNHEALTHY),
        (served(500, slow=7), Verdict.INCONCLUSIVE),
        (served(500, slow=5), Verdict.HEALTHY),
        (served(0), Verdict.INCONCLUSIVE),
        (served(99), Verdict.INCONCLUSIVE),
        (served(10, errors=10), Verdict.UNHEALTHY),
        (served(1, errors=1), Verdict.INCONCLUSIVE),
    ],
    ids=lambda each: str(each) if isinstance(each, Verdict) else f"{each.requests}-{each.errors}-{each.p99:.0f}",
)
def test_a_revision_is_judged(green: Sample, verdict: Verdict) -> None:
    """Beside a blue that serves well."""
    assert compare("all", green, BLUE, THRESHOLDS).verdict is verdict


def test_what_ails_blue_is_not_held_against_green() -> None:
    """A dependency that fails, fails both."""
    assert compare("all", served(500, 100), served(10_000, 2_000), THRESHOLDS).verdict is Verdict.HEALTHY
    slow = compare("all", served(500, milliseconds=400.0), served(10_000, milliseconds=400.0), THRESHOLDS)
    assert slow.verdict is Verdict.HEALTHY


def test_nothing_of_blue_is_nothing_to_compare_with() -> None:
    """Latency has no absolute measure; failures have."""
    assert compare("all", served(500), served(20), THRESHOLDS).verdict is Verdict.INCONCLUSIVE
    assert compare("all", served(500, 25), Sample(), THRESHOLDS).verdict is Verdict.UNHEALTHY


def test_one_unit_that_fails_convicts_the_group() -> None:
    """However well the others do; one with little traffic holds nothing up."""
    good, quiet = (served(5_000), BLUE), (served(3), served(60))
    assert judge({"a": good, "b": quiet}, THRESHOLDS).verdict is Verdict.HEALTHY
    found = judge({"a": good, "b": (served(200, 20), BLUE)}, THRESHOLDS)
    assert (found.verdict, found.subject) == (Verdict.UNHEALTHY, "b")
    found = judge({"a": good, "b": (served(200, 3), BLUE)}, THRESHOLDS)
    assert (found.verdict, found.subject) == (Verdict.INCONCLUSIVE, "b")
    assert judge({"b": quiet}, THRESHOLDS).verdict is Verdict.INCONCLUSIVE
    assert judge({}, THRESHOLDS).verdict is Verdict.INCONCLUSIVE


@given(st.integers(1, 60), st.data())
def test_the_tail_is_exact(trials: int, data: st.DataObject) -> None:
    """As the sum of the binomial's terms, wherever it says anything at all."""
    hits = data.draw(st.integers(0, trials))
    share = data.draw(st.fractions(Fraction(1, 1000), Fraction(1, 2)))
    exact = sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(hits, trials + 1))
    found = tail(trials, hits, float(share))
    if hits > trials * float(share) and hits:
        assert found == pytest.approx(float(exact), rel=1e-9)
    else:
        assert found == 1.0


def test_the_tail_of_large_numbers_is_small() -> None:
    """No overflow, no rounding to nothing that is something."""
    assert tail(10_000_000, 60_000, 0.005) < 1e-100
    assert 0.4 < tail(10_000_000, 50_001, 0.005) < 0.6
    assert tail(10, 1, 0.0) == 0.0


@given(st.lists(st.integers(1, 500), min_size=1, max_size=50))
def test_a_quantile_is_within_its_bucket(latencies: list[int]) -> None:
    """No further off than the width of one bucket."""
    sample = Sample(len(latencies), 0, tuple(Bucket(each - 1, each, 1) for each in latencies))
    rank = sorted(latencies)[math.ceil(0.99 * len(latencies)) - 1]
    assert rank - 1 <= sample.p99 <= rank
    assert sample.slower_than(500.0) == 0
    assert sample.slower_than(0.0) == len(latencies)


def test_samples_are_pooled_by_bucket() -> None:
    """Counts add up, and an infinite bucket stays one."""
    one = Sample(3, 1, (Bucket(0, 10, 2), Bucket(10, math.inf, 1)))
    both = pooled([one, one])
    assert both == Sample(6, 2, (Bucket(0, 10, 4), Bucket(10, math.inf, 2)))
    assert both.p99 == 10
    assert both.slower_than(50) == 2


def test_failures_alone_may_be_judged() -> None:
    """Where there is no latency to compare with: a slow revision passes, a failing one does not, and few are few."""
    slow, failing = served(500, milliseconds=900.0), served(500, errors=25)
    assert judge({"a": (slow, BLUE)}, THRESHOLDS, by_latency=False).verdict is Verdict.HEALTHY
    assert judge({"a": (failing, BLUE)}, THRESHOLDS, by_latency=False).verdict is Verdict.UNHEALTHY
    assert judge({"a": (served(5), BLUE)}, THRESHOLDS, by_latency=False).verdict is Verdict.INCONCLUSIVE
