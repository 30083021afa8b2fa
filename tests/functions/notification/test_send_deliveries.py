"""Sending to webhooks: signed, at least once, and no failing address delays another."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from emulators.waiting import until
from functions.notification.adapters import http as addresses
from functions.notification.adapters.webhooks import MAX_PER_ADDRESS, PostgresDeliveries
from functions.notification.adapters.work import Work
from functions.notification.delete_webhook import DeleteWebhook
from functions.notification.domain.webhook import DELIVERED_WITHIN, DISABLED_ATTEMPTS, Delivery
from functions.notification.enable_webhook import EnableWebhook
from functions.notification.ports import Parcel
from functions.notification.redeliver import Redeliver
from functions.notification.rotate_secret import RotateSecret
from tests.functions.notification.conftest import Harness
from tests.isolated_services import IsolatedUser
from tests.triggers import Triggers
from tests.webhook_receiver import Answer, Handler, WebhookReceiver, floods

Somebody = Callable[[], IsolatedUser]


@pytest.fixture(autouse=True)
def _longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No chance in how long is waited: five seconds at least, so that no run tries the same delivery twice."""
    monkeypatch.setattr(Work, "chance", lambda _self: 1.0)


def statuses(harness: Harness, seller: IsolatedUser, webhook_id: str) -> list[tuple[str, int, int | None]]:
    """Each delivery's status, attempts and last answer."""
    return [(d.status, d.attempts, d.response_status) for d in harness.deliveries(seller, webhook_id)]


def test_a_delivery_is_a_standard_webhook(harness: Harness, somebody: Somebody) -> None:
    """The public library verifies it; its id is the event's, its body the whole CloudEvent; it comes once."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)
        event = harness.paid(somebody(), seller)
        assert harness.consume(event, event) == ["applied", "known"]
        harness.send()
        harness.send()
        (came,) = here.received
    said = came.verified(hook.secret)
    assert came.headers["webhook-id"] == said["id"] == event.id
    assert came.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert (said["specversion"], said["type"], said["source"]) == ("1.0", "order.paid", "/order")
    assert (said["subject"], said["streamversion"], said["data"]) == (event.stream, 1, event.data)
    assert statuses(harness, seller, hook.id) == [("delivered", 1, 204)]
    with pytest.raises(WebhookVerificationError):
        came.verified("whsec_" + base64.b64encode(b"x" * 32).decode())


def test_both_secrets_sign_while_one_takes_over(harness: Harness, somebody: Somebody) -> None:
    """Either secret verifies; after the grace time, only the new one."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)
        request = RotateSecret(webhook_id=hook.id, grace_seconds=3600)
        after = harness.isolated.run("rotate_secret", request=request, caller=seller.caller).secret
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        now = harness.isolated.run("rotate_secret", request=RotateSecret(hook.id, 0), caller=seller.caller).secret
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        both, one = here.received
    assert len({hook.secret, after, now}) == 3
    for secret in (hook.secret, after):
        both.verified(secret)
    one.verified(now)
    for secret in (hook.secret, after):
        with pytest.raises(WebhookVerificationError):
            one.verified(secret)


def test_an_address_that_hangs_holds_up_no_other(
    harness: Harness, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are connections, one of them trusted before: they hang until a good one has all."""
    monkeypatch.setattr(addresses, "TIMEOUT_SECONDS", 60.0)
    seller, victim = somebody(), somebody()
    arrived, waited = threading.Event(), list[bool]()
    with WebhookReceiver() as good, WebhookReceiver() as bad:
        trusted = [harness.hook(victim, good.url).id, harness.hook(seller, bad.url).id]
        sql = "UPDATE webhooks SET trusted = true WHERE id = ANY(:ids::text[]) RETURNING id"
        harness.isolated.probe.rows("notification", sql, ids=trusted)
        for _ in range(addresses.MAX_CONCURRENT + 2):
            harness.hook(seller, bad.url)
        events = [harness.paid(victim, seller) for _ in range(6)]

        def counted(handler: Handler) -> None:
            handler.respond(204)
            if len(good.received) == len(events):
                arrived.set()

        def hang(handler: Handler) -> None:
            waited.append(arrived.wait(50))
            handler.respond(500)

        good.answer, bad.answer = counted, hang
        harness.consume(*events)
        harness.send()
    assert {came.headers["webhook-id"] for came in good.received} == {event.id for event in events}
    assert len(waited) > addresses.MAX_CONCURRENT
    assert all(waited)


def test_runs_at_once_send_no_more_to_an_address_than_one(harness: Harness, somebody: Somebody) -> None:
    """How many are on their way to it is counted by one run after the other."""
    seller = somebody()
    harness.hook(seller, "http://127.0.0.1:1/")
    harness.consume(*[harness.paid(somebody(), seller) for _ in range(8)])

    saga = Work(harness.isolated.resources, "notification")

    def take() -> int:
        with saga.transaction() as work:
            return len(work.deliveries.take(trusted=False, most=100))

    waiting = """SELECT count(*) AS waiting FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'advisory'"""
    with ThreadPoolExecutor(1) as pool:
        with saga.transaction() as work:
            first = len(work.deliveries.take(trusted=False, most=100))
            second = pool.submit(take)
            until(lambda: harness.isolated.probe.rows("notification", waiting)[0]["waiting"] or second.done(), bool)
        assert [first, second.result()] == [MAX_PER_ADDRESS[False], 0]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda handler: handler.respond(500), 500),
        (lambda handler: handler.respond(302, {"Location": "http://127.0.0.1:1/"}), 302),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), None),
        (lambda handler: handler.connection.close(), None),
    ],
)
def test_what_fails_is_tried_again(harness: Harness, somebody: Somebody, answer: Answer, status: int | None) -> None:
    """After a pause, under the same id; an address that flaps gets it in the end."""
    seller = somebody()
    with WebhookReceiver(answer) as here:
        hook = harness.hook(seller, here.url)
        event = harness.paid(somebody(), seller)
        harness.consume(event)
        harness.send()
        assert statuses(harness, seller, hook.id) == [("pending", 1, status)]
        with harness.isolated.later(timedelta(minutes=1)):
            harness.send()
            assert statuses(harness, seller, hook.id) == [("pending", 2, status)]
        here.answer = lambda handler: handler.respond(200)
        with harness.isolated.later(timedelta(minutes=5)):
            harness.send()
        assert statuses(harness, seller, hook.id) == [("delivered", 3, 200)]
        (delivery,) = harness.deliveries(seller, hook.id)
        last, *failed = delivery.attempt_log
        assert (last.at, last.response_status, last.error) == (delivery.last_attempt_at, 200, None)
        assert [(each.response_status, bool(each.error)) for each in failed] == [(status, True)] * 2
        assert last.at > failed[0].at > failed[1].at > delivery.created_at
        assert all(each.duration_ms >= 0 for each in delivery.attempt_log)
        assert {came.headers["webhook-id"] for came in here.received} == {event.id}


def test_what_is_never_taken_has_failed_after_72_hours(harness: Harness, somebody: Somebody) -> None:
    """It is shown as failed, and can be redelivered."""
    seller = somebody()
    with WebhookReceiver(lambda handler: handler.respond(503, {"Retry-After": "60"})) as here:
        hook = harness.hook(seller, here.url)
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        with harness.isolated.later(DELIVERED_WITHIN - timedelta(seconds=30)):
            harness.send()
            (delivery,) = harness.deliveries(seller, hook.id)
            assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("failed", 2, None)
            here.answer = lambda handler: handler.respond(204)
            request = Redeliver(hook.id, delivery.id)
            again = harness.isolated.run("redeliver", request=request, caller=seller.caller)
            assert (again.status, again.id) == ("pending", delivery.id)
        with harness.isolated.later(DELIVERED_WITHIN + timedelta(hours=1)):
            harness.send()
        assert statuses(harness, seller, hook.id) == [("delivered", 3, 204)]
        assert len({came.headers["webhook-id"] for came in here.received}) == 1


def test_ten_gigabytes_are_a_delivery(harness: Harness, somebody: Somebody) -> None:
    """A 200 counts as delivered; the rest of the response is not read."""
    seller = somebody()
    with WebhookReceiver(floods) as here:
        hook = harness.hook(seller, here.url)
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        assert statuses(harness, seller, hook.id) == [("delivered", 1, 200)]


def disabled(harness: Harness, seller: IsolatedUser, reason: str) -> dict[str, Any]:
    """The one notice to the owner of a webhook that was disabled."""
    (notice,) = [row for row in harness.rows(seller) if row["type"] == "webhook.disabled"]
    assert notice["data"]["reason"] == reason
    data: dict[str, Any] = notice["data"]
    return data


def test_410_disables_at_once(harness: Harness, somebody: Somebody) -> None:
    """With notice in the owner's feed; nothing waits for it any more, and nothing new is queued until it is enabled."""
    seller = somebody()
    with WebhookReceiver(lambda handler: handler.respond(410)) as here:
        hook = harness.hook(seller, here.url)
        harness.consume(*(harness.paid(somebody(), seller) for _ in range(3)))
        harness.send()
        assert {status for status, *_ in statuses(harness, seller, hook.id)} == {"failed"}
        assert disabled(harness, seller, "gone") == {"webhook_id": hook.id, "url": here.url, "reason": "gone"}
        missed = harness.paid(somebody(), seller)
        harness.consume(missed)
        harness.isolated.run("enable_webhook", request=EnableWebhook(hook.id), caller=seller.caller)
        harness.isolated.handle("notify_users", missed)
        assert len(harness.deliveries(seller, hook.id)) == 3
        assert harness.isolated.violations() == []


def test_nothing_but_failure_disables(harness: Harness, somebody: Somebody) -> None:
    """For days, and often enough: with notice."""
    seller = somebody()
    with WebhookReceiver(lambda handler: handler.respond(500)) as here:
        hook = harness.hook(seller, here.url)
        since = "failing_since = now() - interval '4 days'"
        sql = f"UPDATE webhooks SET failures = :failures, {since} WHERE id = :id RETURNING id"
        harness.isolated.probe.rows("notification", sql, id=hook.id, failures=DISABLED_ATTEMPTS - 1)
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        assert disabled(harness, seller, "failing")["webhook_id"] == hook.id
        assert statuses(harness, seller, hook.id) == [("failed", 1, 500)]


def test_what_was_taken_and_not_sent_is_sent_later(harness: Harness, somebody: Somebody) -> None:
    """A sender that is killed has the delivery for a minute; then another one sends it."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)
        harness.consume(harness.paid(somebody(), seller))
        sql = "UPDATE deliveries SET taken_until = now() + interval '1 minute' WHERE webhook_id = :id RETURNING id"
        harness.isolated.probe.rows("notification", sql, id=hook.id)
        harness.send()
        assert here.received == []
        with harness.isolated.later(timedelta(seconds=61)):
            harness.send()
        assert len(here.received) == 1


def test_a_webhook_that_is_deleted_meanwhile(harness: Harness, somebody: Somebody) -> None:
    """The result of the attempt is ignored, and nothing fails."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)

        def deleted(handler: Handler) -> None:
            harness.isolated.run("delete_webhook", request=DeleteWebhook(hook.id), caller=seller.caller)
            handler.respond(204)

        here.answer = deleted
        harness.consume(harness.paid(somebody(), seller))
        harness.send()
        assert len(here.received) == 1
        assert harness.isolated.violations() == []


def test_a_delivery_that_cannot_be_read_holds_up_no_other(harness: Harness, somebody: Somebody) -> None:
    """Its row is spoilt: the one behind it, to the same address, is delivered by the next run, and it is recorded."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)
        events = [harness.paid(somebody(), seller) for _ in range(2)]
        harness.consume(*events)
        first = harness.deliveries(seller, hook.id)[0].id
        harness.isolated.tamper(
            "notification", """UPDATE deliveries SET tried = '"nothing"' WHERE id = :id""", id=first
        )
        assert sum(harness.send()["delivered"] for _ in range(2)) == 1
        assert [came.headers["webhook-id"] for came in here.received] == [events[1].id]
        assert harness.isolated.failing("notification", "send_deliveries") == [f"{hook.id} {first}"]
        harness.isolated.tamper("notification", "UPDATE deliveries SET tried = '[]' WHERE id = :id", id=first)
        with harness.isolated.later(timedelta(minutes=2)):
            assert harness.send()["delivered"] == 1
    assert harness.isolated.failing("notification", "send_deliveries") == []


def test_an_attempt_that_cannot_be_kept_holds_up_no_other(
    harness: Harness, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an address brings about is stored for the others that arrived with it; this one is tried again later."""
    seller = somebody()
    with WebhookReceiver() as here:
        hook = harness.hook(seller, here.url)
        harness.consume(*[harness.paid(somebody(), seller) for _ in range(3)])
        first = harness.deliveries(seller, hook.id)[0].id
        save = PostgresDeliveries.save

        def poisoned(store: PostgresDeliveries, delivery: Delivery, parcel: Parcel) -> None:
            spoilt = replace(delivery, error="\x00") if delivery.id == first else delivery  # PostgreSQL keeps none
            save(store, spoilt, parcel)

        with monkeypatch.context() as patch:
            patch.setattr(PostgresDeliveries, "save", poisoned)
            done = harness.send()
        assert (done["delivered"], done["lost"]) == (2, 1)
        assert harness.isolated.failing("notification", "send_deliveries") == [f"{hook.id} {first}"]
        with harness.isolated.later(timedelta(minutes=2)):
            assert harness.send()["delivered"] == 1
    assert {d.status for d in harness.deliveries(seller, hook.id)} == {"delivered"}
    assert harness.isolated.failing("notification", "send_deliveries") == []


def test_it_runs_beside_the_stacks_worker(triggers: Triggers) -> None:
    """Which holds the lock, and does the same at the same time."""
    assert set(triggers.start("send_deliveries")) == {"delivered", "failed", "lost"}
