"""Verifies access tokens: JWTs (RFC 7519) in the profile of RFC 9068, signed RS256. shared/auth/tokens.py issues them.

A valid token is remembered by its SHA-256, so that each process verifies its signature once. Its times, and that its
key is still accepted, are checked every time; whether its session is alive is up to shared/auth/sessions.py.
"""

import hashlib
import threading
from collections import OrderedDict
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

import jwt
import msgspec
from jwt.types import Options
from jwt.utils import base64url_decode

from shared.auth.keys import ALGORITHM, KeyRing, PublicKey, key_ring
from shared.auth.token_errors import TokenExpired, TokenMalformed
from shared.auth.tokens import LIFE, TYPE
from shared.config import Settings
from shared.contracts.operations import Caller
from shared.errors import Malformed
from shared.runtime.decode import json_object

HEADER: Final = frozenset({"alg", "typ", "kid"})
"""The members of our headers; anything else (jku, x5u, jwk, crit) is refused, so no key comes from the token."""

LEEWAY_SECONDS: Final = 5
"""How far the issuer's clock may be ahead: a fresh token is valid at once. There is no leeway at its expiry."""

CHECKS: Final[Options] = {
    "require": ["iss", "aud", "sub", "sid", "scope", "iat", "exp"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""Times are checked by VerifiedToken.alive instead of PyJWT: the clock is injected, and only whole seconds are
accepted."""

LONGEST: Final = 4096
"""Characters of a token. Ours have about 800; a longer one could nest deeply enough to overflow the stack."""

REMEMBERED: Final = 10_000
"""How many tokens a process remembers; a few MB."""


class VerifiedToken(msgspec.Struct, frozen=True):
    """A token with a valid signature and claims. begins, expires: seconds since the epoch."""

    caller: Caller
    key: PublicKey
    begins: int
    expires: int

    def alive(self, now: datetime) -> bool:
        """Whether it is valid at this time."""
        return self.begins - LEEWAY_SECONDS <= now.timestamp() < self.expires


class Verifier:
    """Verifies tokens, and remembers only valid ones, so that nobody can fill its memory with others."""

    def __init__(self, settings: Settings, ring: KeyRing, remembered: int = REMEMBERED) -> None:
        """remembered: how many tokens to remember; 0 for none."""
        self._settings = settings
        self._ring = ring
        self._most = remembered
        self._known: OrderedDict[bytes, VerifiedToken] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str, now: datetime) -> Caller:
        """The caller that a token was issued to. Raises TokenMalformed, TokenExpired."""
        if len(token) > LONGEST:
            raise TokenMalformed
        try:
            digest = hashlib.sha256(token.encode()).digest()
            known = self._known.get(digest)
            if known is None or self._ring.find(known.key.kid, now) != known.key:
                known = self._verified(token, now)
                self._remember(digest, known)
        except (jwt.PyJWTError, Malformed, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise TokenMalformed from error
        if not known.alive(now):
            self._forget(digest)
            raise TokenExpired if known.expires <= now.timestamp() else TokenMalformed
        return known.caller

    def _verified(self, token: str, now: datetime) -> VerifiedToken:
        header = jwt.get_unverified_header(token)
        if set(header) != HEADER or header["typ"] != TYPE or header["alg"] != ALGORITHM:
            raise TokenMalformed
        key = self._ring.find(header["kid"], now)
        if key is None:
            raise TokenMalformed
        claims = jwt.decode(
            token,
            _parsed(key),
            algorithms=[ALGORITHM],
            issuer=self._settings.public_url,
            audience=self._settings.public_url,
            options=CHECKS,
        )
        for part in token.split(".")[:2]:
            json_object(base64url_decode(part))  # PyJWT lets the last of two equal members win
        return VerifiedToken(_caller(claims), key, *_times(claims))

    def _remember(self, digest: bytes, verified: VerifiedToken) -> None:
        with self._lock:
            self._known[digest] = verified
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            self._known.pop(digest, None)


def verify(settings: Settings, token: str, now: datetime) -> Caller:
    """The caller that a token was issued to, by this process's keys. Raises as Verifier.verify."""
    return verifier(settings).verify(token, now)


@cache
def verifier(settings: Settings) -> Verifier:
    """This process's verifier."""
    return Verifier(settings, key_ring(settings))


def _caller(claims: dict[str, Any]) -> Caller:
    texts = [claims[name] for name in ("sub", "sid", "scope")]
    if not all(isinstance(text, str) for text in texts):
        raise TokenMalformed
    return Caller(user_id=texts[0], session_id=texts[1], scopes=frozenset(texts[2].split(" ")))


def _times(claims: dict[str, Any]) -> tuple[int, int]:
    """When it begins and expires: PyJWT would accept an exp that is a fraction, a string, or far in the future."""
    issued, expires, not_before = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    if not type(issued) is type(expires) is type(not_before) is int or expires - issued > LIFE.total_seconds():
        raise TokenMalformed
    return max(issued, not_before), expires


@lru_cache(maxsize=32)
def _parsed(key: PublicKey) -> jwt.PyJWK:
    """A key as PyJWT needs it; parsing costs more than a verification."""
    return jwt.PyJWK({name: getattr(key, name) for name in ("kty", "kid", "n", "e")}, algorithm=ALGORITHM)
