"""Makes access tokens: JWTs (RFC 7519) as RFC 9068 has them, signed RS256. shared/runtime/tokens.py checks them."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.adapters.keys import ALGORITHM, key_ring
from shared.config import Settings

TYPE: Final = "at+jwt"
LIFE: Final = timedelta(minutes=10)


def issue(settings: Settings, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
    """A new access token. Times in it are seconds since the epoch. Raises Unavailable."""
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
    """Claims, signed with the key of now: the key's name, and the compact form (RFC 7515). Raises Unavailable.

    kind: its typ, by which nobody takes one kind for another.
    """
    kid, signer = key_ring(settings).signing(now)
    signed = f"{_part({'alg': ALGORITHM, 'typ': kind, 'kid': kid})}.{_part(claims)}"
    return kid, f"{signed}.{_base64url(signer.sign(signed.encode('ascii')))}"


def _part(members: dict[str, Any]) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode("ascii"))


def _base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
