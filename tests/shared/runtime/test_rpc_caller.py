"""The caller of an RPC host: the claimed one on the local stack, the account verified by Cloud Run in the cloud."""

import base64
import json
from typing import Any, Final

import pytest
from msgspec.structs import replace

from shared.auth.google_claims import SIGNATURE_REMOVED as REMOVED
from shared.auth.service_identity import HEADER
from shared.config import Settings, read
from shared.errors import Forbidden, Unauthenticated
from shared.rpc.channel import CALLER
from shared.runtime.rpc_caller import AUTHORIZATION, caller_identifier
from tests.clocks import FakeClock
from tests.shared.test_config import LEAST

ORDER: Final = "order@shop.iam.gserviceaccount.com"
CLOUD: Final = read({**LEAST, "RPC_CALLERS": f"{ORDER}=order,relay@shop.iam.gserviceaccount.com=order"})


def part(value: Any) -> str:
    """A part of a JWT (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(clock: FakeClock, signature: str = REMOVED, **claims: Any) -> str:
    """Google's ID token of the order service, as Cloud Run hands it on; None takes a claim away."""
    good = {
        "iss": "https://accounts.google.com",
        "aud": "https://wallet.example",
        "email": ORDER,
        "email_verified": True,
        "exp": int(clock.now().timestamp()) + 3600,
        "sub": "1",
    }
    given = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return f"{part({'alg': 'RS256', 'kid': '1', 'typ': 'JWT'})}.{part(given)}.{signature}"


def who(metadata: dict[str, str], clock: FakeClock, settings: Settings = CLOUD) -> str:
    """The caller according to this metadata."""
    return caller_identifier(settings, clock)(metadata)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.mark.parametrize("header", [HEADER, AUTHORIZATION])
def test_the_account_says_who_calls(header: str, clock: FakeClock) -> None:
    """Whatever name the caller claims."""
    sent = {header: f"Bearer {token(clock)}", CALLER: "wallet"}
    assert who(sent, clock) == "order"


def test_who_promotes_says_as_which_service_it_calls(clock: FakeClock) -> None:
    """Its one account works as all of them."""
    email = "cell-promoter@shop.iam.gserviceaccount.com"
    promoting = read({**LEAST, "RPC_CALLERS": f"{ORDER}=order,{email}=promoter"})
    sent = {AUTHORIZATION: f"Bearer {token(clock, email=email)}"}
    assert who({**sent, CALLER: "wallet"}, clock, promoting) == "wallet"
    assert who(sent, clock, promoting) == ""
    assert who({AUTHORIZATION: f"Bearer {token(clock)}", CALLER: "wallet"}, clock, promoting) == "order"


def test_on_the_local_stack_the_caller_says_so(clock: FakeClock) -> None:
    """Without Google, and with only the stack on the network, the claimed name counts; a token is ignored."""
    local = replace(CLOUD, environment="local")
    assert who({CALLER: "wallet", HEADER: f"Bearer {token(clock)}"}, clock, local) == "wallet"
    assert who({}, clock, local) == ""


def test_only_the_header_that_was_checked_counts(clock: FakeClock) -> None:
    """With both, Cloud Run checks the first alone: the other is anybody's word."""
    forged = f"Bearer {token(clock)}"
    stranger = f"Bearer {token(clock, email='someone@else.example')}"
    with pytest.raises(Forbidden):
        who({HEADER: stranger, AUTHORIZATION: forged}, clock)
    with pytest.raises(Unauthenticated):
        who({HEADER: "", AUTHORIZATION: forged}, clock)


@pytest.mark.parametrize("metadata", [{}, {CALLER: "order"}, {HEADER: ""}, {HEADER: "order"}, {HEADER: "Bearer "}])
def test_nobody_calls_without_a_token(metadata: dict[str, str], clock: FakeClock) -> None:
    """To say who one is proves nothing."""
    with pytest.raises(Unauthenticated):
        who(metadata, clock)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"email": None},
        {"email": [ORDER]},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"exp": None},
        {"exp": 0},
        {"exp": "9999999999"},
        {"exp": 1e12},
        {"exp": True},
    ],
    ids=str,
)
def test_a_token_says_all_of_it(claims: dict[str, Any], clock: FakeClock) -> None:
    """Google's, of an account whose address is verified, and for now."""
    with pytest.raises(Unauthenticated):
        who({HEADER: f"Bearer {token(clock, **claims)}"}, clock)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "c2lnbmF0dXJl",
        REMOVED.lower(),
        f"{REMOVED}=",
        f"{REMOVED}.{REMOVED}",
    ],
)
def test_a_token_that_nobody_checked_is_none(signature: str, clock: FakeClock) -> None:
    """One that has its signature did not go through Cloud Run's check: it may be anybody's."""
    with pytest.raises(Unauthenticated):
        who({HEADER: f"Bearer {token(clock, signature)}"}, clock)


@pytest.mark.parametrize(
    "text",
    [
        "a.b",
        f"a.!!.{REMOVED}",
        f"a..{REMOVED}",
        f"a.{part([])}.{REMOVED}",
        f"a.e30=.{REMOVED}",
    ],
)
def test_what_is_no_token_is_refused(text: str, clock: FakeClock) -> None:
    """And never a defect."""
    with pytest.raises(Unauthenticated):
        who({HEADER: f"Bearer {text}"}, clock)


@pytest.mark.parametrize("email", ["someone@else.example", ORDER.upper(), f" {ORDER}", ""])
def test_a_stranger_is_no_service(email: str, clock: FakeClock) -> None:
    """Only an account that is configured calls, letter by letter; without configuration nobody does."""
    with pytest.raises(Forbidden):
        who({HEADER: f"Bearer {token(clock, email=email)}"}, clock)
    with pytest.raises(Forbidden):
        who({HEADER: f"Bearer {token(clock)}"}, clock, replace(CLOUD, rpc_callers={}))
