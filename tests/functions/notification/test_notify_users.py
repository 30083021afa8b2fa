"""Notifying users: once, in order, of their own events; whether these repeat, arrive late, or are replayed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
import pytest

from emulators.demo.api_user import ApiUser
from emulators.stack.stack import Stack
from functions import main
from functions.notification.adapters.feeds import FirestoreFeeds
from functions.notification.domain.recipients import Notice
from functions.notification.domain.webhook import RETENTION
from shared.contracts.events import StoredEvent, decode_event
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.outbox import replay
from shared.outbox.comparison import Comparison
from shared.outbox.log import StreamPart
from shared.outbox.verify import VerificationReport
from shared.registry import load
from shared.runtime.receiver import inbox
from tests.database_probe import DatabaseProbe
from tests.functions.notification.conftest import Harness
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.triggers import Triggers

Somebody = Callable[[], IsolatedUser]
ROW = load().rows["notify_users"]


def test_everybody_is_notified_once(harness: Harness, somebody: Somebody) -> None:
    """The buyer and the merchant, each in their own feed, however often the event comes; a stranger of nothing."""
    buyer, seller, stranger = somebody(), somebody(), somebody()
    event = harness.paid(buyer, seller)
    assert harness.consume(event, event, event) == ["applied", "known", "known"]
    harness.isolated.handle("notify_users", event)  # an inbox that has forgotten it
    for each in (buyer, seller):
        (row,) = harness.rows(each)
        assert (row["position"], row["event_id"], row["type"], row["data"]) == (1, event.id, event.type, event.data)
    assert harness.rows(stranger) == []
    assert harness.isolated.violations() == []


def test_events_that_come_out_of_order_are_listed_in_order(harness: Harness, somebody: Somebody) -> None:
    """The later ones of a stream wait for the first; places are given as they are applied."""
    buyer, seller = somebody(), somebody()
    first = harness.paid(buyer, seller)
    later = [harness.paid(buyer, seller, version, first.stream) for version in (2, 3, 4)]
    assert harness.consume(*reversed(later), first) == ["parked", "parked", "parked", "applied"]
    assert [(row["position"], row["version"]) for row in harness.rows(seller)] == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_many_at_once_have_places_without_gaps(harness: Harness, somebody: Somebody) -> None:
    """One merchant, many orders, several concurrent deliveries."""
    seller = somebody()
    events = [harness.paid(somebody(), seller) for _ in range(24)]
    deliver = [threading.Thread(target=harness.consume, args=events[each::6]) for each in range(6)]
    for thread in deliver:
        thread.start()
    for thread in deliver:
        thread.join()
    rows = harness.rows(seller)
    assert [row["position"] for row in rows] == list(range(1, 25))
    assert {row["event_id"] for row in rows} == {event.id for event in events}
    assert harness.isolated.violations() == []


def test_a_forged_push_is_refused(
    triggers: Triggers, harness: Harness, somebody: Somebody, probe: DatabaseProbe, stack: Stack
) -> None:
    """Pushes without the stack's secret, malformed events and unknown types notify nobody."""
    event = harness.paid(somebody(), somebody())
    address = f"http://{stack.environment['EVENTS_ADDRESS']}/_events/notify_users"
    for query in ("", "?token=", "?token=wrong"):
        assert httpx.post(address + query, json={"message": {"attributes": {}, "data": ""}}).status_code == 401
    wrong = {"order_id": 7, "user_id": ["usr"], "merchant_id": {}}
    assert triggers.received("notify_users", msgspec.structs.replace(event, data=wrong)) == "dead"
    sql = "SELECT user_id FROM activity WHERE stream = :id"
    assert probe.rows("notification", sql, id=event.stream) == []
    sql = "DELETE FROM parked WHERE stream = :id RETURNING reason"  # nobody can tell what it should have been
    assert probe.rows("notification", sql, id=event.stream) == [{"reason": "unread"}]


# Webhooks


def test_only_what_concerns_its_owner_is_queued(harness: Harness, somebody: Somebody) -> None:
    """Only of the subscribed types, once each."""
    seller, other = somebody(), somebody()
    mine, theirs = harness.hook(seller, "http://127.0.0.1:1/"), harness.hook(other, "http://127.0.0.1:1/")
    refunds = harness.hook(seller, "http://127.0.0.1:1/", "order.refunded")
    event = harness.paid(somebody(), seller)
    harness.consume(event, event)
    harness.isolated.handle("notify_users", event)
    assert [each.event_id for each in harness.deliveries(seller, mine.id)] == [event.id]
    assert harness.deliveries(seller, refunds.id) == harness.deliveries(other, theirs.id) == []
    assert harness.isolated.violations() == []


def test_what_was_before_a_webhook_is_not_sent_to_it(harness: Harness, somebody: Somebody) -> None:
    """Nor what is applied when nobody remembers any more whether it was delivered."""
    seller = somebody()
    before = harness.paid(somebody(), seller)
    hook = harness.hook(seller, "http://127.0.0.1:1/")
    after = harness.paid(somebody(), seller)
    harness.consume(before, after)
    assert [each.event_id for each in harness.deliveries(seller, hook.id)] == [after.id]
    with harness.isolated.later(RETENTION):
        harness.consume(harness.paid(somebody(), seller))
    assert [each.event_id for each in harness.deliveries(seller, hook.id)] == [after.id]


def test_old_deliveries_are_forgotten(harness: Harness, somebody: Somebody) -> None:
    """Those that came to an end; what waits is kept, however long."""
    seller = somebody()
    hook = harness.hook(seller, "http://127.0.0.1:1/")
    ended, waiting = harness.paid(somebody(), seller), harness.paid(somebody(), seller)
    harness.consume(ended, waiting)
    sql = "UPDATE deliveries SET status = 'failed', due_at = NULL WHERE event_id = :id RETURNING id"
    harness.isolated.probe.rows("notification", sql, id=ended.id)
    with harness.isolated.later(RETENTION + timedelta(minutes=1)):
        assert harness.isolated.run("purge_deliveries")["forgotten"] >= 1
    assert [each.event_id for each in harness.deliveries(seller, hook.id)] == [waiting.id]


# Made anew


class Source:
    """The event stores of other services, with the events of a test."""

    def __init__(self, isolated: IsolatedServices, *events: StoredEvent) -> None:
        self._events = events
        self.comparison = Comparison(
            ROW, isolated.resources.database("notification"), self._list, isolated.resources.clock
        )

    def _list(self, source: str, params: ListRequest) -> ListResponse:
        last = {event.stream: event for event in self._events} if source == "order" and not params.after else {}
        streams = [
            ListResponse.Stream(stream=event.stream, type=event.type, version=event.version) for event in last.values()
        ]
        return ListResponse(streams=streams, position=1, more=False)

    def read(self, event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        ours = [event for event in self._events if event.stream == stream and event_type.startswith("order.")]
        found = [event for event in ours if event.version >= from_version and event.type in types]
        return StreamPart(found, max((event.version for event in ours), default=0))

    def rebuild(self, isolated: IsolatedServices) -> None:
        """All of it again, as the worker does it."""
        assert self.comparison.replay(None, 0).anew
        with isolated.later(timedelta(seconds=30)):
            while inbox(isolated.bound("notify_users"), isolated.resources.clock, "us").fill_gaps(self.read):
                pass


def verified(isolated: IsolatedServices, source: Source) -> VerificationReport:
    """The items, rebuilt from the source beside the live ones, and compared."""
    with (
        patch.object(main, "resources", lambda: isolated.resources),
        patch("shared.outbox.source.Sources.read", lambda _self, *params: source.read(*params)),
    ):
        (found,) = [each for service, each in main.projections() if each.name == "activity"]
        result: VerificationReport = found.verify(isolated.resources.database("notification"))
        return result


def test_a_rebuilt_feed_is_the_live_one(harness: Harness, somebody: Somebody) -> None:
    """Damaged and false items are corrected in place, positions stay, nothing is sent again; verifying shows them."""
    buyer, seller = somebody(), somebody()
    hook = harness.hook(seller, "http://127.0.0.1:1/")
    first = harness.paid(buyer, seller)
    events = [first, harness.paid(buyer, seller, 2, first.stream), harness.paid(somebody(), seller)]
    harness.consume(*events)
    source = Source(harness.isolated, *events)
    before, queued = harness.rows(seller), harness.deliveries(seller, hook.id)
    streams = {event.stream for event in events}
    assert [each for each in verified(harness.isolated, source).differences if each.subject.split()[0] in streams] == []
    sql = (
        "UPDATE activity SET data = '{}', type = 'order.failed' WHERE user_id = :id AND position = 2 RETURNING position"
    )
    harness.isolated.probe.rows("notification", sql, id=seller.user_id)
    stranger = somebody()
    with harness.isolated.resources.database("notification").transaction() as transaction:
        work = harness.isolated.bound("notify_users").work(transaction, None)
        false = decode_event(msgspec.structs.replace(first, version=3))
        work.notices.record(false, [Notice(stranger.user_id, {}, in_feed=True)])
    differing = [each for each in verified(harness.isolated, source).differences if each.subject.split()[0] in streams]
    assert {str(each) for each in differing} == {
        f"{first.stream} version 2 for {seller.user_id}: data, type",
        f"{first.stream} version 3 for {stranger.user_id}: at, data, event_id, stream, type, user_id, version",
    }
    source.rebuild(harness.isolated)
    after = harness.rows(seller)
    assert [{**row, "revision": 0} for row in after] == [{**row, "revision": 0} for row in before]
    assert all(new["revision"] > old["revision"] for new, old in zip(after, before, strict=True))
    assert harness.deliveries(seller, hook.id) == queued


def test_who_is_no_longer_concerned_is_shown_nothing(harness: Harness, somebody: Somebody) -> None:
    """Their place stays, so that their cursors do; the item is hidden."""
    buyer, seller, stranger = somebody(), somebody(), somebody()
    event = harness.paid(buyer, seller)
    with harness.isolated.resources.database("notification").transaction() as transaction:
        work = harness.isolated.bound("notify_users").work(transaction, None)
        everybody = [Notice(each.user_id, event.data, in_feed=True) for each in (buyer, seller, stranger)]
        work.notices.record(decode_event(event), everybody)
    harness.consume(event)
    harness.isolated.run("publish_activity")
    assert [row["type"] for row in harness.rows(stranger)] == [""]
    assert harness.feed(stranger).items == []
    assert [item.id for item in harness.feed(buyer).items] == [event.id]


# Documents


def documents(harness: Harness) -> FirestoreFeeds:
    """What readers see of the isolated feeds."""
    return FirestoreFeeds(harness.isolated.resources, ["us"])


def test_an_older_revision_never_takes_a_newer_ones_place(harness: Harness, somebody: Somebody) -> None:
    """A late, repeated or concurrent write changes nothing."""
    reader = somebody()
    harness.consume(harness.paid(reader, somebody()))
    (row,) = harness.rows(reader)
    with harness.isolated.resources.database("notification").transaction() as transaction:
        found = harness.isolated.bound("publish_activity").work(transaction, None).notices.unpublished(400)
    (item,) = (each for each in found if each.user_id == reader.user_id)
    newer, newest = (changed(item, revision=item.revision + more) for more in (5, 9))
    store = documents(harness)
    assert list(store.write([newer])) == [newer]
    assert list(store.write([item])) == [item]  # what is there is as good as it, so it counts as written

    def revision() -> int:
        seen: int = store.find([store.reference(reader.user_id, "us", row["position"]).id])[0].get("revision")
        return seen

    assert revision() == newer.revision
    race = [threading.Thread(target=store.write, args=([each],)) for each in (newest, item, newer, newest)]
    for thread in race:
        thread.start()
    for thread in race:
        thread.join()
    store.write([newest])
    assert revision() == newest.revision


def test_documents_are_compared_with_their_items(harness: Harness, somebody: Somebody) -> None:
    """One that is lost, or says something else, is found, and mended by a rebuild."""
    buyer, seller = somebody(), somebody()
    events = [harness.paid(buyer, seller) for _ in range(3)]
    harness.consume(*events)
    harness.isolated.run("publish_activity")
    store = documents(harness)

    def differing() -> set[str]:
        with patch.object(main, "resources", lambda: harness.isolated.resources):
            (found,) = [each for _, each in main.projections() if each.name == "documents of activity"]
            result: VerificationReport = found.verify(harness.isolated.resources.database("notification"))
        return {each.subject for each in result.differences if each.subject.startswith(buyer.user_id)}

    assert differing() == set()
    lost, spoilt = (store.reference(buyer.user_id, "us", position) for position in (1, 3))
    lost.delete()
    spoilt.update({"item": None})
    assert differing() == {lost.id, spoilt.id}
    assert harness.feed(buyer).items == []  # a reader stops before what is lost, and misses nothing
    Source(harness.isolated, *events).rebuild(harness.isolated)
    harness.isolated.run("publish_activity")
    assert differing() == set()
    assert [item.id for item in harness.feed(buyer).items] == [event.id for event in events]


# On the whole stack


def test_a_buyer_is_notified_of_a_purchase(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """By the stack's own events and schedules, in the order of the order's events; and nothing of another's."""
    order = paid_order(buyer, on_sale())
    wanted = {"order.confirmed", "order.paid"}
    cursor, seen = "", list[dict[str, Any]]()
    until = datetime.now(UTC) + timedelta(seconds=60)
    while not wanted <= {item["type"] for item in seen if item["subject"] == order["id"]}:
        assert datetime.now(UTC) < until, seen
        answer = buyer.get(f"/v1/activity?wait_seconds=10{cursor and f'&cursor={cursor}'}")
        seen, cursor = seen + answer["items"], answer["next_cursor"]
    types = [item["type"] for item in seen if item["subject"] == order["id"]]
    assert types == ["order.confirmed", "order.paid"]
    assert len({item["id"] for item in seen}) == len(seen)
    assert all(item["data"].get("user_id", buyer.user_id) == buyer.user_id for item in seen)


def test_a_replay_says_what_it_does(capsys: pytest.CaptureFixture[str], isolated: IsolatedServices) -> None:
    """python -m shared.outbox.replay rebuilds a projection, and says so."""
    with (
        patch.object(replay, "resources", lambda: isolated.resources),
        patch("shared.outbox.source.Sources.list", lambda *_: ListResponse()),
    ):
        assert replay.main(["--consumer", "notify_users"]) == 0
    assert capsys.readouterr().out == "0 streams are applied anew\n"
