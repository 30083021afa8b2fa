"""Reading one's own feed, and long polling."""

import base64
import json
import threading
import time
from collections.abc import Callable

import pytest

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from functions.notification.adapters.feeds import LongPollSlots
from functions.notification.views import ActivityListView
from shared.jobs.failures import FIRST_PAUSE
from tests.functions.notification.conftest import Harness
from tests.isolated_services import IsolatedUser
from tests.problems import refused

Somebody = Callable[[], IsolatedUser]


def test_pages_are_the_feed_in_pieces(harness: Harness, somebody: Somebody) -> None:
    """Oldest first, each item once, whatever the limit; the cursor is never null, and continues when there is more."""
    reader = somebody()
    events = [harness.paid(reader, somebody()) for _ in range(5)]
    harness.consume(*events)
    harness.isolated.run("publish_activity")
    for limit in (1, 2, 5, 100):
        seen, cursor = list[str](), None
        for _ in range(6):
            view = harness.feed(reader, limit=limit, cursor=cursor)
            assert len(view.items) <= limit
            seen, cursor = seen + [item.id for item in view.items], view.next_cursor
        assert seen == [event.id for event in events]
    late = harness.paid(reader, somebody())
    harness.consume(late)
    harness.isolated.run("publish_activity")
    assert [item.id for item in harness.feed(reader, cursor=cursor).items] == [late.id]


def test_nobody_reads_anothers_feed(harness: Harness, somebody: Somebody) -> None:
    """Not even with their cursor: places are each user's own."""
    reader, stranger = somebody(), somebody()
    harness.consume(harness.paid(reader, somebody()))
    harness.isolated.run("publish_activity")
    cursor = harness.feed(reader).next_cursor
    assert harness.feed(stranger).items == harness.feed(stranger, cursor=cursor).items == []


def test_a_waiting_reader_is_answered_at_once(harness: Harness, somebody: Somebody) -> None:
    """The answer comes with the next item."""
    reader = somebody()
    view = list[ActivityListView]()
    waiting = threading.Thread(target=lambda: view.append(harness.feed(reader, wait_seconds=20)))
    waiting.start()
    event = harness.paid(reader, somebody())
    harness.consume(event)
    harness.isolated.run("publish_activity")
    waiting.join()
    assert [item.id for item in view[0].items] == [event.id]


def test_a_wait_without_an_item_is_answered_in_time(harness: Harness, somebody: Somebody) -> None:
    """With nothing, and a cursor all the same."""
    began = time.monotonic()
    view = harness.feed(somebody(), wait_seconds=1)
    assert (view.items, base64.b64decode(view.next_cursor)) == ([], b"us:0,eu:0,as:0")
    assert time.monotonic() - began >= 1


def test_few_wait_at_once() -> None:
    """Everybody once, and so many in all: the others find threads left."""
    waiting = LongPollSlots(2)
    assert [waiting.enter(user) for user in ("a", "a", "b", "c")] == [True, False, True, False]
    waiting.leave("a")
    assert waiting.enter("c")


def test_waiting_readers_do_not_block_others(anyone: Callable[[], ApiUser]) -> None:
    """Many more wait than there are threads: other requests are answered all the same."""
    people = [anyone() for _ in range(6)]
    done = list[int]()

    def wait(person: ApiUser) -> None:
        done.append(person.request("GET", "/v1/activity?wait_seconds=3").status_code)

    threads = [threading.Thread(target=wait, args=(person,)) for person in people for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(done), lambda count: count >= len(threads) - 4)  # whoever finds no room is answered at once
    assert people[0].request("GET", "/v1/me").status_code == 200
    for thread in threads:
        thread.join()
    assert set(done) == {200}


@pytest.mark.parametrize(
    "query", ["wait_seconds=21", "wait_seconds=-1", "wait_seconds=x", "wait_seconds=1.5", "cursor=eA=="]
)
def test_malformed_queries_are_refused(buyer: ApiUser, query: str) -> None:
    """By the name of what is wrong."""
    refused(buyer.request("GET", f"/v1/activity?{query}"), 400, "VALIDATION_FAILED", query.split("=", maxsplit=1)[0])


def test_it_needs_a_token(anyone: Callable[[], ApiUser]) -> None:
    """Any that is good."""
    person = anyone()
    person.access_token = "nonsense"
    refused(person.request("GET", "/v1/activity"), 401, "UNAUTHENTICATED")


def test_an_item_that_cannot_be_published_holds_up_no_other(harness: Harness, somebody: Somebody) -> None:
    """It exceeds Firestore's document size: the other items, of other users too, are published all the same."""
    reader, other = somebody(), somebody()
    events = [harness.paid(reader, somebody()) for _ in range(2)]
    harness.consume(events[0], harness.paid(other, somebody()), events[1])
    grown = "UPDATE activity SET data = data || :more::jsonb WHERE user_id = :user_id AND position = 1"
    more = json.dumps({"more": "x" * 1_100_000})
    harness.isolated.tamper("notification", grown, more=more, user_id=reader.user_id)
    done = harness.isolated.run("publish_activity")
    assert done["failed"] == 1
    assert len(harness.feed(other).items) == 1
    waiting = "SELECT position FROM unpublished WHERE user_id = :user_id"
    assert harness.isolated.probe.rows("notification", waiting, user_id=reader.user_id) == [{"position": 1}]
    assert harness.feed(reader).items == []  # readers stop before a gap
    assert harness.isolated.failing("notification", "publish_activity") == [f"{reader.user_id} 1"]
    shrunk = "UPDATE activity SET data = data - 'more' WHERE user_id = :user_id AND position = 1"
    harness.isolated.tamper("notification", shrunk, user_id=reader.user_id)
    with harness.isolated.later(FIRST_PAUSE):
        harness.isolated.run("publish_activity")
    assert [item.id for item in harness.feed(reader).items] == [event.id for event in events]
    assert harness.isolated.failing("notification", "publish_activity") == []
