"""A service's worker: gaps are filled whatever fails, and a worker that cannot continue exits."""

import threading
import time
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.outbox.source import Sources
from shared.resources import Resources
from shared.runtime import worker
from tests.shared.conftest import SERVICE

PATIENCE_SECONDS = 20.0


class Box:
    """A consumer that fails to be looked after in every way before it is."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.filled = threading.Event()

    def run_once(self, stop: threading.Event) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.filled.set()


def test_gaps_are_filled_whatever_failed_before(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is down, or a defect, costs one consumer one try, and no other consumer anything."""
    failing, other = Box(Unavailable("down"), KeyError("a defect"), RuntimeError("another")), Box()
    boxes = iter([failing, other])
    monkeypatch.setattr(worker, "FILL_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(worker, "_ConsumerMaintenance", lambda *_: next(boxes))
    stop = threading.Event()
    consumers: list[Any] = [None, None]
    filler = threading.Thread(target=worker.fill, args=("order", Resources(settings), consumers, stop, "us"))
    filler.start()
    try:
        assert other.filled.wait(PATIENCE_SECONDS)
        assert failing.filled.wait(PATIENCE_SECONDS)
    finally:
        stop.set()
        filler.join(PATIENCE_SECONDS)
    assert not filler.is_alive()


def test_a_worker_that_cannot_publish_ends(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in its relay ends the whole worker, gap filler too, so that whoever watches it starts it again."""

    class Broken:
        def run(self, stop: threading.Event) -> None:
            raise RuntimeError("a defect")

    monkeypatch.setattr(worker, "_relay", lambda *_: Broken())
    stop = threading.Event()
    with pytest.raises(RuntimeError, match="a defect"):
        worker.work(SERVICE, Resources(own), [], stop)
    assert stop.is_set()
    assert not any(thread.name == "gap filler" for thread in threading.enumerate())


def test_a_worker_stops_on_request(own: Settings, resources: Resources) -> None:
    """In a moment, though nothing was published."""
    stop = threading.Event()
    working = threading.Thread(target=worker.work, args=(SERVICE, Resources(own), [], stop))
    working.start()
    stop.set()
    working.join(PATIENCE_SECONDS)
    assert not working.is_alive()


def read_stream(resources: Resources, consumer: str, event_type: str, stream: str, version: int) -> list[StoredEvent]:
    """A stream as read from its owner, with retries while the owner is slow to wake up, as the gap filler does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return list(Sources(consumer, resources).read(event_type, stream, version, [event_type]).events)
        except Unavailable:
            assert time.monotonic() < deadline, "the owner of the stream does not answer"


def test_a_stream_is_read_from_the_service_that_owns_it(merchant: ApiUser, resources: Resources) -> None:
    """Over the real Events.Read: the events of a wallet are the wallet service's, to any service that consumes."""
    (opened,) = read_stream(resources, "order", "wallet.opened", merchant.wallet_id, 1)
    assert (opened.stream, opened.version, opened.type) == (merchant.wallet_id, 1, "wallet.opened")
    assert opened.data["user_id"] == merchant.user_id
    assert read_stream(resources, "order", "wallet.opened", merchant.wallet_id, 2) == []


def test_a_stream_in_firestore_is_read_too(merchant: ApiUser, resources: Resources) -> None:
    """Identity stores its events elsewhere, and serves them in the same way."""
    (created,) = read_stream(resources, "wallet", "user.created", merchant.user_id, 1)
    assert (created.stream, created.version, created.type) == (merchant.user_id, 1, "user.created")
    assert created.data["address"] == merchant.address
