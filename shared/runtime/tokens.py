"""Checks access tokens: JWTs (RFC 7519) as RFC 9068 has them, signed RS256. shared/adapters/tokens.py makes them."""

from datetime import datetime
from functools import cache
from typing import Any, Final

import jwt
from jwt.types import Options
from jwt.utils import base64url_decode

from shared.adapters.tokens import ALGORITHM, LIFE, TYPE, published_keys
from shared.config import Settings
from shared.contracts.operations import Caller
from shared.errors import Malformed, Unauthenticated
from shared.runtime.decode import json_object

HEADER: Final = frozenset({"alg", "typ", "kid"})
"""What a header of ours holds; anything else (jku, x5u, jwk, crit) is refused, so no key comes from the token."""

CHECKS: Final[Options] = {
    "require": ["iss", "aud", "sub", "sid", "scope", "iat", "exp"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
}
"""PyJWT's checks of times are left to _caller: it is handed the time, and takes whole seconds only."""


def verify(settings: Settings, token: str, now: datetime) -> Caller:
    """Who a token speaks for. Raises Unauthenticated for anything that is not a valid token of ours."""
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != HEADER or header["typ"] != TYPE or header["alg"] != ALGORITHM:
            raise Unauthenticated
        claims = jwt.decode(
            token,
            _keys(settings)[header["kid"]],
            algorithms=[ALGORITHM],
            issuer=settings.public_url,
            audience=settings.public_url,
            options=CHECKS,
        )
        for part in token.split(".")[:2]:
            json_object(base64url_decode(part))  # PyJWT lets the last of two equal members win
        return _caller(claims, now)
    except (jwt.PyJWTError, Malformed, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise Unauthenticated from error


def _caller(claims: dict[str, Any], now: datetime) -> Caller:
    texts = [claims[name] for name in ("sub", "sid", "scope")]
    if not all(isinstance(text, str) for text in texts):
        raise Unauthenticated
    # PyJWT takes a fractional, textual or far-away exp; the contract has whole seconds, at most ten minutes ahead.
    issued, expires, present = claims["iat"], claims["exp"], now.timestamp()
    if not (type(issued) is type(expires) is int and present < expires <= present + LIFE.total_seconds()):
        raise Unauthenticated
    return Caller(user_id=texts[0], session_id=texts[1], scopes=frozenset(texts[2].split(" ")))


@cache
def _keys(settings: Settings) -> dict[str, jwt.PyJWK]:
    """The public keys by kid; parsed once a process."""
    return {key["kid"]: jwt.PyJWK(key, algorithm=ALGORITHM) for key in published_keys(settings)}
