"""What the ports promise, on the fakes and on Firestore alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from functions.identity.adapters.work import Work
from functions.identity.domain.sessions import Session
from functions.identity.domain.users import User
from shared import ids
from shared.contracts.events import StoredEvent
from shared.errors import NotFound
from shared.outbox.firestore import read_stream
from tests.clocks import START
from tests.functions.identity.fakes import ApiUser


def a_user(address: str) -> User:
    return User(
        id=ids.new("usr", "us"),
        address=address,
        home_region="us-central1",
        home_cell="us",
        created_at=START,
        roles=("merchant",),
    )


def a_session() -> Session:
    return Session.begin(ids.new("ses", "us"), "usr_us_01", "token", START)


def test_a_nonce_is_consumed_once_by_one_of_many(work: Any) -> None:
    """Of a hundred uses of one nonce at once, exactly one is the first."""
    with ThreadPoolExecutor(16) as pool:
        uses = list(pool.map(lambda _: work.nonce_uses.consume("N" * 48, START), range(100)))
    assert sum(uses) == 1
    assert work.nonce_uses.consume("M" * 48, START)


def test_a_nonce_is_consumed_by_one_command(work: Any) -> None:
    """Of many commands at once one has it, and has it on every further try; the others never do."""
    commands = [f"command {number}" for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        uses = list(pool.map(lambda command: work.nonce_uses.consume("C" * 48, START, command), commands))
    assert sum(uses) == 1
    again = [work.nonce_uses.consume("C" * 48, START, command) for command in commands]
    assert again == uses
    assert not work.nonce_uses.consume("C" * 48, START)


def test_a_user_comes_back_as_created(work: Any) -> None:
    """A user is found by id and by address in any case, with every field; strangers are not."""
    address = ApiUser().address
    user = a_user(address)
    assert work.users.of_address(address) is None
    with pytest.raises(NotFound):
        work.users.get(user.id)
    assert work.users.create(user) == user
    assert work.users.get(user.id) == work.users.of_address(address.lower()) == user
    assert type(work.users.get(user.id).created_at) is datetime  # and so has a form in JSON


def test_an_address_belongs_to_the_first_who_claims_it(work: Any) -> None:
    """Of many concurrent creations for one address one wins, and all return the same user."""
    address = ApiUser().address
    with ThreadPoolExecutor(16) as pool:
        users = list(pool.map(lambda _: work.users.create(a_user(address)), range(16)))
    assert len({user.id for user in users}) == 1
    assert work.users.of_address(address) == users[0]


def test_a_session_comes_back_as_opened(work: Any) -> None:
    """A session is found by id, with every field."""
    session = a_session()
    assert work.sessions.get(session.id) is None
    work.sessions.open(session)
    assert work.sessions.get(session.id) == session


def test_a_rotation_is_recorded_once(work: Any) -> None:
    """Of two that read the same session only one rotates it; after reading again the other may."""
    session = a_session()
    work.sessions.open(session)
    first, second = work.sessions.get(session.id), work.sessions.get(session.id)
    rotated = replace(first, current_hash="one", previous_hash=first.current_hash, rotated_at=START)
    assert work.sessions.rotate(rotated)
    assert not work.sessions.rotate(replace(second, current_hash="two"))
    again = work.sessions.get(session.id)
    assert again == rotated
    assert work.sessions.rotate(replace(again, current_hash="two"))


def test_a_revocation_wins_over_a_rotation(work: Any) -> None:
    """A session that was revoked after it was read is not rotated back to life."""
    session = a_session()
    work.sessions.open(session)
    read = work.sessions.get(session.id)
    work.sessions.revoke(session, START, "signed_out")
    work.sessions.revoke(session, START + timedelta(seconds=1), "token_reused")
    assert not work.sessions.rotate(replace(read, current_hash="two"))
    assert work.sessions.get(session.id).revoked_at == START


def test_an_unknown_session_is_neither_rotated_nor_revoked(work: Any) -> None:
    """What was forgotten stays so, without an error."""
    known = a_session()
    work.sessions.open(known)
    ghost = replace(work.sessions.get(known.id), id=ids.new("ses", "us"))
    assert not work.sessions.rotate(ghost)
    work.sessions.revoke(ghost, START, "signed_out")
    assert work.sessions.get(ghost.id) is None


def test_a_user_and_the_event_are_committed_together(real_work: Work) -> None:
    """Creating a user records user.created once, in the winner's stream alone."""
    client = real_work.resources.firestore()
    address = ApiUser().address
    winner, loser = a_user(address), a_user(address)
    real_work.users.create(winner)
    real_work.users.create(loser)
    assert read_stream(client, loser.id, 1, 5) == []
    (event,) = read_stream(client, winner.id, 1, 5)
    assert (event.type, event.version, event.at) == ("user.created", 1, START)
    assert event.data == {"user_id": winner.id, "address": address, "home_region": "us-central1"}
    assert msgspec.json.decode(msgspec.json.encode(event), type=StoredEvent) == event
