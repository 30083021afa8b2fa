"""Sign-out: the session ends in all regions, the event is appended, and what happens while a store is unavailable."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from functions.identity.adapters.work import Work
from functions.identity.domain.errors import InvalidGrant
from functions.identity.domain.sessions import IDLE_LIFE
from functions.identity.refresh_session import RefreshSession, refresh_session
from functions.identity.sign_out import SignOut, sign_out
from shared.auth import sessions as adapter
from shared.auth.sessions import ALIVE_SECONDS, ENDED_SECONDS, SessionChecker
from shared.auth.tokens import LIFE
from shared.contracts.events import decode_event
from shared.errors import Unavailable
from shared.outbox.firestore import read_stream
from shared.redis.pipeline import Command, Pipeline
from shared.resources import Resources
from tests.clocks import START, FakeClock
from tests.functions.identity.fakes import ApiUser
from tests.functions.identity.test_sign_in import enter
from tests.samples import sample_id

Opened = Callable[..., Resources]


@pytest.fixture
def elsewhere(
    settings: Any, clock: FakeClock, firestore_address: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    """Opens the stores as one more process does; `redis` and `firestore` say which of them it reaches."""
    every: list[Resources] = []

    def open_all(*, redis: bool = True, firestore: bool = True) -> Resources:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_address if firestore else "127.0.0.1:1")
        every.append(Resources(settings if redis else replace(settings, redis_url="redis://127.0.0.1:1/0"), clock))
        every[-1].firestore()
        return every[-1]

    monkeypatch.setattr(adapter, "FIRESTORE_SECONDS", 0.5)
    yield open_all
    for resources in every:
        resources.firestore().close()


def entered(work: Work, person: ApiUser) -> tuple[str, str]:
    """A session that was just opened, and its token."""
    token = enter(work, person).refresh_token
    return token.split(".")[0], token


def test_an_end_holds_everywhere_at_once(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """Processes that just found the session alive hear of its end, though they remember; by Redis as by Firestore."""
    session_id, token = entered(real_work, person)
    others = [elsewhere(), elsewhere(redis=False)]
    assert all(other.sessions().alive(session_id, START) for other in others)
    sign_out(SignOut(refresh_token=token), real_work)
    assert not any(other.sessions().alive(session_id, START) for other in [*others, elsewhere(firestore=False)])


def test_a_reuse_ends_the_session_everywhere(
    real_work: Work, person: ApiUser, elsewhere: Opened, clock: FakeClock
) -> None:
    """Access tokens of a stolen session are worth nothing where sessions are checked, from the reuse on."""
    session_id, token = entered(real_work, person)
    refresh_session(RefreshSession(refresh_token=token), real_work)
    other = elsewhere().sessions()
    assert other.alive(session_id, clock.now())
    clock.pass_by(seconds=11)
    with pytest.raises(InvalidGrant):
        refresh_session(RefreshSession(refresh_token=token), real_work)
    assert not other.alive(session_id, clock.now())


def test_without_redis_firestore_tells(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """Redis lost costs time, not truth: alive is alive, and ended is ended."""
    session_id, token = entered(real_work, person)
    lost = elsewhere(redis=False)
    assert lost.sessions().alive(session_id, START)
    sign_out(SignOut(refresh_token=token), Work(lost, "identity"))
    assert not lost.sessions().alive(session_id, START)
    assert not elsewhere().sessions().alive(session_id, START)


def test_without_both_nobody_tells(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """With both stores lost it is unknown, and that is 503."""
    session_id, _ = entered(real_work, person)
    with pytest.raises(Unavailable):
        elsewhere(redis=False, firestore=False).sessions().alive(session_id, START)


def test_without_firestore_redis_tells_what_it_knows(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """Sessions that are in the cache are answered while its heartbeat lasts; others are unknown."""
    known, _ = entered(real_work, person)
    unknown, _ = entered(real_work, person)
    assert elsewhere().sessions().alive(known, START)
    elsewhere().revocations().follow()
    cut_off = elsewhere(firestore=False).sessions()
    assert cut_off.alive(known, START)
    with pytest.raises(Unavailable):
        cut_off.alive(unknown, START)


def test_a_session_ends_by_itself(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """A session that nobody refreshed for seven days is not alive, as for a refresh."""
    session_id, _ = entered(real_work, person)
    fresh = elsewhere(redis=False).sessions()
    assert fresh.alive(session_id, START + IDLE_LIFE - timedelta(seconds=1))
    assert not fresh.alive(session_id, START + IDLE_LIFE)


@pytest.mark.parametrize(
    "session_id", [sample_id("ses"), sample_id("usr"), "", "..", "a/b", "x" * 5000, "é"], ids=ascii
)
def test_a_session_that_never_was_is_not_alive(elsewhere: Opened, session_id: str) -> None:
    """Whatever a token names."""
    assert not elsewhere().sessions().alive(session_id, START)


def test_an_end_is_never_forgotten_for_a_life(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """Whoever read Firestore before the end, and writes to Redis after it, does not bring the session back."""
    session_id, token = entered(real_work, person)
    other = elsewhere()

    class Slow(Pipeline):
        """Redis, to which the news of the end come between a check's reading and its writing."""

        def execute(self, commands: Sequence[Command]) -> list[Any]:
            if commands[0][0] == "SET":
                sign_out(SignOut(refresh_token=token), real_work)
            return super().execute(commands)

    slow = SessionChecker(other.firestore, other.breaker("firestore"), Slow(other.redis, other.breaker("redis")))
    assert slow.alive(session_id, START), "it was, when it was read"
    assert not elsewhere().sessions().alive(session_id, START)


def test_redis_remembers_for_a_while_only(real_work: Work, person: ApiUser, elsewhere: Opened) -> None:
    """Alive is believed for thirty seconds at most; ended, for longer than any token lives."""
    session_id, token = entered(real_work, person)
    other = elsewhere()
    other.sessions().alive(session_id, START)
    assert 0 < other.redis().ttl(f"session:{session_id}") <= ALIVE_SECONDS <= 30
    sign_out(SignOut(refresh_token=token), real_work)
    assert LIFE.total_seconds() < other.redis().ttl(f"session:{session_id}") <= ENDED_SECONDS


def test_an_end_is_told_once(real_work: Work, person: ApiUser) -> None:
    """session.revoked, with the session, the user and the reason, however often the session is signed out."""
    view = enter(real_work, person)
    session_id = view.refresh_token.split(".")[0]
    for _ in range(3):
        sign_out(SignOut(refresh_token=view.refresh_token), real_work)
    (stored,) = read_stream(real_work.resources.firestore(), session_id, 1, 5)
    event = decode_event(stored)
    assert (event.type, event.stream, event.version) == ("session.revoked", session_id, 1)
    assert (event.data.session_id, event.data.user_id, event.data.reason) == (session_id, view.user_id, "signed_out")


def test_a_reuse_is_told(real_work: Work, person: ApiUser, clock: FakeClock) -> None:
    """With its reason; a later sign-out appends no further event."""
    session_id, token = entered(real_work, person)
    refresh_session(RefreshSession(refresh_token=token), real_work)
    clock.pass_by(seconds=11)
    for _ in range(2):
        with pytest.raises(InvalidGrant):
            refresh_session(RefreshSession(refresh_token=token), real_work)
    sign_out(SignOut(refresh_token=token), real_work)
    (event,) = read_stream(real_work.resources.firestore(), session_id, 1, 5)
    assert event.data["reason"] == "token_reused"
