"""Only allowed Google service accounts are authenticated, by tokens that Google has signed for our audience."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import flask
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.auth import oidc
from shared.auth.oidc import GoogleTokens
from shared.config import Settings
from shared.errors import Unauthenticated, Unavailable
from shared.runtime.internal import InternalAuth

AUDIENCE = "https://functions.example/record_claim"
ACCOUNT = "pubsub@meridian.iam.gserviceaccount.com"


class Issuer:
    """Google, as far as its certificates go: keys of ours, served over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.served: dict[str, str] = {}
        self.fetches = 0
        self.down = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = json.dumps(issuer.served).encode()
                self.send_response(500 if issuer.down else 200)
                self.send_header("Cache-Control", "public, max-age=3600")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/certs"
        self.add("first")

    def add(self, key_id: str, *, serve: bool = True) -> None:
        """A new key, and its certificate where it is published."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        certificate = made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
        self.keys[key_id] = key
        if serve:
            self.served[key_id] = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def token(self, key_id: str = "first", *, signed_by: str | None = None, **changed: Any) -> str:
        """A token as Pub/Sub sends it, some claims changed; None leaves one out."""
        now = datetime.now(UTC)
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": ACCOUNT,
            "email_verified": True,
            "sub": "1",
            "iat": now - timedelta(seconds=5),
            "exp": now + timedelta(hours=1),
            **changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.keys[signed_by or key_id], "RS256", headers={"kid": key_id})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    made = Issuer()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


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
