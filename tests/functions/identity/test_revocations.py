"""The listener that tells each region's Redis which sessions have ended, and that it knows of all of them."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from functions.identity.adapters.work import Work
from functions.identity.sign_out import SignOut, sign_out
from shared.auth import revocations
from shared.auth.revocations import TRUSTED_SECONDS, WINDOW, RevocationListener
from shared.auth.sessions import ALIVE_SECONDS, DEMAND, DEMAND_SECONDS, HEARTBEAT
from shared.errors import Unavailable
from shared.resources import Resources
from tests.clocks import START, FakeClock
from tests.functions.identity.fakes import ApiUser
from tests.functions.identity.test_sign_out import Opened, elsewhere, entered

__all__ = ["elsewhere"]


@dataclass
class Regions:
    """The region of `real_work`, and another one, whose Redis hears of a session's end by its listener alone."""

    other: Resources
    monotonic: float = 0.0
    listener: RevocationListener = field(init=False)

    def __post_init__(self) -> None:
        other = self.other
        self.listener = RevocationListener(
            other.firestore, other.breaker("firestore"), other.sessions(), other.clock, lambda: self.monotonic
        )


@pytest.fixture
def regions(settings: Any, elsewhere: Opened) -> Regions:
    """Two regions with one Firestore. They share a Valkey, of which each has a database of its own."""
    there = structs.replace(settings, redis_url=settings.redis_url[:-1] + "1")
    opened = elsewhere()
    other = Resources(there, opened.clock)
    list(other.firestore().collection("sessions").limit(1).stream())  # a client's first call takes seconds
    other.redis().flushdb()
    return Regions(other)


def test_an_end_is_known_elsewhere_after_a_round(real_work: Work, person: ApiUser, regions: Regions) -> None:
    """A region that holds the session for alive hears of its end, whatever happens to the event."""
    session_id, token = entered(real_work, person)
    sessions = regions.other.sessions()
    regions.listener.follow()
    assert sessions.alive(session_id, START)
    sign_out(SignOut(refresh_token=token), real_work)
    assert regions.listener.follow() == 1
    assert not sessions.alive(session_id, START)
    assert regions.listener.follow() == 0


def test_alive_is_trusted_only_with_a_heartbeat(
    real_work: Work, person: ApiUser, regions: Regions, elsewhere: Opened
) -> None:
    """Without a listener each check asks Firestore, which knows of the end."""
    session_id, token = entered(real_work, person)
    sessions = regions.other.sessions()
    regions.listener.follow()
    assert sessions.alive(session_id, START)
    assert 0 < regions.other.redis().pttl(HEARTBEAT) <= TRUSTED_SECONDS * 1000
    sign_out(SignOut(refresh_token=token), real_work)
    assert sessions.alive(session_id, START), "for a second the region may not have heard of it"
    regions.other.redis().delete(HEARTBEAT)
    assert not sessions.alive(session_id, START)


def test_a_heartbeat_ends_by_itself(regions: Regions) -> None:
    """A listener that hangs is noticed within a second, by nobody doing anything."""
    regions.listener.follow()
    deadline = time.monotonic() + 5
    while regions.other.redis().exists(HEARTBEAT):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_rests_while_nobody_asks(real_work: Work, person: ApiUser, regions: Regions) -> None:
    """Who asks first is answered by Firestore, and wakes it; so does whoever finds that Redis has forgotten."""
    session_id, token = entered(real_work, person)
    sessions = regions.other.sessions()
    for _ in range(2):
        assert not regions.listener.attend()
        assert not regions.other.redis().exists(HEARTBEAT)
        assert sessions.alive(session_id, START)
        assert regions.listener.attend()
        assert sessions.alive(session_id, START)
        assert 0 < regions.other.redis().ttl(DEMAND) <= DEMAND_SECONDS
        regions.other.redis().flushdb()
        assert sessions.alive(session_id, START), "it is not known yet that Redis has forgotten"
        regions.other.redis().flushdb()
    sign_out(SignOut(refresh_token=token), real_work)
    assert not sessions.alive(session_id, START)


def test_a_slow_answer_is_worth_less(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat counts from when Firestore was asked; an answer that took a second is worth nothing."""
    asked = regions.listener._ended

    def slow(seconds: float) -> Callable[[], frozenset[str]]:
        def ended() -> frozenset[str]:
            found = asked()
            regions.monotonic += seconds
            return found

        return ended

    monkeypatch.setattr(regions.listener, "_ended", slow(0.7))
    regions.listener.follow()
    assert 0 < regions.other.redis().pttl(HEARTBEAT) <= 300
    regions.other.redis().delete(HEARTBEAT)
    monkeypatch.setattr(regions.listener, "_ended", slow(1.0))
    regions.listener.follow()
    assert not regions.other.redis().exists(HEARTBEAT)


def test_what_was_missed_is_made_up_for(real_work: Work, person: ApiUser, regions: Regions, clock: FakeClock) -> None:
    """A listener that was away as long as anybody may hold a session for alive still hears of its end."""
    session_id, token = entered(real_work, person)
    regions.listener.follow()
    assert regions.other.sessions().alive(session_id, START)
    sign_out(SignOut(refresh_token=token), real_work)
    clock.pass_by(seconds=ALIVE_SECONDS)
    assert regions.listener.follow() == 1
    assert not regions.other.sessions().alive(session_id, clock.now())
    assert timedelta(seconds=ALIVE_SECONDS) < WINDOW


def test_redis_that_fails_gets_it_again(
    real_work: Work, person: ApiUser, regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that was not recorded is recorded by a later round, and until then there is no heartbeat."""
    session_id, token = entered(real_work, person)
    sign_out(SignOut(refresh_token=token), real_work)
    sessions = regions.other.sessions()

    def fails(_: Collection[str]) -> None:
        raise Unavailable

    with monkeypatch.context() as away:
        away.setattr(sessions, "record_all_ended", fails)
        with pytest.raises(Unavailable):
            regions.listener.follow()
    assert not regions.other.redis().exists(HEARTBEAT)
    assert regions.listener.follow() == 1
    assert regions.other.redis().get(f"session:{session_id}") == b"ended"


def test_it_goes_on_after_failures(elsewhere: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Firestore is away there is no heartbeat; the loop neither ends nor gives up."""
    monkeypatch.setattr(revocations, "EVERY_SECONDS", 0.01)
    listener, stop, rounds = elsewhere(firestore=False).revocations(), threading.Event(), list[int]()

    def attend() -> bool:
        rounds.append(len(rounds))
        if len(rounds) == 3:
            stop.set()
        raise Unavailable

    monkeypatch.setattr(listener, "attend", attend)
    listener.run(stop)
    assert len(rounds) == 3
