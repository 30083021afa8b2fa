"""Further addresses of a user: proved as by a sign-in, claimed once, and good for signing in."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.identity.domain.errors import AddressTaken, NonceUsed, SignInRefused
from functions.identity.sign_in import SignIn, sign_in
from functions.identity.verify_link import verify_link
from shared import ids
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse
from shared.errors import Malformed, NotFound, Unauthenticated
from tests.clocks import FakeClock
from tests.functions.identity.fakes import ApiUser, FakeWork
from tests.functions.identity.test_sign_in import enter, offered


def link(work: Any, user_id: str, body: dict[str, str], command: str = "") -> VerifyLinkResponse:
    return verify_link(VerifyLinkRequest(user_id=user_id, command=command, **body), work)


def proof(work: Any, person: ApiUser, chain_id: int = 1) -> dict[str, str]:
    """A message that somebody signed, ready to be sent."""
    return person.signed(offered(work, person, chain_id))


def test_a_linked_address_signs_its_owner_in(work: Any, person: ApiUser) -> None:
    """Whoever holds the key of the second address is the user of the first; the first still is."""
    user_id, second = enter(work, person).user_id, ApiUser()
    answer = link(work, user_id, proof(work, second, 31337))
    assert (answer.address, answer.chain_id) == (second.address, 31337)
    assert enter(work, second).user_id == user_id
    assert enter(work, person).user_id == user_id
    assert work.users.get(user_id).address == person.address


def test_an_address_of_another_is_taken(work: Any, person: ApiUser) -> None:
    """An address that is somebody's is refused, though its key has signed; it stays where it is."""
    user_id, other = enter(work, person).user_id, ApiUser()
    theirs = enter(work, other).user_id
    with pytest.raises(AddressTaken) as refused:
        link(work, user_id, proof(work, other))
    assert refused.value.code == "ADDRESS_TAKEN"
    assert enter(work, other).user_id == theirs != user_id


def test_a_repeat_is_answered_as_before(work: Any, person: ApiUser) -> None:
    """The same command, or a new message, confirms a link that was made: its first answer may have got lost."""
    user_id, second = enter(work, person).user_id, ApiUser()
    body = proof(work, second)
    first = link(work, user_id, body, "one")
    assert link(work, user_id, body, "one") == first
    assert link(work, user_id, proof(work, second), "two") == first
    assert link(work, user_id, proof(work, person), "three").address == person.address


def test_a_message_is_good_for_one_command(work: Any, person: ApiUser) -> None:
    """Another command with the same message is refused, even for the address's owner; so is one without a command."""
    user_id, second = enter(work, person).user_id, ApiUser()
    body, entering = proof(work, second), proof(work, second)
    link(work, user_id, body, "one")
    sign_in(SignIn(**entering), work)
    for message, command in ((body, "two"), (body, ""), (entering, "one")):
        with pytest.raises(NonceUsed):
            link(work, user_id, message, command)
    unnamed = proof(work, second)
    link(work, user_id, unnamed)
    with pytest.raises(NonceUsed):
        link(work, user_id, unnamed)


def test_a_used_nonce_proves_nothing_new(work: Any, person: ApiUser) -> None:
    """A message that somebody signed in or linked with is not good for another user, nor for a sign-in."""
    user_id, second = enter(work, person).user_id, ApiUser()
    stranger = enter(work, ApiUser()).user_id
    body = proof(work, second)
    link(work, user_id, body)
    for attempt in (lambda: link(work, stranger, body), lambda: sign_in(SignIn(**body), work)):
        with pytest.raises(NonceUsed):
            attempt()


def test_a_repeat_has_to_be_signed_as_well(work: Any, person: ApiUser) -> None:
    """A used nonce does not excuse from the signature, even of an address that is the user's already."""
    user_id = enter(work, person).user_id
    body = proof(work, person)
    link(work, user_id, body, "one")
    with pytest.raises(SignInRefused) as refused:
        link(work, user_id, {**body, "signature": ApiUser().sign(body["message"])}, "one")
    assert refused.value.code == "SIGNATURE_INVALID"


def test_an_address_goes_to_one_of_many(work: Any) -> None:
    """Concurrent links of one address, and its first sign-in: one gets it, the others are refused."""
    key = ApiUser()
    users = [enter(work, ApiUser()).user_id for _ in range(6)]
    bodies = [proof(work, key) for _ in range(7)]

    def attempt(number: int) -> str | None:
        try:
            if number == len(users):
                return sign_in(SignIn(**bodies[number]), work).user_id
            link(work, users[number], bodies[number])
            return users[number]
        except AddressTaken:
            return None

    with ThreadPoolExecutor(7) as pool:
        winners = {user_id for user_id in pool.map(attempt, range(7)) if user_id}
    assert winners == {work.users.owner(key.address)}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "evil.example"}, "DOMAIN_MISMATCH"),
        ({"uri": "https://evil.example"}, "URI_MISMATCH"),
        ({"chain_id": 2}, "CHAIN_NOT_ALLOWED"),
        ({"nonce": "A" * 48}, "NONCE_UNKNOWN"),
        ({"issued_at": FakeClock().now() - timedelta(minutes=6)}, "MESSAGE_TOO_OLD"),
        ({"expiration_time": FakeClock().now()}, "MESSAGE_EXPIRED"),
    ],
)
def test_what_would_not_sign_in_does_not_link(clock: FakeClock, change: dict[str, Any], code: str) -> None:
    """A message is checked as by a sign-in, and refused with the same codes."""
    work, second = FakeWork(clock), ApiUser()
    user_id = enter(work, ApiUser()).user_id
    with pytest.raises(Unauthenticated) as refused:
        link(work, user_id, second.signed(replace(offered(work, second), **change)))
    assert refused.value.code == code
    assert work.users.owner(second.address) is None


def test_what_is_no_message_is_malformed(clock: FakeClock) -> None:
    """As by a sign-in."""
    work = FakeWork(clock)
    user_id = enter(work, ApiUser()).user_id
    with pytest.raises(Malformed):
        link(work, user_id, {"message": "hello", "signature": "0x00"})


def test_nobody_links_for_an_unknown_user(work: Any, person: ApiUser) -> None:
    """An id of nobody is not found, and claims nothing."""
    for user_id in (ids.new("usr", "us"), "", "a/b"):
        with pytest.raises(NotFound):
            link(work, user_id, proof(work, person))
    assert work.users.owner(person.address) is None
