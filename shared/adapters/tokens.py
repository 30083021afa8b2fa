"""Makes access tokens: JWTs (RFC 7519) as RFC 9068 has them, signed RS256. shared/runtime/tokens.py checks them."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec

from shared.config import Settings

TYPE: Final = "at+jwt"
ALGORITHM: Final = "RS256"
LIFE: Final = timedelta(minutes=10)


def issue(settings: Settings, user_id: str, session_id: str, scopes: list[str], now: datetime) -> str:
    """A new access token. Times in it are seconds since the epoch."""
    import jwt

    claims = {
        "iss": settings.public_url,
        "aud": settings.public_url,
        "sub": user_id,
        "sid": session_id,
        "scope": " ".join(scopes),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
    }
    key = _signing_key(settings)
    kid = published_keys(settings)[0]["kid"]
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": kid})


@cache
def published_keys(settings: Settings) -> list[dict[str, Any]]:
    """The public keys as JWKs (RFC 7517), the one that signs first; read once a process."""
    keys: list[dict[str, Any]] = msgspec.json.decode(settings.secret("jwks.json"))["keys"]
    return keys


@cache
def _signing_key(settings: Settings) -> Any:
    """The private key, parsed once a process: that costs more than a signature."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(settings.secret("jwt_signing_key.pem"), password=None)
