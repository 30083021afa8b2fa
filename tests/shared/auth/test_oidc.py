"""Only allowed Google service accounts are authenticated, by tokens that Google has signed for our audience."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import jwt
import pytest
from msgspec.structs import replace

from shared.auth import oidc
from shared.auth.oidc import GoogleTokens
from shared.config import Settings
from shared.errors import Unauthenticated, Unavailable
from shared.runtime.internal import InternalAuth
from tests.shared.auth.issuer import ACCOUNT, AUDIENCE, Issuer, serving


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with serving(Issuer()) as made:
        yield made


@pytest.fixture
def tokens(issuer: Issuer) -> GoogleTokens:
    """What checks this issuer's tokens."""
    return GoogleTokens(AUDIENCE, [ACCOUNT, "scheduler@meridian.iam.gserviceaccount.com"], issuer.url)


def test_a_token_of_the_account_is_let_in(tokens: GoogleTokens, issuer: Issuer) -> None:
    """Whatever of Google's two names its issuer has; the certificates are fetched once."""
    for name in ("https://accounts.google.com", "accounts.google.com"):
        assert tokens.check(issuer.token(iss=name)) == ACCOUNT
    assert issuer.fetches == 1


CHANGED: list[dict[str, Any]] = [
    {"aud": "https://functions.example/another"},
    {"aud": None},
    {"email": "somebody@else.iam.gserviceaccount.com"},
    {"email": None},
    {"email_verified": False},
    {"email_verified": None},
    {"email_verified": "true"},
    {"iss": "https://accounts.example"},
    {"iss": None},
    {"exp": timedelta(minutes=-1)},
    {"exp": None},
    {"iat": timedelta(hours=1)},
    {"iat": None},
]


def test_a_token_that_says_anything_else_is_refused(
    tokens: GoogleTokens, issuer: Issuer, subtests: pytest.Subtests
) -> None:
    """Another audience, account or issuer, or a time that is not its own."""
    for changed in CHANGED:
        with subtests.test(changed=changed):
            now = datetime.now(UTC)
            claims: dict[str, Any] = {k: now + v if isinstance(v, timedelta) else v for k, v in changed.items()}
            with pytest.raises(Unauthenticated):
                tokens.check(issuer.token(**claims))


def unsigned(issuer: Issuer) -> str:
    """A good token whose header says that nobody signed it."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"first"}').decode().rstrip("=")
    return f"{header}.{issuer.token().split('.')[1]}."


def test_a_forged_token_is_refused(tokens: GoogleTokens, issuer: Issuer) -> None:
    """Signed by another key, by none, with a published certificate as a secret, cut off, or no token at all."""
    issuer.add("mine", serve=False)
    good = issuer.token()
    hmac_header = {"kid": "first"}
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = [
        issuer.token("first", signed_by="mine"),
        issuer.token("mine"),
        unsigned(issuer),
        jwt.encode(claims, "a secret that is long enough to be one", "HS256", headers=hmac_header),
        good[:-10],
        good + "x",
        *("", ".", "..", "a.b.c", "\x00", "x" * 10_000, "ü.ü.ü"),
    ]
    for token in forged:
        with pytest.raises(Unauthenticated):
            tokens.check(token)
    assert tokens.check(good) == ACCOUNT


def test_a_new_key_is_learnt(tokens: GoogleTokens, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a token names it; but no flood of unknown names is passed on to Google."""
    assert tokens.check(issuer.token()) == ACCOUNT
    issuer.add("second")
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            tokens.check(issuer.token("second"))
    assert issuer.fetches == 1
    monkeypatch.setattr(oidc, "AGAIN_SECONDS", 0)
    assert tokens.check(issuer.token("second")) == ACCOUNT
    assert issuer.fetches == 2


def test_known_certificates_outlive_a_failure_to_fetch(
    tokens: GoogleTokens, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetched certificates stay valid while Google is unreachable; without any, the response asks for a retry."""
    issuer.down = True
    with pytest.raises(Unavailable):
        tokens.check(issuer.token())
    issuer.down = False
    assert tokens.check(issuer.token()) == ACCOUNT
    issuer.down = True
    monkeypatch.setattr(oidc, "AGAIN_SECONDS", 0)
    with pytest.raises(Unauthenticated):
        tokens.check(issuer.token("unknown", signed_by="first"))
    assert tokens.check(issuer.token()) == ACCOUNT


def test_without_configuration_nobody_is_let_in(issuer: Issuer) -> None:
    """A missing setting is no open door."""
    for audience, accounts in (("", [ACCOUNT]), (AUDIENCE, [])):
        with pytest.raises(Unauthenticated):
            GoogleTokens(audience, accounts, issuer.url).check(issuer.token(aud=audience))


def test_the_cloud_asks_for_the_token_and_not_for_the_secret(
    settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside the local stack its secret opens nothing."""
    monkeypatch.setattr(GoogleTokens.__init__, "__defaults__", (issuer.url,))
    cloud = replace(
        settings, environment="production", internal_audience=AUDIENCE, internal_accounts=frozenset({ACCOUNT})
    )
    door, secret = InternalAuth(cloud), settings.secret("push_token").decode()
    app = flask.Flask("door")
    for header in ({}, {"Authorization": issuer.token()}, {"Authorization": f"Basic {issuer.token()}"}):
        with app.test_request_context("/", headers=header), pytest.raises(Unauthenticated):
            door.check(flask.request, secret)
    with app.test_request_context("/", headers={"Authorization": f"Bearer {issuer.token()}"}):
        door.check(flask.request, "")


def test_a_token_without_its_signature_is_refused(
    tokens: GoogleTokens, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Cloud Run removes it where its own check is on; anybody could write such a token. The log says what to change."""
    claims = issuer.token().rpartition(".")[0]
    with pytest.raises(Unauthenticated):
        tokens.check(f"{claims}.SIGNATURE_REMOVED_BY_GOOGLE")
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "a token came without its signature: the invoker check of this service is on, and has to be off"
    ]
    assert issuer.fetches == 0
