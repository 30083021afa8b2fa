"""Authentication: every route that is not public takes a valid access token of ours, and nothing else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulators.demo.api_user import ApiUser
from shared.auth.token_errors import TokenExpired, TokenMalformed, TokenMissing
from shared.auth.tokens import LIFE
from shared.config import Settings
from shared.registry import Row
from tests.contract.api import ROWS, SCOPES, SIGNED, Api, name_of, problem
from tests.keys import published, signing_key, signing_kid
from tests.samples import sample_id

OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())
LIFE_SECONDS = int(LIFE.total_seconds())


def claims(api: Api, **changed: Any) -> dict[str, Any]:
    """The claims of a good token; None leaves one out."""
    now = int(time.time())
    good = jwt.decode(api.token(), options={"verify_signature": False})
    return {name: value for name, value in {**good, "iat": now, **changed}.items() if value is not None}


def header(api: Api, **changed: Any) -> dict[str, Any]:
    """The header of a good token; None leaves a parameter out."""
    good = {"alg": "RS256", "typ": "at+jwt", "kid": signing_kid(api.settings)}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def encoded(value: bytes) -> str:
    """Base64url as JWS has it."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@cache
def loaded(settings: Settings, kid: str) -> rsa.RSAPrivateKey:
    """The key that signs now, which takes as long to load as a hundred signatures."""
    return signing_key(settings)


def signed(api: Api, head: dict[str, Any] | bytes, body: dict[str, Any] | bytes) -> str:
    """Any header and claims, under the stack's own key: a library would refuse to make most of these."""
    key = loaded(api.settings, signing_kid(api.settings))
    parts = [encoded(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (head, body)]
    text = ".".join(parts)
    return f"{text}.{encoded(jwt.get_algorithm_by_name('RS256').sign(text.encode(), key))}"


def with_claims(**changed: Any) -> Callable[[Api], str]:
    """A token of ours with other claims."""
    return lambda api: signed(api, header(api), claims(api, **changed))


def with_header(**changed: Any) -> Callable[[Api], str]:
    """A token of ours with another header."""
    return lambda api: signed(api, header(api, **changed), claims(api))


def in_time(seconds: float, name: str = "exp") -> Callable[[Api], str]:
    """A token of ours one of whose times is so far from now."""
    return lambda api: signed(api, header(api), claims(api, **{name: int(time.time() + seconds)}))


def signed_by_other(api: Api) -> str:
    """A token under a key that is not ours, whose kid says that it were."""
    return jwt.encode(claims(api), OTHER_KEY, algorithm="RS256", headers=header(api))


def unsigned(api: Api) -> str:
    """A token that says itself that it is not signed."""
    parts = [json.dumps(part).encode() for part in (header(api, alg="none"), claims(api))]
    return ".".join([*map(encoded, parts), ""])


def signed_with_public_key(api: Api) -> str:
    """A MAC whose secret is what everybody knows: the public key."""
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header(api, alg="HS256"), claims(api)))
    secret = msgspec.json.encode(published(api.settings)[0])
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def with_own_key(api: Api) -> str:
    """A token that brings the key with which it is to be checked."""
    public = jwt.get_algorithm_by_name("RS256").to_jwk(OTHER_KEY.public_key(), as_dict=True)
    return jwt.encode(claims(api), OTHER_KEY, algorithm="RS256", headers=header(api, jwk=public))


BAD: dict[str, Callable[[Api], str]] = {
    "other key": signed_by_other,
    "unsigned": unsigned,
    "public key as secret": signed_with_public_key,
    "own key": with_own_key,
    "elliptic curve": lambda api: jwt.encode(claims(api), CURVE_KEY, algorithm="ES256", headers={"typ": "at+jwt"}),
    "signature cut off": lambda api: api.token().rsplit(".", 1)[0] + ".",
    "signature of another": lambda api: f"{api.token().rsplit('.', 1)[0]}.{with_claims(sub='usr')(api).split('.')[2]}",
    "claims of another": lambda api: ".".join(
        [api.token().split(".")[0], encoded(json.dumps(claims(api)).encode()), api.token().split(".")[2]]
    ),
    "typ of another": with_header(typ="JWT"),
    "no typ": with_header(typ=None),
    "no kid": with_header(kid=None),
    "unknown kid": with_header(kid="other"),
    "kid a number": with_header(kid=1),
    "kid a path": with_header(kid="../../etc/passwd"),
    "jku": with_header(jku="https://example.com/jwks.json"),
    "x5u": with_header(x5u="https://example.com/cert.pem"),
    "crit": with_header(crit=["exp"]),
    "b64": with_header(b64=False),
    "alg a list": with_header(alg=["RS256"]),
    "header a list": lambda api: signed(api, b"[]", claims(api)),
    "header of 20,000 arrays": lambda api: signed(api, b"[" * 20_000, claims(api)),
    "claims of 20,000 arrays": lambda api: signed(api, header(api), b"[" * 20_000),
    "claims a list": lambda api: signed(api, header(api), b"[]"),
    "claims not JSON": lambda api: signed(api, header(api), b"{"),
    "claims not UTF-8": lambda api: signed(api, header(api), b'{"sub":"\xff"}'),
    "expired": in_time(-1),
    "expires too late": in_time(LIFE_SECONDS + 30),
    "expires in ten years": in_time(10 * 365 * 86400),
    "no exp": with_claims(exp=None),
    "exp a text": with_claims(exp="9999999999"),
    "exp a fraction": lambda api: signed(api, header(api), claims(api, exp=time.time() + 60.5)),
    "exp too great": with_claims(exp=10**400),
    "exp NaN": lambda api: signed(api, header(api), json.dumps(claims(api, exp=float("nan"))).encode()),
    "exp infinite": lambda api: signed(api, header(api), json.dumps(claims(api, exp=float("inf"))).encode()),
    "exp true": with_claims(exp=True),
    "no iat": with_claims(iat=None),
    "iat a text": with_claims(iat="now"),
    "not before later": in_time(60, "nbf"),
    "other issuer": with_claims(iss="https://example.com"),
    "issuer with a slash": lambda api: with_claims(iss=api.settings.public_url + "/")(api),
    "issuer a list": lambda api: with_claims(iss=[api.settings.public_url])(api),
    "no issuer": with_claims(iss=None),
    "other audience": with_claims(aud="https://example.com"),
    "one audience of two": lambda api: with_claims(aud=[api.settings.public_url, "https://example.com"])(api),
    "no audience": with_claims(aud=None),
    "no sub": with_claims(sub=None),
    "sub a number": with_claims(sub=1),
    "sub a list": with_claims(sub=["usr"]),
    "no sid": with_claims(sid=None),
    "sid a number": with_claims(sid=1),
    "no scope": with_claims(scope=None),
    "scope a list": with_claims(scope=["order:read"]),
    "dots": lambda api: "..",
    "many dots": lambda api: "." * 5000,
    "five parts": lambda api: "a.b.c.d.e",
    "padding": lambda api: api.token() + "=",
    "not base64": lambda api: "!!!.???.***",
    "long": lambda api: "a" * 50_000,
    "a refresh token": lambda api: "ses_us_01m83qhkwn802exhkfh7wx5bvz." + "A" * 64,
}


def test_bad_tokens_are_401(api: Api, subtests: pytest.Subtests) -> None:
    """Anything but a valid token of ours is refused: one that has expired as such, all others alike."""
    row = SIGNED[0]
    for case, make in BAD.items():
        with subtests.test(case):
            answer = api.ask(row, headers={"Authorization": f"Bearer {make(api)}"})
            kind = TokenExpired if case == "expired" else TokenMalformed
            assert problem(answer, 401, "UNAUTHENTICATED")["detail"] == kind().detail
            assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", error_description="')
    missing = api.ask(row, token=None)
    assert problem(missing, 401, "UNAUTHENTICATED")["detail"] == TokenMissing().detail
    assert missing.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_looks_at_the_token(api: Api, subtests: pytest.Subtests) -> None:
    """No route that is not public lets anybody in whose token is absent, expired, or of another key."""
    bad = [BAD[case](api) for case in ("expired", "other key", "unsigned", "other issuer", "expires too late")]
    for row in SIGNED:
        with subtests.test(row=row.name):
            for token in ([] if row.anonymous else [None]) + bad:
                problem(api.ask(row, token=token), 401, "UNAUTHENTICATED")


def test_the_same_token_made_here_is_good(api: Api) -> None:
    """These tests make tokens that are refused for what they change alone."""
    row = next(row for row in ROWS if row.name == "read_me")
    assert api.ask(row, token=with_claims()(api)).status_code == 200
    assert api.ask(row, token=in_time(LIFE_SECONDS - 1)(api)).status_code == 200


CHECKED = [row for row in SIGNED if row.session == "checked"]


def test_sessions_that_ended(api: Api, signed_out: ApiUser, subtests: pytest.Subtests) -> None:
    """A token outlives its session, but not on a route that moves money, signs vouchers or changes rights."""
    for row in SIGNED:
        with subtests.test(row=row.name):
            answer = api.ask(row, token=api.token_for(row, signed_out))
            if row in CHECKED:
                problem(answer, 401, "SESSION_ENDED")
            else:
                assert answer.status_code not in (401, 403), answer.text


NEVER_WERE = [sample_id("ses"), "ses", "", "x" * 500, "../users/x", "é", "*"]


@pytest.mark.parametrize("row", CHECKED, ids=name_of)
def test_sessions_that_never_were(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """Nor is a token good there whose session nobody has opened."""
    scope = " ".join([*SCOPES, str(row.scope)])
    for session in NEVER_WERE:
        with subtests.test(session=session):
            problem(api.ask(row, token=with_claims(sid=session, scope=scope)(api)), 401, "SESSION_ENDED")


SCHEMES = [
    "Basic dXNlcjpwYXNz",
    "Basic {0}",
    "Token {0}",
    "JWT {0}",
    "DPoP {0}",
    "{0}",
    "Bearer",
    "Bearer{0}",
    "Bearer:{0}",
    "Bearer={0}",
    "Bearer  {0}",
    "Bearer\t{0}",
    'Bearer "{0}"',
    "Bearer {0} x",
    "Bearer Bearer {0}",
    "Bearer x {0}",
]


def test_other_schemes_are_401(api: Api, subtests: pytest.Subtests) -> None:
    """A good token is good behind `Bearer` and one space alone."""
    row = next(row for row in ROWS if row.name == "read_me")
    for scheme in SCHEMES:
        with subtests.test(scheme=scheme):
            problem(api.ask(row, headers={"Authorization": scheme.format(api.token())}), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_case(api: Api, scheme: str) -> None:
    """Schemes are compared without their case (RFC 9110, 11.1)."""
    row = next(row for row in ROWS if row.name == "read_me")
    assert api.ask(row, headers={"Authorization": f"{scheme} {api.token()}"}).status_code == 200


@pytest.mark.parametrize("value", [b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"\xf0\x9f\x94\x91"])
def test_bytes_that_are_no_text_are_401(api: Api, value: bytes) -> None:
    """Header values outside of ASCII are refused, not stumbled over."""
    row = next(row for row in ROWS if row.name == "read_me")
    problem(api.ask(row, headers={"Authorization": value}), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", ["access_token", "token", "authorization"])
def test_tokens_elsewhere_are_no_tokens(api: Api, name: str) -> None:
    """A token in the query, a cookie or another header lets nobody in."""
    row = next(row for row in ROWS if row.name == "read_me")
    token = api.token()
    problem(api.ask(row, token=None, query=f"?{name}={token}"), 401)
    problem(api.ask(row, token=None, headers={"Cookie": f"{name}={token}"}), 401)
    problem(api.ask(row, token=None, headers={"Proxy-Authorization": f"Bearer {token}"}), 401)
    problem(api.ask(row, token=None, headers={"X-Forwarded-Authorization": f"Bearer {token}"}), 401)


@pytest.mark.parametrize("row", [row for row in ROWS if row.scope == "public"], ids=name_of)
def test_public_routes_ask_for_no_token(api: Api, row: Row) -> None:
    """What is public stays so for who sends a bad token along."""
    plain = api.ask(row)
    with_token = api.ask(row, headers={"Authorization": "Bearer x"})
    assert with_token.status_code == plain.status_code != 401 or row.name == "sign_in"
