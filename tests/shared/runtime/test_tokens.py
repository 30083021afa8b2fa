"""Access tokens: only those that our key signed, for our audience, and that are valid now."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from emulators.stack import secrets as stack_secrets
from shared import ids
from shared.auth import tokens as adapter
from shared.auth.keys import key_ring
from shared.auth.token_errors import TokenExpired, TokenMalformed
from shared.config import Settings, read
from shared.errors import Unauthenticated
from shared.runtime.tokens import LEEWAY_SECONDS, Verifier, verify
from tests.keys import published, signing_key, signing_kid
from tests.samples import sample_id

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
SITE = "https://shop.example"
USER, SESSION = sample_id("usr"), sample_id("ses")
SCOPES = ["order:read", "order:write"]

Forge = Callable[..., str]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with keys as the local stack makes them."""
    folder = tmp_path_factory.mktemp("secrets")
    stack_secrets.ensure(folder, [])
    return read(
        {
            "MERIDIAN_ENVIRONMENT": "local",
            "MERIDIAN_REGION": "us-central1",
            "GOOGLE_CLOUD_PROJECT": "test",
            "PUBLIC_URL": SITE,
            "SECRETS_DIR": str(folder),
        }
    )


@pytest.fixture(scope="module")
def kid(settings: Settings) -> str:
    """The name of the key that signs."""
    return signing_kid(settings)


@pytest.fixture(scope="module")
def key(settings: Settings) -> rsa.RSAPrivateKey:
    """The key that signs: what is forged with it is wrong in one way only, not in its signature."""
    return signing_key(settings)


@pytest.fixture(scope="module")
def forge(settings: Settings, key: rsa.RSAPrivateKey, kid: str) -> Forge:
    """Makes a token of ours with some claims and header members replaced; `None` takes one away.

    sign: makes the signature of the signing input; the real key by default.
    """

    def make(header: dict[str, Any] | None = None, sign: Callable[[bytes], bytes] | None = None, **claims: Any) -> str:
        default = {
            "iss": SITE,
            "aud": SITE,
            "sub": USER,
            "sid": SESSION,
            "scope": " ".join(SCOPES),
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 600,
        }
        head = {"alg": "RS256", "typ": "at+jwt", "kid": kid, **(header or {})}
        return token(head, {**default, **claims}, sign or (lambda data: rs256(key, data)))

    return make


def token(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT of the members that are not None."""
    head, body = (json.dumps({k: v for k, v in part.items() if v is not None}).encode() for part in (header, claims))
    return assembled(head, body, sign)


def assembled(header: bytes, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A JWT of two texts."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def encoded(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def rs256(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """An RSASSA-PKCS1-v1_5 signature over SHA-256."""
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def refused(settings: Settings, text: str, now: datetime = NOW) -> bool:
    """Whether a token is refused, and as every other that has not merely expired: a caller does not learn why."""
    try:
        verify(settings, text, now)
    except Unauthenticated as error:
        assert error.code == "UNAUTHENTICATED"
        assert error.detail == (TokenExpired if isinstance(error, TokenExpired) else TokenMalformed)().detail
        return True
    return False


def test_a_token_of_ours_speaks_for_its_user(settings: Settings, forge: Forge) -> None:
    """User, session and scopes are those that it was issued for; what is forged below differs in one thing only."""
    for text in (adapter.issue(settings, USER, SESSION, SCOPES, NOW), forge()):
        caller = verify(settings, text, NOW)
        assert (caller.user_id, caller.session_id, caller.scopes) == (USER, SESSION, frozenset(SCOPES))
        assert not caller.operator


def test_a_token_lives_ten_minutes(settings: Settings) -> None:
    """It is good until the second in which it expires, and never was for longer."""
    text = adapter.issue(settings, USER, SESSION, SCOPES, NOW)
    assert not refused(settings, text, NOW + timedelta(minutes=10) - timedelta(seconds=1))
    assert refused(settings, text, NOW + timedelta(minutes=10))
    assert refused(settings, text, NOW + timedelta(days=1))


BAD_HEADERS: list[dict[str, Any]] = [
    {"alg": "none"},
    {"alg": "None"},
    {"alg": "NONE"},
    {"alg": "nOnE"},
    {"alg": ""},
    {"alg": None},
    {"alg": ["RS256"]},
    {"alg": "rs256"},
    {"alg": "RS384"},
    {"alg": "RS512"},
    {"alg": "PS256"},
    {"alg": "ES256"},
    {"alg": "HS256"},
    {"typ": "JWT"},
    {"typ": "jwt"},
    {"typ": "application/at+jwt"},
    {"typ": "rt+jwt"},
    {"typ": None},
    {"typ": 5},
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": False},
    {"crit": ["unknown"], "unknown": 1},
    {"crit": []},
    {"b64": False},
    {"zip": "DEF"},
    {"cty": "JWT"},
    {"enc": "A128GCM"},
    {"jku": "https://evil.example/jwks.json"},
    {"jku": "http://169.254.169.254/"},
    {"x5u": "https://evil.example/cert.pem"},
    {"x5c": ["MIIB"]},
    {"x5t": "AAAA"},
    {"kid": None},
    {"kid": ""},
    {"kid": 0},
    {"kid": ["a"]},
    {"kid": {"a": "b"}},
    {"kid": "unknown"},
    {"kid": "../../../../../../dev/null"},
    {"kid": "jwt_private_keys.json"},
    {"kid": "' UNION SELECT 'secret' --"},
    {"kid": "a\x00b"},
    {"kid": "k" * 10_240},
]


def test_a_header_is_ours_or_refused(settings: Settings, forge: Forge) -> None:
    """Another algorithm, type or key, and any member that could bring a key or a rule along, although we signed it."""
    assert [header for header in BAD_HEADERS if not refused(settings, forge(header))] == []


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "RS256"])
def test_nothing_passes_without_a_signature(algorithm: str, settings: Settings, forge: Forge) -> None:
    """An empty signature is one of nobody, whatever the header says."""
    text = forge({"alg": algorithm}, sign=lambda _: b"")
    assert refused(settings, text)
    assert refused(settings, text.rstrip("."))


@pytest.mark.parametrize("form", ["pem", "pem with newline", "der", "jwk", "modulus"])
def test_the_public_key_is_no_secret(form: str, settings: Settings, forge: Forge, key: rsa.RSAPrivateKey) -> None:
    """HS256 keyed with what everyone can read, in any form, is refused."""
    public = key.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, info)
    secret = {
        "pem": pem.strip(),
        "pem with newline": pem,
        "der": public.public_bytes(serialization.Encoding.DER, info),
        "jwk": msgspec.json.encode(published(settings)[0]),
        "modulus": published(settings)[0].n.encode(),
    }[form]
    assert refused(settings, forge({"alg": "HS256"}, sign=lambda data: hmac.digest(secret, data, hashlib.sha256)))


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    """Somebody else's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_anothers_key_does_not_count(settings: Settings, forge: Forge, stranger: rsa.RSAPrivateKey, kid: str) -> None:
    """Neither under our kid nor brought along in the token."""
    numbers = stranger.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": kid, "n": encoded(numbers.n.to_bytes(256)), "e": "AQAB"}

    def sign(data: bytes) -> bytes:
        return rs256(stranger, data)

    assert refused(settings, forge(sign=sign))
    assert refused(settings, forge({"jwk": jwk}, sign=sign))
    assert refused(settings, forge({"jwk": jwk, "kid": None}, sign=sign))
    assert refused(settings, forge({"x5c": [encoded(b"certificate")]}, sign=sign))


SECOND = int(NOW.timestamp())


BAD_CLAIMS: list[dict[str, Any]] = [
    *[{name: None} for name in ("iss", "aud", "sub", "sid", "scope", "iat", "exp")],
    {"iss": [SITE]},
    {"iss": {}},
    {"iss": ""},
    {"iss": SITE + "/"},
    {"iss": SITE[:-1]},
    {"iss": "https://"},
    {"iss": SITE + ".evil.example"},
    {"iss": SITE.upper()},
    {"aud": [SITE]},
    {"aud": [SITE, "https://other.example"]},
    {"aud": []},
    {"aud": ""},
    {"aud": SITE + "/"},
    {"aud": SITE[:-1]},
    {"aud": SITE + "x"},
    {"aud": {SITE: True}},
    {"exp": SECOND},
    {"exp": SECOND - 1},
    {"exp": 0},
    {"exp": -1},
    {"exp": SECOND + 601},
    {"exp": 2**63},
    {"exp": 10**300},
    {"exp": float("inf")},
    {"exp": float("nan")},
    {"exp": SECOND + 60.5},
    {"exp": float(SECOND + 60)},
    {"exp": str(SECOND + 60)},
    {"exp": True},
    {"exp": [SECOND + 60]},
    {"sub": 5},
    {"sub": [USER]},
    {"sid": 5},
    {"sid": {}},
    {"scope": SCOPES},
    {"scope": {"order:read": True}},
    {"scope": 5},
    {"nbf": SECOND + 60, "exp": None},
    {"nbf": "soon"},
    {"iat": "now"},
]


def test_claims_are_ours_or_refused(settings: Settings, forge: Forge) -> None:
    """A missing claim, a list or a part of a name, a time that is no whole second within ten minutes from now."""
    assert [claims for claims in BAD_CLAIMS if not refused(settings, forge(**claims))] == []


@pytest.mark.parametrize("scope", ["", " ", "operator:read", "operators", "order:read\toperator", "Operator"])
def test_scopes_are_separated_by_spaces(scope: str, settings: Settings, forge: Forge) -> None:
    """Whatever else stands in the claim, nobody becomes an operator by it."""
    assert not verify(settings, forge(scope=scope), NOW).operator


def test_nothing_can_be_changed(settings: Settings, forge: Forge) -> None:
    """One character of a token that differs makes it nobody's."""
    text = forge()
    for position in range(0, len(text) - 1, 7):
        changed = "A" if text[position] != "A" else "B"
        assert refused(settings, text[:position] + changed + text[position + 1 :]), position


def test_a_token_is_in_one_piece(settings: Settings, forge: Forge) -> None:
    """More or fewer parts, padding, whitespace, other encodings."""
    text = forge()
    header, claims, signature = text.split(".")
    for changed in (
        f"{header}.{claims}",
        f"{header}..{signature}",
        f".{claims}.{signature}",
        f"{text}.",
        f"{text}.{signature}",
        f"{header}.{claims}.{signature}.{signature}.{signature}",
        f"{text}=",
        f"{header}=.{claims}.{signature}",
        f" {text}",
        f"{text}\n",
        f"{text}\x00",
        f"{header}\n.{claims}.{signature}",
        text.swapcase(),
        f"{header}.{claims}.{base64.b64decode(signature + '==', altchars=b'-_').hex()}",
    ):
        assert refused(settings, changed), changed[-20:]


def test_members_stand_once(settings: Settings, key: rsa.RSAPrivateKey, kid: str) -> None:
    """Two readers could each take another of two equal members for the truth, so that neither is taken."""
    head = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": kid})
    body = json.dumps(
        {"iss": SITE, "aud": SITE, "sub": USER, "sid": SESSION, "scope": "a", "iat": SECOND, "exp": SECOND + 60}
    )

    def signed(header: str, claims: str) -> str:
        return assembled(header.encode(), claims.encode(), lambda data: rs256(key, data))

    assert not refused(settings, signed(head, body))
    assert refused(settings, signed(head, body.replace("{", '{"sub": "usr_us_other", ', 1)))
    assert refused(settings, signed(head, body.replace("{", '{"scope": "operator", ', 1)))
    assert refused(settings, signed(head.replace("{", '{"alg": "none", ', 1), body))


NO_TOKENS = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "null.null.null",
    "Bearer",
    "e30.e30.",
    "e30.e30.e30",
    "bnVsbA.e30.e30",
    "W10.e30.e30",
    "ключ.ключ.ключ",
    "\x00",
    "x" * 100_000,
    "." * 100_000,
    encoded(b"[" * 100_000) + ".e30.e30",
    encoded(b"[" * 3_000) + ".e30.e30",
    encoded(b'{"alg":' + b"[" * 100_000) + ".e30.e30",
    encoded(b'{"exp": 1' + b"0" * 5000 + b"}") + ".e30.e30",
    encoded(b"\xff\xfe") + ".e30.e30",
]


def test_what_is_no_token_is_refused(settings: Settings, subtests: pytest.Subtests) -> None:
    """Garbage is refused like any other, and nothing worse."""
    for text in NO_TOKENS:
        with subtests.test(text=text):
            assert refused(settings, text)


def test_signed_claims_that_are_no_claims(settings: Settings, key: rsa.RSAPrivateKey, kid: str) -> None:
    """Even what the key has signed is read with care."""
    head = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": kid}).encode()
    for claims in (b"", b"null", b"[]", b'"text"', b"5", b"\xff", b"[" * 100_000, b'{"exp": 1' + b"0" * 5000 + b"}"):
        assert refused(settings, assembled(head, claims, lambda data: rs256(key, data)))


@given(st.text())
def test_arbitrary_text_is_refused(settings: Settings, text: str) -> None:
    """No text that nobody signed lets anyone in."""
    assert refused(settings, text)


def test_tokens_of_another_house_do_not_count(tmp_path: Path, settings: Settings) -> None:
    """Another deployment with its own keys cannot issue tokens for our users."""
    stack_secrets.ensure(tmp_path, [])
    other = read(
        {
            "MERIDIAN_ENVIRONMENT": "local",
            "MERIDIAN_REGION": "us-central1",
            "GOOGLE_CLOUD_PROJECT": "test",
            "PUBLIC_URL": SITE,
            "SECRETS_DIR": str(tmp_path),
        }
    )
    text = adapter.issue(other, USER, SESSION, SCOPES, NOW)
    assert not refused(other, text)
    assert refused(settings, text)


def test_a_known_token_is_not_checked_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature is looked at once; what is answered is the same."""
    checker = Verifier(settings, key_ring(settings))
    text = adapter.issue(settings, USER, SESSION, SCOPES, NOW)
    first = checker.verify(text, NOW)
    monkeypatch.setattr("shared.runtime.tokens.jwt.decode", lambda *_, **__: pytest.fail("checked again"))
    assert checker.verify(text, NOW + timedelta(seconds=599)) == first


def test_a_known_token_dies_in_time(settings: Settings) -> None:
    """What is remembered expires to the second, and is no good before its time either: a clock may be set back."""
    checker = Verifier(settings, key_ring(settings))
    text = adapter.issue(settings, USER, SESSION, SCOPES, NOW)
    for _ in range(2):
        assert checker.verify(text, NOW).user_id == USER
        for moment in (NOW + timedelta(minutes=10), NOW - timedelta(seconds=LEEWAY_SECONDS + 1)):
            with pytest.raises(Unauthenticated):
                checker.verify(text, moment)


def test_memory_is_bounded(settings: Settings) -> None:
    """A process remembers so many tokens and no more, the newest; none that it refused."""
    checker = Verifier(settings, key_ring(settings), remembered=5)
    texts = [adapter.issue(settings, USER, ids.new("ses", "us"), SCOPES, NOW) for _ in range(8)]
    for text in texts:
        assert checker.verify(text, NOW)
        with pytest.raises(Unauthenticated):
            checker.verify(text[:-4] + "AAAA", NOW)
    assert set(checker._known) == {hashlib.sha256(text.encode()).digest() for text in texts[3:]}
    assert all(checker.verify(text, NOW) for text in texts)


def test_verifying_at_once(settings: Settings) -> None:
    """Threads that share a memory too small for all each get the right answer."""
    checker = Verifier(settings, key_ring(settings), remembered=3)
    texts = {adapter.issue(settings, user, SESSION, SCOPES, NOW): user for user in map(str, range(8))}
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda text: (checker.verify(text, NOW).user_id, texts[text]), list(texts) * 25)
    assert all(found == expected for found, expected in answers)


def test_a_fresh_token_counts_where_the_clock_is_behind(settings: Settings) -> None:
    """By as much as clocks may differ, and no more; at its end nothing is given."""
    text = adapter.issue(settings, USER, SESSION, SCOPES, NOW)
    for behind in range(LEEWAY_SECONDS + 1):
        assert verify(settings, text, NOW - timedelta(seconds=behind)).user_id == USER
    for refused in (NOW - timedelta(seconds=LEEWAY_SECONDS + 1), NOW + timedelta(minutes=10)):
        with pytest.raises(Unauthenticated):
            verify(settings, text, refused)


def test_no_token_lasts_longer_than_it_may(forge: Forge, settings: Settings) -> None:
    """Ten minutes from when it was issued, whatever the verifier's clock says."""
    second = int(NOW.timestamp())
    verify(settings, forge(iat=second, exp=second + 600), NOW)
    for times in ({"iat": second, "exp": second + 601}, {"iat": second - 100, "exp": second + 501}):
        with pytest.raises(Unauthenticated):
            verify(settings, forge(**times), NOW)
