"""Being told: once, in one order, of what concerns oneself; whatever comes again, late, or is made anew."""

import threading
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
import pytest

from emulators.buyer import Person
from emulators.stack import Stack
from functions import main
from functions.notification.domain.concerning import Notice
from functions.notification.domain.webhook import KEPT
from functions.notification.store.feeds import FeedStore
from shared.contracts.events import StoredEvent, opened
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.outbox import replay
from shared.outbox.comparison import Comparison
from shared.outbox.verify import Verified
from shared.registry import load
from shared.runtime.event import inbox
from tests.books import Books
from tests.functions.notification.conftest import Told
from tests.island import Island, Islander
from tests.triggers import Triggers

Somebody = Callable[[], Islander]
ROW = load().rows["notify_users"]


def test_everybody_is_told_once(told: Told, somebody: Somebody) -> None:
    """The buyer and the merchant, each in their own feed, however often the event comes; a stranger of nothing."""
    buyer, seller, stranger = somebody(), somebody(), somebody()
    event = told.paid(buyer, seller)
    assert told.tell(event, event, event) == ["applied", "known", "known"]
    told.island.handle("notify_users", event)  # an inbox that has forgotten it
    for each in (buyer, seller):
        (row,) = told.rows(each)
        assert (row["position"], row["event_id"], row["type"], row["data"]) == (1, event.id, event.type, event.data)
    assert told.rows(stranger) == []
    assert told.island.violations() == []


def test_events_that_come_in_the_wrong_order_are_told_in_theirs(told: Told, somebody: Somebody) -> None:
    """The later ones of a stream wait for the first; places are given as they are applied."""
    buyer, seller = somebody(), somebody()
    first = told.paid(buyer, seller)
    later = [told.paid(buyer, seller, version, first.stream) for version in (2, 3, 4)]
    assert told.tell(*reversed(later), first) == ["parked", "parked", "parked", "applied"]
    assert [(row["position"], row["version"]) for row in told.rows(seller)] == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_many_at_once_have_places_without_gaps(told: Told, somebody: Somebody) -> None:
    """One merchant, many orders, several deliveries at the same moment."""
    seller = somebody()
    events = [told.paid(somebody(), seller) for _ in range(24)]
    deliver = [threading.Thread(target=told.tell, args=events[each::6]) for each in range(6)]
    for thread in deliver:
        thread.start()
    for thread in deliver:
        thread.join()
    rows = told.rows(seller)
    assert [row["position"] for row in rows] == list(range(1, 25))
    assert {row["event_id"] for row in rows} == {event.id for event in events}
    assert told.island.violations() == []


def test_a_forged_push_is_refused(
    triggers: Triggers, told: Told, somebody: Somebody, books: Books, stack: Stack
) -> None:
    """Without the stack's secret nobody is told anything; nor by what fits no contract, or is of no type of ours."""
    event = told.paid(somebody(), somebody())
    address = f"http://{stack.environment['FUNCTIONS_ADDRESS']}/_events/notify_users"
    for query in ("", "?token=", "?token=wrong"):
        assert httpx.post(address + query, json={"message": {"attributes": {}, "data": ""}}).status_code == 401
    wrong = {"order_id": 7, "user_id": ["usr"], "merchant_id": {}}
    assert triggers.received("notify_users", msgspec.structs.replace(event, data=wrong)) == "dead"
    sql = "SELECT user_id FROM activity WHERE stream = :id"
    assert books.rows("notification", sql, id=event.stream) == []
    sql = "DELETE FROM parked WHERE stream = :id RETURNING reason"  # nobody can tell what it should have been
    assert books.rows("notification", sql, id=event.stream) == [{"reason": "unread"}]


# Webhooks


def test_only_what_concerns_its_owner_is_queued(told: Told, somebody: Somebody) -> None:
    """And only of the types that were asked for, once each."""
    seller, other = somebody(), somebody()
    mine, theirs = told.hook(seller, "http://127.0.0.1:1/"), told.hook(other, "http://127.0.0.1:1/")
    refunds = told.hook(seller, "http://127.0.0.1:1/", "order.refunded")
    event = told.paid(somebody(), seller)
    told.tell(event, event)
    told.island.handle("notify_users", event)
    assert [each.event_id for each in told.deliveries(seller, mine.id)] == [event.id]
    assert told.deliveries(seller, refunds.id) == told.deliveries(other, theirs.id) == []
    assert told.island.violations() == []


def test_what_was_before_a_webhook_is_not_sent_to_it(told: Told, somebody: Somebody) -> None:
    """Nor what is applied when nobody remembers any more whether it was delivered."""
    seller = somebody()
    before = told.paid(somebody(), seller)
    hook = told.hook(seller, "http://127.0.0.1:1/")
    after = told.paid(somebody(), seller)
    told.tell(before, after)
    assert [each.event_id for each in told.deliveries(seller, hook.id)] == [after.id]
    with told.island.later(KEPT):
        told.tell(told.paid(somebody(), seller))
    assert [each.event_id for each in told.deliveries(seller, hook.id)] == [after.id]


def test_old_deliveries_are_forgotten(told: Told, somebody: Somebody) -> None:
    """Those that came to an end; what waits is kept, however long."""
    seller = somebody()
    hook = told.hook(seller, "http://127.0.0.1:1/")
    ended, waiting = told.paid(somebody(), seller), told.paid(somebody(), seller)
    told.tell(ended, waiting)
    sql = "UPDATE deliveries SET status = 'failed', due_at = NULL WHERE event_id = :id RETURNING id"
    told.island.books.rows("notification", sql, id=ended.id)
    with told.island.later(KEPT + timedelta(minutes=1)):
        assert told.island.run("forget_deliveries")["forgotten"] >= 1
    assert [each.event_id for each in told.deliveries(seller, hook.id)] == [waiting.id]


# Made anew


class Source:
    """The stores of other services, as far as a test has told of them."""

    def __init__(self, island: Island, *events: StoredEvent) -> None:
        self._events = events
        self.comparison = Comparison(ROW, island.resources.database("notification"), self._list, island.resources.clock)

    def _list(self, source: str, asked: ListRequest) -> ListResponse:
        last = {event.stream: event for event in self._events} if source == "order" and not asked.after else {}
        streams = [
            ListResponse.Stream(stream=event.stream, type=event.type, version=event.version) for event in last.values()
        ]
        return ListResponse(streams=streams, position=1, more=False)

    def read(self, event_type: str, stream: str, from_version: int) -> list[StoredEvent]:
        ours = [event for event in self._events if event.stream == stream and event_type.startswith("order.")]
        return [event for event in ours if event.version >= from_version]

    def rebuild(self, island: Island) -> None:
        """All of it again, as the worker does it."""
        assert self.comparison.replay(None, 0).anew
        with island.later(timedelta(seconds=30)):
            while inbox(island.bound("notify_users"), island.resources.clock).fill_gaps(self.read):
                pass


def verified(island: Island, source: Source) -> Verified:
    """The items, made anew beside the live ones from what the source has, and compared."""
    with (
        patch.object(main, "resources", lambda: island.resources),
        patch("shared.outbox.source.Sources.read", lambda _self, *asked: source.read(*asked)),
    ):
        (found,) = [each for service, each in main.projections() if each.name == "activity"]
        result: Verified = found.verify(island.resources.database("notification"))
        return result


def test_a_rebuilt_feed_is_the_live_one(told: Told, somebody: Somebody) -> None:
    """Damaged and false items are put right where they stand, places stay, nothing is sent again; verifying tells."""
    buyer, seller = somebody(), somebody()
    hook = told.hook(seller, "http://127.0.0.1:1/")
    first = told.paid(buyer, seller)
    events = [first, told.paid(buyer, seller, 2, first.stream), told.paid(somebody(), seller)]
    told.tell(*events)
    source = Source(told.island, *events)
    before, queued = told.rows(seller), told.deliveries(seller, hook.id)
    streams = {event.stream for event in events}
    assert [each for each in verified(told.island, source).differences if each.subject.split()[0] in streams] == []
    sql = (
        "UPDATE activity SET data = '{}', type = 'order.failed' WHERE user_id = :id AND position = 2 RETURNING position"
    )
    told.island.books.rows("notification", sql, id=seller.user_id)
    stranger = somebody()
    with told.island.resources.database("notification").transaction() as transaction:
        work = told.island.bound("notify_users").work(transaction, None)
        false = opened(msgspec.structs.replace(first, version=3))
        work.notices.note(false, [Notice(stranger.user_id, {}, in_feed=True)])
    differing = [each for each in verified(told.island, source).differences if each.subject.split()[0] in streams]
    assert {str(each) for each in differing} == {
        f"{first.stream} version 2 for {seller.user_id}: data, type",
        f"{first.stream} version 3 for {stranger.user_id}: at, data, event_id, stream, type, user_id, version",
    }
    source.rebuild(told.island)
    after = told.rows(seller)
    assert [{**row, "revision": 0, "published": 0} for row in after] == [
        {**row, "revision": 0, "published": 0} for row in before
    ]
    assert all(new["revision"] > old["revision"] for new, old in zip(after, before, strict=True))
    assert told.deliveries(seller, hook.id) == queued


def test_who_is_no_longer_concerned_is_shown_nothing(told: Told, somebody: Somebody) -> None:
    """Their place stays, so that their cursors do; the item is hidden."""
    buyer, seller, stranger = somebody(), somebody(), somebody()
    event = told.paid(buyer, seller)
    with told.island.resources.database("notification").transaction() as transaction:
        work = told.island.bound("notify_users").work(transaction, None)
        everybody = [Notice(each.user_id, event.data, in_feed=True) for each in (buyer, seller, stranger)]
        work.notices.note(opened(event), everybody)
    told.tell(event)
    told.island.run("publish_activity")
    assert [row["type"] for row in told.rows(stranger)] == [""]
    assert told.feed(stranger).items == []
    assert [item.id for item in told.feed(buyer).items] == [event.id]


# Documents


def documents(told: Told) -> FeedStore:
    """What readers see of the island's feeds."""
    return FeedStore(told.island.resources, ["us"])


def test_an_older_revision_never_takes_a_newer_ones_place(told: Told, somebody: Somebody) -> None:
    """A writer that comes late, or twice, or at the same moment as another, changes nothing."""
    reader = somebody()
    told.tell(told.paid(reader, somebody()))
    (row,) = told.rows(reader)
    with told.island.resources.database("notification").transaction() as transaction:
        found = told.island.bound("publish_activity").work(transaction, None).notices.unpublished(400)
    (item,) = (each for each in found if each.user_id == reader.user_id)
    newer, newest = (changed(item, revision=item.revision + more) for more in (5, 9))
    store = documents(told)
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


def test_documents_are_compared_with_their_items(told: Told, somebody: Somebody) -> None:
    """One that is lost, or says something else, is found, and mended by a rebuild."""
    buyer, seller = somebody(), somebody()
    events = [told.paid(buyer, seller) for _ in range(3)]
    told.tell(*events)
    told.island.run("publish_activity")
    store = documents(told)

    def differing() -> set[str]:
        with patch.object(main, "resources", lambda: told.island.resources):
            (found,) = [each for _, each in main.projections() if each.name == "documents of activity"]
            result: Verified = found.verify(told.island.resources.database("notification"))
        return {each.subject for each in result.differences if each.subject.startswith(buyer.user_id)}

    assert differing() == set()
    lost, spoilt = (store.reference(buyer.user_id, "us", position) for position in (1, 3))
    lost.delete()
    spoilt.update({"item": None})
    assert differing() == {lost.id, spoilt.id}
    assert told.feed(buyer).items == []  # a reader stops before what is lost, and misses nothing
    Source(told.island, *events).rebuild(told.island)
    told.island.run("publish_activity")
    assert differing() == set()
    assert [item.id for item in told.feed(buyer).items] == [event.id for event in events]


# On the whole stack


def test_a_purchase_is_told_to_its_buyer(
    buyer: Person,
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


def test_a_replay_says_what_it_does(capsys: pytest.CaptureFixture[str], island: Island) -> None:
    """python -m shared.outbox.replay makes a projection anew, and says so."""
    with (
        patch.object(replay, "resources", lambda: island.resources),
        patch("shared.outbox.source.Sources.list", lambda *_: ListResponse()),
    ):
        assert replay.main(["--consumer", "notify_users"]) == 0
    assert capsys.readouterr().out == "0 streams are applied anew\n"
