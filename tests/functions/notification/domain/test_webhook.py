"""The state of a webhook and a delivery after each attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.notification.domain.webhook import (
    DELIVERED_WITHIN,
    DISABLED_AFTER,
    DISABLED_ATTEMPTS,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    MAX_ATTEMPT_LOG,
    SHORTEST_PAUSE,
    AttemptRecord,
    Delivery,
    Outcome,
    Webhook,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOOK = Webhook("whk", "usr", "https://shop.example/", ("order.paid",), NOON, NOON, NOON)
DELIVERY = Delivery("whk", "dlv", "evt", "order.paid", NOON, NOON + DELIVERED_WITHIN, due_at=NOON)
GOOD, BAD, GONE = Outcome(204), Outcome(500, "answered 500"), Outcome(410, "answered 410")


def test_only_2xx_is_a_success() -> None:
    """A redirect is none, nor is pause_order_relay."""
    requested = (None, 199, 200, 204, 299, 301, 307, 400, 410, 500)
    assert [status for status in requested if Outcome(status).succeeded] == [200, 204, 299]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_pauses_double_and_end_after_72_hours(chance: float) -> None:
    """Each pause is up to twice as long as the one before, by chance, within bounds; none leads beyond 72 hours."""
    delivery, now = DELIVERY, NOON
    pauses: list[timedelta] = []
    while delivery.status == "pending" and len(pauses) < 500:
        assert delivery.due_at is not None
        now = max(now, delivery.due_at)
        delivery = delivery.after(BAD, now, chance)
        if delivery.due_at:
            pauses.append(delivery.due_at - now)
            assert delivery.due_at <= NOON + DELIVERED_WITHIN
    for number, pause in enumerate(pauses):
        bound = min(LONGEST_PAUSE, timedelta(seconds=5) * (1 << min(number, 20)))
        assert pause == max(SHORTEST_PAUSE, bound * chance)
    if chance:
        assert (delivery.status, delivery.due_at, delivery.attempts) == ("failed", None, len(pauses) + 1)
        assert now > NOON + DELIVERED_WITHIN - LONGEST_PAUSE


def test_the_newest_attempts_are_remembered() -> None:
    """When each ended, how long it took and what came of it: so many, the oldest are forgotten first."""
    delivery = DELIVERY
    for number in range(MAX_ATTEMPT_LOG + 5):
        outcome = Outcome(500, "answered 500", took=timedelta(milliseconds=number))
        delivery = delivery.after(outcome, NOON + timedelta(seconds=number), 0)
    assert delivery.attempts == MAX_ATTEMPT_LOG + 5
    assert [tried.milliseconds for tried in delivery.tried] == list(range(5, MAX_ATTEMPT_LOG + 5))
    assert delivery.tried[0] == AttemptRecord(NOON + timedelta(seconds=5), 5, 500, "answered 500")
    assert delivery.redelivered(NOON).tried == delivery.tried


def test_a_success_ends_it() -> None:
    """After however many failures."""
    once = DELIVERY.after(BAD, NOON, 1)
    done = once.after(GOOD, NOON, 1)
    assert (done.status, done.attempts, done.due_at, done.response_status, done.error) == (
        "delivered",
        2,
        None,
        204,
        "",
    )
    again = done.redelivered(NOON + timedelta(days=9))
    assert (again.status, again.attempts, again.failures) == ("pending", 2, 0)
    assert again.expires_at == NOON + timedelta(days=9) + DELIVERED_WITHIN


def test_retry_after_is_honoured_within_bounds() -> None:
    """An address that requests a day of pause is tried after an hour, and not before."""
    for requested, waited in ((timedelta(minutes=7), timedelta(minutes=7)), (timedelta(days=1), LONGEST_RETRY_AFTER)):
        limited = Outcome(429, "answered 429", requested)
        assert DELIVERY.after(limited, NOON, 0).due_at == NOON + waited
        assert HOOK.after(limited, NOON, 0).rests_until == NOON + waited


def test_410_ends_it_at_once() -> None:
    """The webhook is disabled, and the delivery has failed."""
    after = HOOK.after(GONE, NOON, 0.5)
    assert (after.status, after.reason, after.disablings) == ("disabled", "gone", 1)
    assert DELIVERY.after(GONE, NOON, 0.5).status == "failed"


def test_a_webhook_that_only_fails_is_disabled() -> None:
    """After 72 hours and ten attempts of nothing but failure, once; neither of both alone is enough."""
    hook = HOOK
    for _ in range(DISABLED_ATTEMPTS * 3):
        hook = hook.after(BAD, NOON + timedelta(hours=1), 0.5)
    assert (hook.status, hook.failures) == ("enabled", DISABLED_ATTEMPTS * 3)
    rarely = replace(HOOK, failing_since=NOON, failures=DISABLED_ATTEMPTS - 2)
    assert rarely.after(BAD, NOON + DISABLED_AFTER, 0.5).status == "enabled"
    worn = hook.after(BAD, NOON + timedelta(hours=1) + DISABLED_AFTER, 0.5)
    assert (worn.status, worn.reason, worn.disablings) == ("disabled", "failing", 1)
    assert worn.after(BAD, NOON + timedelta(days=9), 0.5).disablings == 1


def test_one_success_resets_the_failures() -> None:
    """A flapping address is not disabled, and trusted as long as its last attempt succeeded."""
    hook = HOOK
    for hour in range(200):
        hook = hook.after(GOOD if hour % 10 == 9 else BAD, NOON + timedelta(hours=hour), 0.5)
        assert (hook.status, hook.trusted) == ("enabled", hour % 10 == 9)
    enabled = replace(HOOK, status="disabled", reason="failing", failures=99, failing_since=NOON).enabled(NOON)
    assert (enabled.status, enabled.reason, enabled.failures, enabled.failing_since) == ("enabled", "", 0, None)


def test_an_address_that_fails_rests() -> None:
    """The first failure may be the event's; then nothing at all is sent for a while, a minute at most."""
    first = HOOK.after(BAD, NOON, 1)
    assert first.rests_until == NOON
    hook = first
    for _ in range(9):
        hook = hook.after(BAD, NOON, 1)
    assert hook.rests_until == NOON + timedelta(minutes=1)
