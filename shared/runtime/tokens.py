"""Checks access tokens: JWTs (RFC 7519) as RFC 9068 has them, signed RS256. shared/adapters/tokens.py makes them.

A token that was found good is remembered by its SHA-256, so that it is checked against its signature once a process.
Its times, and that its key still counts, are looked at each time; whether its session lives, sessions.py asks.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

import jwt
from jwt.types import Options
from jwt.utils import base64url_decode

from shared.adapters.keys import ALGORITHM, KeyRing, PublicKey, key_ring
from shared.adapters.tokens import LIFE, TYPE
from shared.config import Settings
from shared.contracts.operations import Caller
from shared.errors import Malformed, Unauthenticated
from shared.runtime.decode import json_object

HEADER: Final = frozenset({"alg", "typ", "kid"})
"""What a header of ours holds; anything else (jku, x5u, jwk, crit) is refused, so no key comes from the token."""

LEEWAY_SECONDS: Final = 5
"""How far ahead of ours an issuer's clock may be: a fresh token counts at once. None is given at its end."""

CHECKS: Final[Options] = {
    "require": ["iss", "aud", "sub", "sid", "scope", "iat", "exp"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""PyJWT's checks of times are left to Verified.alive: it is handed the time, and takes whole seconds only."""

LONGEST: Final = 4096
"""Characters of a token. Ours have about 800; a longer one could nest so deep that reading it breaks the stack."""

REMEMBERED: Final = 10_000
"""Tokens that a process remembers; a few MB."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature and claims were found good. begins, expires: seconds since the epoch."""

    caller: Caller
    key: PublicKey
    begins: int
    expires: int

    def alive(self, now: datetime) -> bool:
        """Whether it is for this time."""
        return self.begins - LEEWAY_SECONDS <= now.timestamp() < self.expires


class Verifier:
    """Checks tokens, and remembers those that are good: nobody can fill its memory with others."""

    def __init__(self, settings: Settings, ring: KeyRing, remembered: int = REMEMBERED) -> None:
        """remembered: how many tokens; 0 for none."""
        self._settings = settings
        self._ring = ring
        self._most = remembered
        self._known: OrderedDict[bytes, Verified] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str, now: datetime) -> Caller:
        """Who a token speaks for. Raises Unauthenticated for anything that is not a valid token of ours."""
        if len(token) > LONGEST:
            raise Unauthenticated
        try:
            digest = hashlib.sha256(token.encode()).digest()
            known = self._known.get(digest)
            if known is None or self._ring.find(known.key.kid, now) != known.key:
                known = self._verified(token, now)
                self._remember(digest, known)
        except (jwt.PyJWTError, Malformed, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise Unauthenticated from error
        if not known.alive(now):
            self._forget(digest)
            raise Unauthenticated
        return known.caller

    def _verified(self, token: str, now: datetime) -> Verified:
        header = jwt.get_unverified_header(token)
        if set(header) != HEADER or header["typ"] != TYPE or header["alg"] != ALGORITHM:
            raise Unauthenticated
        key = self._ring.find(header["kid"], now)
        if key is None:
            raise Unauthenticated
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
        return Verified(_caller(claims), key, *_times(claims))

    def _remember(self, digest: bytes, verified: Verified) -> None:
        with self._lock:
            self._known[digest] = verified
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            self._known.pop(digest, None)


def verify(settings: Settings, token: str, now: datetime) -> Caller:
    """Who a token speaks for, by this process's keys. Raises Unauthenticated."""
    return verifier(settings).verify(token, now)


@cache
def verifier(settings: Settings) -> Verifier:
    """This process's verifier."""
    return Verifier(settings, key_ring(settings))


def _caller(claims: dict[str, Any]) -> Caller:
    texts = [claims[name] for name in ("sub", "sid", "scope")]
    if not all(isinstance(text, str) for text in texts):
        raise Unauthenticated
    return Caller(user_id=texts[0], session_id=texts[1], scopes=frozenset(texts[2].split(" ")))


def _times(claims: dict[str, Any]) -> tuple[int, int]:
    """When it begins and when it expires: PyJWT would take an exp that is a fraction, a text, or far away."""
    issued, expires, not_before = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    if not type(issued) is type(expires) is type(not_before) is int or expires - issued > LIFE.total_seconds():
        raise Unauthenticated
    return max(issued, not_before), expires


@lru_cache(maxsize=32)
def _parsed(key: PublicKey) -> jwt.PyJWK:
    """A key as PyJWT wants it; parsing costs more than a check."""
    return jwt.PyJWK({name: getattr(key, name) for name in ("kty", "kid", "n", "e")}, algorithm=ALGORITHM)
