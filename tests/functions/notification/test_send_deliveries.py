"""Sending to webhooks: signed, at least once, and no address that misbehaves holds up another."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from functions.notification.delete_webhook import DeleteWebhook
from functions.notification.domain.webhook import DELIVERED_WITHIN, DISABLED_ATTEMPTS, Delivery
from functions.notification.enable_webhook import EnableWebhook
from functions.notification.ports import Parcel
from functions.notification.redeliver import Redeliver
from functions.notification.rotate_secret import RotateSecret
from functions.notification.store import Work, addresses
from functions.notification.store.webhooks import EACH_MOST, DeliveryStore
from tests.functions.notification.conftest import Told
from tests.island import Islander
from tests.listener import Answer, Handler, Listener, floods
from tests.waiting import until

Somebody = Callable[[], Islander]


@pytest.fixture(autouse=True)
def _longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No chance in how long is waited: five seconds at least, so that no run tries the same delivery twice."""
    monkeypatch.setattr(Work, "chance", lambda _self: 1.0)


def statuses(told: Told, seller: Islander, webhook_id: str) -> list[tuple[str, int, int | None]]:
    """Each delivery's status, attempts and last answer."""
    return [(d.status, d.attempts, d.response_status) for d in told.deliveries(seller, webhook_id)]


def test_a_delivery_is_a_standard_webhook(told: Told, somebody: Somebody) -> None:
    """The public library verifies it; its id is the event's, its body the whole CloudEvent; it comes once."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)
        event = told.paid(somebody(), seller)
        assert told.tell(event, event) == ["applied", "known"]
        told.send()
        told.send()
        (came,) = here.received
    said = came.verified(hook.secret)
    assert came.headers["webhook-id"] == said["id"] == event.id
    assert came.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert (said["specversion"], said["type"], said["source"]) == ("1.0", "order.paid", "/order")
    assert (said["subject"], said["streamversion"], said["data"]) == (event.stream, 1, event.data)
    assert statuses(told, seller, hook.id) == [("delivered", 1, 204)]
    with pytest.raises(WebhookVerificationError):
        came.verified("whsec_" + base64.b64encode(b"x" * 32).decode())


def test_both_secrets_sign_while_one_takes_over(told: Told, somebody: Somebody) -> None:
    """Whoever has either verifies; when the time of grace is over, only who has the new one."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)
        request = RotateSecret(webhook_id=hook.id, grace_seconds=3600)
        after = told.island.run("rotate_secret", request=request, caller=seller.caller).secret
        told.tell(told.paid(somebody(), seller))
        told.send()
        now = told.island.run("rotate_secret", request=RotateSecret(hook.id, 0), caller=seller.caller).secret
        told.tell(told.paid(somebody(), seller))
        told.send()
        both, one = here.received
    assert len({hook.secret, after, now}) == 3
    for secret in (hook.secret, after):
        both.verified(secret)
    one.verified(now)
    for secret in (hook.secret, after):
        with pytest.raises(WebhookVerificationError):
            one.verified(secret)


def test_an_address_that_hangs_holds_up_no_other(
    told: Told, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are connections, one of them trusted before: they hang until a good one has all."""
    monkeypatch.setattr(addresses, "WITHIN_SECONDS", 60.0)
    seller, victim = somebody(), somebody()
    arrived, waited = threading.Event(), list[bool]()
    with Listener() as good, Listener() as bad:
        trusted = [told.hook(victim, good.url).id, told.hook(seller, bad.url).id]
        sql = "UPDATE webhooks SET trusted = true WHERE id = ANY(:ids::text[]) RETURNING id"
        told.island.books.rows("notification", sql, ids=trusted)
        for _ in range(addresses.AT_ONCE + 2):
            told.hook(seller, bad.url)
        events = [told.paid(victim, seller) for _ in range(6)]

        def counted(handler: Handler) -> None:
            handler.say(204)
            if len(good.received) == len(events):
                arrived.set()

        def hang(handler: Handler) -> None:
            waited.append(arrived.wait(50))
            handler.say(500)

        good.answer, bad.answer = counted, hang
        told.tell(*events)
        told.send()
    assert {came.headers["webhook-id"] for came in good.received} == {event.id for event in events}
    assert len(waited) > addresses.AT_ONCE
    assert all(waited)


def test_runs_at_once_send_no_more_to_an_address_than_one(told: Told, somebody: Somebody) -> None:
    """How many are on their way to it is counted by one run after the other."""
    seller = somebody()
    told.hook(seller, "http://127.0.0.1:1/")
    told.tell(*[told.paid(somebody(), seller) for _ in range(8)])

    saga = Work(told.island.resources, "notification")

    def take() -> int:
        with saga.transaction() as work:
            return len(work.deliveries.take(trusted=False, most=100))

    waiting = """SELECT count(*) AS waiting FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'advisory'"""
    with ThreadPoolExecutor(1) as pool:
        with saga.transaction() as work:
            first = len(work.deliveries.take(trusted=False, most=100))
            second = pool.submit(take)
            until(lambda: told.island.books.rows("notification", waiting)[0]["waiting"] or second.done(), bool)
        assert [first, second.result()] == [EACH_MOST[False], 0]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda handler: handler.say(500), 500),
        (lambda handler: handler.say(302, {"Location": "http://127.0.0.1:1/"}), 302),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), None),
        (lambda handler: handler.connection.close(), None),
    ],
)
def test_what_fails_is_tried_again(told: Told, somebody: Somebody, answer: Answer, status: int | None) -> None:
    """After a pause, under the same id; an address that flaps gets it in the end."""
    seller = somebody()
    with Listener(answer) as here:
        hook = told.hook(seller, here.url)
        event = told.paid(somebody(), seller)
        told.tell(event)
        told.send()
        assert statuses(told, seller, hook.id) == [("pending", 1, status)]
        with told.island.later(timedelta(minutes=1)):
            told.send()
            assert statuses(told, seller, hook.id) == [("pending", 2, status)]
        here.answer = lambda handler: handler.say(200)
        with told.island.later(timedelta(minutes=5)):
            told.send()
        assert statuses(told, seller, hook.id) == [("delivered", 3, 200)]
        (delivery,) = told.deliveries(seller, hook.id)
        last, *failed = delivery.attempt_log
        assert (last.at, last.response_status, last.error) == (delivery.last_attempt_at, 200, None)
        assert [(each.response_status, bool(each.error)) for each in failed] == [(status, True)] * 2
        assert last.at > failed[0].at > failed[1].at > delivery.created_at
        assert all(each.duration_ms >= 0 for each in delivery.attempt_log)
        assert {came.headers["webhook-id"] for came in here.received} == {event.id}


def test_what_is_never_taken_has_failed_after_72_hours(told: Told, somebody: Somebody) -> None:
    """It is shown so, and can be asked for again."""
    seller = somebody()
    with Listener(lambda handler: handler.say(503, {"Retry-After": "60"})) as here:
        hook = told.hook(seller, here.url)
        told.tell(told.paid(somebody(), seller))
        told.send()
        with told.island.later(DELIVERED_WITHIN - timedelta(seconds=30)):
            told.send()
            (delivery,) = told.deliveries(seller, hook.id)
            assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("failed", 2, None)
            here.answer = lambda handler: handler.say(204)
            request = Redeliver(hook.id, delivery.id)
            again = told.island.run("redeliver", request=request, caller=seller.caller)
            assert (again.status, again.id) == ("pending", delivery.id)
        with told.island.later(DELIVERED_WITHIN + timedelta(hours=1)):
            told.send()
        assert statuses(told, seller, hook.id) == [("delivered", 3, 204)]
        assert len({came.headers["webhook-id"] for came in here.received}) == 1


def test_ten_gigabytes_are_a_delivery(told: Told, somebody: Somebody) -> None:
    """Whoever answers 200 has it; the rest of the answer is not read."""
    seller = somebody()
    with Listener(floods) as here:
        hook = told.hook(seller, here.url)
        told.tell(told.paid(somebody(), seller))
        told.send()
        assert statuses(told, seller, hook.id) == [("delivered", 1, 200)]


def disabled(told: Told, seller: Islander, reason: str) -> dict[str, Any]:
    """What the owner is told, once, of a webhook that was disabled."""
    (told_of,) = [row for row in told.rows(seller) if row["type"] == "webhook.disabled"]
    assert told_of["data"]["reason"] == reason
    data: dict[str, Any] = told_of["data"]
    return data


def test_410_disables_at_once(told: Told, somebody: Somebody) -> None:
    """With notice in the owner's feed; nothing waits for it any more, and nothing new is queued until it is enabled."""
    seller = somebody()
    with Listener(lambda handler: handler.say(410)) as here:
        hook = told.hook(seller, here.url)
        told.tell(*(told.paid(somebody(), seller) for _ in range(3)))
        told.send()
        assert {status for status, *_ in statuses(told, seller, hook.id)} == {"failed"}
        assert disabled(told, seller, "gone") == {"webhook_id": hook.id, "url": here.url, "reason": "gone"}
        missed = told.paid(somebody(), seller)
        told.tell(missed)
        told.island.run("enable_webhook", request=EnableWebhook(hook.id), caller=seller.caller)
        told.island.handle("notify_users", missed)
        assert len(told.deliveries(seller, hook.id)) == 3
        assert told.island.violations() == []


def test_nothing_but_failure_disables(told: Told, somebody: Somebody) -> None:
    """For days, and often enough: with notice."""
    seller = somebody()
    with Listener(lambda handler: handler.say(500)) as here:
        hook = told.hook(seller, here.url)
        since = "failing_since = now() - interval '4 days'"
        sql = f"UPDATE webhooks SET failures = :failures, {since} WHERE id = :id RETURNING id"
        told.island.books.rows("notification", sql, id=hook.id, failures=DISABLED_ATTEMPTS - 1)
        told.tell(told.paid(somebody(), seller))
        told.send()
        assert disabled(told, seller, "failing")["webhook_id"] == hook.id
        assert statuses(told, seller, hook.id) == [("failed", 1, 500)]


def test_what_was_taken_and_not_sent_is_sent_later(told: Told, somebody: Somebody) -> None:
    """A sender that is killed has the delivery for a minute; then another one sends it."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)
        told.tell(told.paid(somebody(), seller))
        sql = "UPDATE deliveries SET taken_until = now() + interval '1 minute' WHERE webhook_id = :id RETURNING id"
        told.island.books.rows("notification", sql, id=hook.id)
        told.send()
        assert here.received == []
        with told.island.later(timedelta(seconds=61)):
            told.send()
        assert len(here.received) == 1


def test_a_webhook_that_is_deleted_meanwhile(told: Told, somebody: Somebody) -> None:
    """What comes of the attempt is of no matter, and nothing fails."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)

        def deleted(handler: Handler) -> None:
            told.island.run("delete_webhook", request=DeleteWebhook(hook.id), caller=seller.caller)
            handler.say(204)

        here.answer = deleted
        told.tell(told.paid(somebody(), seller))
        told.send()
        assert len(here.received) == 1
        assert told.island.violations() == []


def test_a_delivery_that_cannot_be_read_holds_up_no_other(told: Told, somebody: Somebody) -> None:
    """Its row is spoilt: the one behind it, to the same address, is delivered by the next run, and it is recorded."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)
        events = [told.paid(somebody(), seller) for _ in range(2)]
        told.tell(*events)
        first = told.deliveries(seller, hook.id)[0].id
        told.island.tamper("notification", """UPDATE deliveries SET tried = '"nothing"' WHERE id = :id""", id=first)
        assert sum(told.send()["delivered"] for _ in range(2)) == 1
        assert [came.headers["webhook-id"] for came in here.received] == [events[1].id]
        assert told.island.failing("notification", "send_deliveries") == [f"{hook.id} {first}"]
        told.island.tamper("notification", "UPDATE deliveries SET tried = '[]' WHERE id = :id", id=first)
        with told.island.later(timedelta(minutes=2)):
            assert told.send()["delivered"] == 1
    assert told.island.failing("notification", "send_deliveries") == []


def test_an_attempt_that_cannot_be_kept_holds_up_no_other(
    told: Told, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an address brings about is stored for the others that arrived with it; this one is tried again later."""
    seller = somebody()
    with Listener() as here:
        hook = told.hook(seller, here.url)
        told.tell(*[told.paid(somebody(), seller) for _ in range(3)])
        first = told.deliveries(seller, hook.id)[0].id
        save = DeliveryStore.save

        def poisoned(store: DeliveryStore, delivery: Delivery, parcel: Parcel) -> None:
            spoilt = replace(delivery, error="\x00") if delivery.id == first else delivery  # PostgreSQL keeps none
            save(store, spoilt, parcel)

        with monkeypatch.context() as patch:
            patch.setattr(DeliveryStore, "save", poisoned)
            done = told.send()
        assert (done["delivered"], done["lost"]) == (2, 1)
        assert told.island.failing("notification", "send_deliveries") == [f"{hook.id} {first}"]
        with told.island.later(timedelta(minutes=2)):
            assert told.send()["delivered"] == 1
    assert {d.status for d in told.deliveries(seller, hook.id)} == {"delivered"}
    assert told.island.failing("notification", "send_deliveries") == []
