"""The Firestore outbox has the guarantees of the PostgreSQL one."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import Conflict
from google.cloud.firestore import Client

from shared import ids
from shared.clock import SystemClock
from shared.contracts.events import StoredEvent
from shared.outbox import firestore as outbox
from shared.outbox.firestore import FirestoreRelay
from shared.outbox.log import StreamPage, StreamQuery
from shared.resources import Resources
from shared.telemetry.context import bind
from tests.clocks import FakeClock
from tests.shared.outbox.buses import RecordingBus
from tests.shared.outbox.sample_events import NOBODY, TYPE, Claimed, event, stream


@pytest.fixture
def client(resources: Resources) -> Iterator[Client]:
    """A Firestore database that nobody else sees."""
    opened = Client(project=f"test-{secrets.token_hex(6)}")
    yield opened
    opened.close()


@pytest.fixture
def bus() -> RecordingBus:
    """A bus that remembers."""
    return RecordingBus()


@pytest.fixture
def relay(client: Client, bus: RecordingBus) -> FirestoreRelay:
    """A relay of that database."""
    return FirestoreRelay("identity", client, bus, SystemClock())


def append(client: Client, clock: FakeClock, name: str, *versions: int) -> None:
    """Commit facts of a stream together with a state."""
    batch = client.batch()
    for version in versions:
        outbox.append(client, batch, "us", clock.now(), name, version, Claimed(name, str(version)))
    batch.set(client.document(f"states/{name}"), {"version": max(versions)})
    batch.commit()


def read(client: Client, name: str, from_version: int = 1, most: int = 10) -> list[StoredEvent]:
    """The events of a stream."""
    return outbox.read_stream(client, name, from_version, most)


def test_a_fact_is_read_as_it_was_appended(client: Client, clock: FakeClock) -> None:
    """Type, version, time, data and trace context."""
    name = stream()
    bind("request-1")
    append(client, clock, name, 1)
    (event,) = read(client, name)
    assert (event.type, event.stream, event.version, event.at) == (TYPE, name, 1, clock.now())
    assert event.data == {"claim_id": name, "order_id": "1", "user_id": NOBODY}
    assert event.metadata["request_id"] == "request-1"
    assert ids.parse(event.id, "evt").cell == "us"


def test_a_version_is_taken_once(client: Client, clock: FakeClock) -> None:
    """The second writer of a version commits neither its event nor its state."""
    name = stream()
    append(client, clock, name, 1, 2)
    with pytest.raises(Conflict):
        append(client, clock, name, 2, 3)
    assert [event.version for event in read(client, name)] == [1, 2]
    assert client.document(f"states/{name}").get().get("version") == 2


def test_a_stream_is_read_in_parts(client: Client, clock: FakeClock) -> None:
    """From a version on, oldest first, up to the requested number."""
    name = stream()
    append(client, clock, name, *range(1, 8))
    assert [event.version for event in read(client, name, 3, 3)] == [3, 4, 5]
    assert read(client, name, 8) == []
    assert read(client, stream()) == []


def test_what_was_committed_is_published_in_order(
    client: Client, clock: FakeClock, relay: FirestoreRelay, bus: RecordingBus
) -> None:
    """Once, oldest first, versions of one moment in their order; what is sent is not sent again."""
    first, second = stream(), stream()
    append(client, clock, first, 1, 2)
    append(client, clock, second, 1)
    clock.pass_by(seconds=1)
    append(client, clock, first, *range(3, 13))
    relay.drain()
    assert [event.version for event in bus.delivered([first], 12)] == list(range(1, 13))
    assert [event.version for event in bus.delivered([second], 1)] == [1]
    relay.drain()
    assert len(bus.events) == 13


def test_what_fails_goes_out_later(client: Client, clock: FakeClock, relay: FirestoreRelay, bus: RecordingBus) -> None:
    """A failed publish leaves the rest of the stream, which the next try begins with."""
    name = stream()
    append(client, clock, name, 1, 2, 3)
    bus.refused = {(name, 2)}
    relay.drain()
    assert [event.version for event in bus.events] == [1]
    bus.refused = set()
    relay.drain()
    assert [event.version for event in bus.events] == [1, 2, 3]


def test_a_crash_publishes_again(client: Client, clock: FakeClock, relay: FirestoreRelay, bus: RecordingBus) -> None:
    """What was published and not marked goes out once more."""
    name = stream()
    append(client, clock, name, 1, 2)
    bus.crash = True
    with pytest.raises(ConnectionError):
        relay.drain()
    bus.crash = False
    relay.drain()
    assert [event.version for event in bus.events] == [1, 2, 1, 2]


def test_a_stuck_batch_holds_up_no_other_stream(
    client: Client, clock: FakeClock, relay: FirestoreRelay, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though more events are stuck than a batch holds, others go out; and later these, in order."""
    monkeypatch.setattr(outbox, "BATCH", 3)
    stuck, other = stream(), stream()
    while partition(other) == partition(stuck):
        other = stream()
    append(client, clock, stuck, *range(1, 8))
    clock.pass_by(seconds=1)
    append(client, clock, other, 1, 2)
    bus.refused = {(stuck, 1)}
    for _ in range(2):
        while relay.drain():
            pass
        assert {event.stream for event in bus.events} == {other}
    bus.refused = set()
    while relay.drain():
        pass
    assert [event.version for event in bus.delivered([stuck], 7)] == list(range(1, 8))
    assert len(bus.events) == 9


def partition(name: str) -> int:
    return event(name, 1).partition()


def test_streams_are_listed_as_they_were_added_to(client: Client, clock: FakeClock) -> None:
    """Each at its last version, page by page, from a time on."""
    first, second = stream(), stream()
    append(client, clock, first, 1, 2)
    clock.pass_by(seconds=60)
    began = clock.now()
    append(client, clock, second, 1)

    def listed(**query: Any) -> StreamPage:
        return outbox.list_streams(client, StreamQuery(**query), clock.now())

    found = listed()
    assert ({name: version for name, _, version in found.streams}, found.more) == ({first: 2, second: 1}, False)
    position = found.position
    assert listed(after=position) == StreamPage([], position, False, last=found.last)
    assert [name for name, _, _ in listed(since=began).streams] == [second]
    assert [name for name, _, _ in listed(before=began).streams] == [first]
    assert [name for name, _, _ in listed(until=position - 1).streams] == [first]
    assert listed(types=["user.unheard"]).streams == []
    assert (listed(until=found.last).position, found.last) == (found.last, position)
    clock.pass_by(seconds=1)
    append(client, clock, second, 2)
    assert [(name, version) for name, _, version in listed(after=position).streams] == [(second, 2)]
    assert listed().last == found.last + 1_000_000
