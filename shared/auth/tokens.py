"""Issues access tokens: RS256 JWTs (RFC 7519) in the profile of RFC 9068. runtime/tokens.py verifies them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.auth.keys import ALGORITHM, key_ring
from shared.base64url import base64url
from shared.config import Settings

TYPE: Final = "at+jwt"
LIFE: Final = timedelta(minutes=10)


def issue(settings: Settings, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
    """Issue an access token. Its times are seconds since the epoch. Raises Unavailable."""
    claims = {
        "iss": settings.public_url,
        "aud": settings.public_url,
        "sub": user_id,
        "sid": session_id,
        "scope": " ".join(scopes),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
    }
    return jws(settings, TYPE, claims, now)[1]


def jws(settings: Settings, kind: str, claims: dict[str, Any], now: datetime) -> tuple[str, str]:
    """Sign claims with the current key. Returns the kid and the compact JWS (RFC 7515). Raises Unavailable.

    kind: the `typ` header, so that one kind of token is never accepted as another.
    """
    kid, signer = key_ring(settings).signing(now)
    signed = f"{_part({'alg': ALGORITHM, 'typ': kind, 'kid': kid})}.{_part(claims)}"
    return kid, f"{signed}.{base64url(signer.sign(signed.encode('ascii')))}"


def _part(members: dict[str, Any]) -> str:
    return base64url(json.dumps(members, separators=(",", ":")).encode("ascii"))
