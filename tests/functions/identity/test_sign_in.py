"""Signing in: which messages are accepted, and which are refused."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity.adapters.work import Work
from functions.identity.domain.errors import SignInRefused
from functions.identity.domain.siwe import Message, parse
from functions.identity.domain.users import EVERYONE, Grants
from functions.identity.issue_nonce import IssueNonce, issue_nonce
from functions.identity.sign_in import SignIn, sign_in
from functions.identity.views import TokensView
from shared.chain.ethereum import ORDER
from shared.errors import Malformed, Unavailable
from shared.runtime.tokens import verify
from tests.clocks import START, FakeClock
from tests.functions.identity.fakes import ApiUser, FakeWork


def offered(work: Any, person: ApiUser, chain_id: int = 1) -> Message:
    """The message that a nonce comes with."""
    view = issue_nonce(IssueNonce(address=person.address, chain_id=chain_id), work)
    return parse(view.message, work.signatures.checksum)


def enter(work: Any, person: ApiUser, chain_id: int = 1) -> TokensView:
    """A sign-in as clients do it."""
    return sign_in(SignIn(**person.signed(offered(work, person, chain_id))), work)


def refusal(work: Any, body: dict[str, str]) -> str:
    """The code with which a sign-in is refused."""
    with pytest.raises(SignInRefused) as refused:
        sign_in(SignIn(**body), work)
    return refused.value.code


def test_the_first_sign_in_makes_a_user_with_a_wallet(work: Any, person: ApiUser) -> None:
    """A new address becomes a user of this region; the same address is the same user ever after."""
    first, second = enter(work, person), enter(work, person, chain_id=31337)
    user = work.users.get(first.user_id)
    assert first.user_id == second.user_id
    assert (user.address, user.home_region, user.home_cell) == (person.address, "us-central1", "us")
    assert work.wallets.opened == [(user.id, person.address, 1), (user.id, person.address, 31337)]
    assert (first.token_type, first.expires_in) == ("Bearer", 600)
    assert first.refresh_token != second.refresh_token
    assert enter(work, ApiUser()).user_id != first.user_id


def test_any_conforming_message_with_our_nonce_is_accepted(work: Any, person: ApiUser) -> None:
    """Clients may write their own message, with every optional part."""
    message = replace(
        offered(work, person),
        scheme="https",
        statement=None,
        issued_at=START - timedelta(minutes=2),
        expiration_time=None,
        not_before=START,
        request_id="r-1",
        resources=("https://example.com/terms", "ipfs://bafy"),
    )
    assert sign_in(SignIn(**person.signed(message)), work).user_id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "evil.example"}, "DOMAIN_MISMATCH"),
        ({"domain": "shop.example:443"}, "DOMAIN_MISMATCH"),
        ({"domain": "shop.example.evil.example"}, "DOMAIN_MISMATCH"),
        ({"scheme": "http"}, "SCHEME_MISMATCH"),
        ({"uri": "https://shop.example/"}, "URI_MISMATCH"),
        ({"uri": "https://evil.example"}, "URI_MISMATCH"),
        ({"chain_id": 2}, "CHAIN_NOT_ALLOWED"),
        ({"chain_id": 31337}, "NONCE_UNKNOWN"),
        ({"nonce": "A" * 48}, "NONCE_UNKNOWN"),
        ({"nonce": "abcdefgh"}, "NONCE_UNKNOWN"),
        ({"issued_at": START - timedelta(minutes=5, microseconds=1)}, "MESSAGE_TOO_OLD"),
        ({"issued_at": START + timedelta(seconds=30, microseconds=1)}, "MESSAGE_FROM_FUTURE"),
        ({"expiration_time": START}, "MESSAGE_EXPIRED"),
        ({"not_before": START + timedelta(seconds=1)}, "MESSAGE_NOT_YET_VALID"),
    ],
)
def test_what_is_not_for_here_and_now_is_refused(
    clock: FakeClock, person: ApiUser, change: dict[str, Any], code: str
) -> None:
    """A conforming message for another place, time, chain or nonce is 401 with its own code, and consumes no nonce."""
    work = FakeWork(clock)
    message = offered(work, person)
    assert refusal(work, person.signed(replace(message, **change))) == code
    assert sign_in(SignIn(**person.signed(message)), work).user_id


def test_a_nonce_is_for_one_address(clock: FakeClock, person: ApiUser) -> None:
    """Another person cannot use it."""
    work = FakeWork(clock)
    thief = ApiUser()
    stolen = replace(offered(work, person), address=thief.address)
    assert refusal(work, thief.signed(stolen)) == "NONCE_UNKNOWN"


def test_a_nonce_lives_five_minutes(clock: FakeClock, person: ApiUser) -> None:
    """After that it is refused, however fresh the message around it."""
    work = FakeWork(clock)
    message = replace(offered(work, person), expiration_time=None)
    clock.pass_by(minutes=5)
    assert refusal(work, person.signed(replace(message, issued_at=clock.now()))) == "NONCE_EXPIRED"


def test_a_nonce_is_used_once(work: Any, person: ApiUser) -> None:
    """Of many sign-ins with one message at once, one succeeds and the others are refused as used."""
    body = person.signed(offered(work, person))

    def attempt(_: int) -> str:
        try:
            return sign_in(SignIn(**body), work).user_id
        except SignInRefused as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(attempt, range(100)))
    assert answers.count("NONCE_USED") == 99


def test_a_wrong_signature_uses_the_nonce_up(clock: FakeClock, person: ApiUser) -> None:
    """The nonce is consumed before the signature is looked at: one nonce, one guess."""
    work = FakeWork(clock)
    body = person.signed(offered(work, person))
    assert refusal(work, {**body, "signature": ApiUser().sign(body["message"])}) == "SIGNATURE_INVALID"
    assert refusal(work, body) == "NONCE_USED"


def twin(signature: str) -> str:
    """The other signature of the same key over the same bytes, with a high s."""
    raw = bytes.fromhex(signature[2:])
    s = ORDER - int.from_bytes(raw[32:64])
    return "0x" + (raw[:32] + s.to_bytes(32) + bytes([55 - raw[64]])).hex()


@pytest.mark.parametrize(
    "change",
    [
        twin,
        lambda signature: signature[:-2],
        lambda signature: signature + "00",
        lambda signature: signature[2:],
        lambda signature: signature[:-2] + "1d",
        lambda signature: signature[:-2] + "25",
        lambda signature: "0x" + "00" * 65,
        lambda signature: "0x" + "ff" * 65,
        lambda signature: signature.replace("0x", "0X"),
        lambda signature: signature[:-1] + "\u0661",
        lambda signature: " " + signature,
        lambda signature: signature + "\n",
        lambda signature: "",
    ],
)
def test_a_signature_has_one_form(clock: FakeClock, person: ApiUser, change: Callable[[str], str]) -> None:
    """High s (EIP-2), other values of v, other lengths and other spellings are refused, all with 401."""
    work = FakeWork(clock)
    body = person.signed(offered(work, person))
    assert refusal(work, {**body, "signature": change(body["signature"])}) == "SIGNATURE_INVALID"


def test_v_may_be_0_or_1(clock: FakeClock, person: ApiUser) -> None:
    """Some wallets write the recovery id itself."""
    work = FakeWork(clock)
    body = person.signed(offered(work, person))
    v = int(body["signature"][-2:], 16) - 27
    assert sign_in(SignIn(message=body["message"], signature=f"{body['signature'][:-2]}{v:02x}"), work).user_id


def test_the_received_bytes_are_verified(clock: FakeClock, person: ApiUser) -> None:
    """A message that means the same but was not what was signed is refused."""
    work = FakeWork(clock)
    body = person.signed(offered(work, person))
    same = re.sub(r"(:\d\d(\.\d+)?)Z\n", r"\1+00:00\n", body["message"])  # of the times: a nonce may end in Z too
    assert same != body["message"]
    assert refusal(work, {**body, "message": same}) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("text", ["", "hello", "\n" * 20, "x" * 9000, "\u00e9", "\ud800"])
def test_what_is_no_message_is_malformed(clock: FakeClock, text: str) -> None:
    """A malformed message is 400, naming its field, whatever the signature."""
    with pytest.raises(Malformed) as refused:
        sign_in(SignIn(message=text, signature=""), FakeWork(clock))
    assert refused.value.errors[0]["field"] == "message"


def test_a_crash_before_the_wallet_is_healed_by_the_next_sign_in(work: Any, person: ApiUser) -> None:
    """When the wallet service is down nobody is signed in; the next sign-in opens the wallet of the same user."""
    work.wallets.failure = Unavailable()
    with pytest.raises(Unavailable):
        enter(work, person)
    known = work.users.of_address(person.address)
    work.wallets.failure = None
    assert enter(work, person).user_id == known.id
    assert work.wallets.opened == [(known.id, person.address, 1)]


def test_a_dead_home_stops_nobody_from_signing_in(work: Any, person: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from home the wallet is opened at home, if that answers; the session is of the same user either way."""
    first = enter(work, person)
    monkeypatch.setattr(work, "home_region", "europe-west1")
    monkeypatch.setattr(work, "cell", "eu")
    work.wallets.failure = Unavailable()
    assert enter(work, person).user_id == first.user_id
    user = work.users.get(first.user_id)
    assert (user.home_region, user.home_cell) == ("us-central1", "us")
    stranger = ApiUser()
    with pytest.raises(Unavailable):  # their home is here, and they have no wallet yet
        enter(work, stranger)


def test_new_users_are_spread_over_a_regions_cells(clock: FakeClock) -> None:
    """By their address, wherever the sign-in arrives; at first nobody is signed in without a wallet there."""
    work = FakeWork(clock)
    work.cells = ("us", "us2")
    people = [ApiUser() for _ in range(20)]
    homes = [work.users.get(enter(work, each).user_id).home_cell for each in people]
    assert homes == [work.home_of(each.address) for each in people]
    assert set(homes) == {"us", "us2"}
    assert all(
        user_id.startswith(f"usr_{home}_") for home, (user_id, *_) in zip(homes, work.wallets.opened, strict=True)
    )
    elsewhere = next(each for each in iter(ApiUser, None) if work.home_of(each.address) == "us2")
    work.wallets.failure = Unavailable()
    with pytest.raises(Unavailable):
        enter(work, elsewhere)


def test_scopes_follow_roles(clock: FakeClock, person: ApiUser) -> None:
    """Everyone may buy; merchants may sell too; operators are known by their address."""
    work = FakeWork(clock)

    def scopes(grants: Grants) -> set[str]:
        work.grants = grants
        return set(enter(work, person).access_token.split("/")[2].split(" "))

    sells = {"supply:write", "webhook:write"}
    assert scopes(Grants()) == set(EVERYONE)
    assert scopes(Grants(everyone_sells=True)) == {*EVERYONE, *sells}
    assert scopes(Grants(frozenset({person.address.lower()}))) == {*EVERYONE, "operator"}


def test_the_access_token_is_one_that_the_runtime_accepts(real_work: Work, person: ApiUser, clock: FakeClock) -> None:
    """Its user, session and scopes come back from the runtime's check."""
    clock.moment = datetime.now(UTC)
    tokens = enter(real_work, person)
    caller = verify(real_work.settings, tokens.access_token, clock.now())
    assert caller.user_id == tokens.user_id
    assert tokens.refresh_token.startswith(caller.session_id + ".")
    assert caller.scopes == frozenset(EVERYONE)


def test_firestore_down_is_unavailable(settings: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Firestore cannot be reached the answer is 503, after seconds and not minutes."""
    from shared.firestore import calls as firestore
    from shared.resources import Resources

    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr(firestore, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(Unavailable):
        Work(Resources(settings, clock), "identity").nonce_uses.consume("N" * 48, START)
