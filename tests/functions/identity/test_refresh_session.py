"""The life of a session: rotation, retries, reuse, expiry."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.identity.domain.errors import InvalidGrant
from functions.identity.domain.sessions import RefreshTokens
from functions.identity.domain.users import Grants
from functions.identity.refresh_session import RefreshSession, refresh_session
from functions.identity.sign_out import SignOut, sign_out
from functions.identity.views import TokensView
from shared import ids
from shared.errors import Malformed
from tests.clocks import FakeClock
from tests.functions.identity.fakes import ApiUser, FakeWork
from tests.functions.identity.test_sign_in import enter


def refresh(work: Any, token: str) -> TokensView:
    return refresh_session(RefreshSession(refresh_token=token), work)


def refused(work: Any, token: str) -> bool:
    """Whether a token is refused as the contract says."""
    try:
        refresh(work, token)
    except InvalidGrant as error:
        assert isinstance(error, Malformed) and error.code == "INVALID_GRANT"
        return True
    return False


def test_a_refresh_rotates(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """Each token is exchanged for another, for the same user and session."""
    tokens = enter(work, person)
    seen = {tokens.refresh_token}
    for _ in range(5):
        clock.pass_by(minutes=9)
        following = refresh(work, tokens.refresh_token)
        assert following.user_id == tokens.user_id
        assert following.refresh_token.split(".")[0] == tokens.refresh_token.split(".")[0]
        seen.add(following.refresh_token)
        tokens = following
    assert len(seen) == 6


def test_a_retry_gets_the_same_successor(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """The immediate predecessor, sent again within 10 seconds, is answered with the same successor, which works."""
    token = enter(work, person).refresh_token
    successor = refresh(work, token).refresh_token
    clock.pass_by(seconds=10)
    assert refresh(work, token).refresh_token == successor
    assert refresh(work, successor).refresh_token


def test_a_late_retry_ends_the_session(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """After 10 seconds the predecessor is a stolen token: the whole family dies, its newest member too."""
    token = enter(work, person).refresh_token
    successor = refresh(work, token).refresh_token
    clock.pass_by(seconds=10, microseconds=1)
    assert refused(work, token)
    assert refused(work, successor)


def test_an_older_token_ends_the_session_at_once(work: Any, person: ApiUser) -> None:
    """Only the immediate predecessor may be retried; one before that ends the session even within 10 seconds."""
    first = enter(work, person).refresh_token
    second = refresh(work, first).refresh_token
    third = refresh(work, second).refresh_token
    assert refresh(work, second).refresh_token == third
    assert refused(work, first)
    assert refused(work, third)


def test_another_session_survives(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """A reuse ends one family, not the user's other sessions."""
    token, other = enter(work, person).refresh_token, enter(work, person).refresh_token
    refresh(work, token)
    clock.pass_by(seconds=11)
    assert refused(work, token)
    assert refresh(work, other).refresh_token


def test_refreshing_at_once_gives_all_the_same(work: Any, person: ApiUser) -> None:
    """Tabs of one browser that refresh at the same moment all get one successor, and the session lives."""
    token = enter(work, person).refresh_token
    with ThreadPoolExecutor(12) as pool:
        successors = set(pool.map(lambda _: refresh(work, token).refresh_token, range(24)))
    assert len(successors) == 1
    assert refresh(work, successors.pop()).refresh_token


def test_a_forged_token_ends_nothing(work: Any, person: ApiUser) -> None:
    """Whoever knows only the id of a session cannot end it: what we never issued is refused without effect."""
    token = enter(work, person).refresh_token
    session_id, secret = token.split(".")
    raw = base64.urlsafe_b64decode(secret)
    forged = [
        f"{session_id}.{base64.urlsafe_b64encode(bytes(48)).decode()}",
        f"{session_id}.{base64.urlsafe_b64encode(bytes(32) + raw[32:]).decode()}",
        f"{session_id}.{base64.urlsafe_b64encode(raw[:47] + bytes([raw[47] ^ 1])).decode()}",
        RefreshTokens(b"x" * 32).first(session_id, bytes(32)),
        f"{ids.new('ses', 'us')}.{secret}",
        f"{session_id}.",
        f"{token}=",
        f"{token}\n",
        f" {token}",
        session_id + "." + "\u0661" * 64,
        "",
        "." * 100_000,
    ]
    for made_up in forged:
        assert refused(work, made_up), made_up[:120]
        with pytest.raises(InvalidGrant):
            sign_out(SignOut(refresh_token=made_up), work)
    assert refresh(work, token).refresh_token


def test_a_token_of_a_forgotten_session_is_refused(work: Any) -> None:
    """A genuine token whose session is no longer stored is 400, and signing it out is not an error."""
    token = work.refresh_tokens.first(ids.new("ses", "us"), bytes(32))
    assert refused(work, token)
    sign_out(SignOut(refresh_token=token), work)


def test_an_idle_session_ends_after_seven_days(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """Seven days without a refresh end a session; one just before keeps it."""
    token = enter(work, person).refresh_token
    clock.pass_by(days=7, microseconds=-1)
    token = refresh(work, token).refresh_token
    clock.pass_by(days=7)
    assert refused(work, token)


def test_a_busy_session_ends_after_thirty_days(work: Any, person: ApiUser, clock: FakeClock) -> None:
    """No session outlives thirty days, however often it is refreshed."""
    token = enter(work, person).refresh_token
    for _ in range(29):
        clock.pass_by(days=1)
        token = refresh(work, token).refresh_token
    clock.pass_by(days=1)
    assert refused(work, token)


def test_roles_apply_from_the_next_refresh(clock: FakeClock, person: ApiUser) -> None:
    """A new access token has the scopes of now."""
    work = FakeWork(clock)
    tokens = enter(work, person)
    work.grants = Grants(everyone_sells=True)
    assert "supply:write" not in tokens.access_token
    assert "supply:write" in refresh(work, tokens.refresh_token).access_token


def test_signing_out_ends_the_session(work: Any, person: ApiUser) -> None:
    """After signing out no token of the session works; signing out again is fine, with an old token too."""
    token = enter(work, person).refresh_token
    successor = refresh(work, token).refresh_token
    for _ in range(2):
        sign_out(SignOut(refresh_token=successor), work)
    sign_out(SignOut(refresh_token=token), work)
    assert refused(work, token)
    assert refused(work, successor)


def test_tokens_are_stored_hashed(real_work: Any, person: ApiUser) -> None:
    """Neither a token nor its secret stands in the store."""
    token = enter(real_work, person).refresh_token
    successor = refresh(real_work, token).refresh_token
    (stored,) = [document.to_dict() for document in real_work.resources.firestore().collection("sessions").stream()]
    for text in (token, successor):
        assert text.split(".")[1][:43] not in repr(stored)
