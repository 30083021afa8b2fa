"""Sessions: a family of refresh tokens of which one is current. Rotation and reuse follow RFC 9700, section 4.14.2.

A token is `<session id>.<64 characters>`: 32 secret bytes and a MAC of 16, in base64url. The MAC distinguishes a token
that was once issued from a forged one, so that nobody can end a session of which only the id is known. A token's
successor is derived from it by another MAC: a retry gets the same one, although only hashes are stored.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from functions.identity.domain.errors import InvalidGrant, TokenReused
from shared import ids

LIFE: Final = timedelta(days=30)
IDLE_LIFE: Final = timedelta(days=7)
GRACE: Final = timedelta(seconds=10)
"""How long after a rotation the replaced token is still accepted: the response may have been lost."""

SECRET_BYTES: Final = 32
TAG_BYTES: Final = 16
_FORM: Final = re.compile(rf"(ses_{ids.CELL}_[0-9a-z]{{26}})\.([A-Za-z0-9_-]{{64}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RefreshTokens:
    """Issues and verifies refresh tokens. key: 32 secret bytes or more, the same in every region."""

    key: bytes = field(repr=False)

    def first(self, session_id: str, random: bytes) -> str:
        """The first token of a session. random: SECRET_BYTES of them."""
        if len(random) != SECRET_BYTES:
            raise ValueError(f"{SECRET_BYTES} random bytes")
        return self._token(session_id, random)

    def successor(self, token: str) -> str:
        """The token that replaces a token; always the same one."""
        return self._token(self.session_of(token), self._mac("successor", token.encode("ascii")))

    def session_of(self, token: str) -> str:
        """The session that a token was issued for. Raises InvalidGrant for one that was never issued."""
        matched = _FORM.fullmatch(token)
        if matched is None or not ids.valid(matched[1], "ses"):
            raise InvalidGrant
        secret = base64.urlsafe_b64decode(matched[2])[:SECRET_BYTES]
        if not hmac.compare_digest(token, self._token(matched[1], secret)):
            raise InvalidGrant
        return matched[1]

    def _token(self, session_id: str, secret: bytes) -> str:
        tag = self._mac("issued", session_id.encode("ascii") + secret)[:TAG_BYTES]
        return f"{session_id}.{base64.urlsafe_b64encode(secret + tag).decode('ascii')}"

    def _mac(self, purpose: str, data: bytes) -> bytes:
        return hmac.digest(self.key, f"{purpose}\0".encode("ascii") + data, hashlib.sha256)


def hashed(token: str) -> str:
    """How a token is stored: SHA-256 in hexadecimal. Its 256 random bits need no salt and no stretching."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Session:
    """A family of refresh tokens.

    expires_at: the absolute end. idle_expires_at: the end unless it is refreshed before.
    revision: the store's version of it, for optimistic locking.
    """

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    idle_expires_at: datetime
    current_hash: str
    rotated_at: datetime
    previous_hash: str | None = None
    revoked_at: datetime | None = None
    revision: object = field(default=None, compare=False)

    @classmethod
    def begin(cls, session_id: str, user_id: str, token: str, now: datetime) -> "Session":
        """A new session, with its first token."""
        return cls(
            id=session_id,
            user_id=user_id,
            created_at=now,
            expires_at=now + LIFE,
            idle_expires_at=now + IDLE_LIFE,
            current_hash=hashed(token),
            rotated_at=now,
        )

    def alive(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at and now < self.idle_expires_at

    def refreshed(self, token: str, successor: str, now: datetime) -> "Session":
        """The session after one of its tokens was presented; itself when that is the retry of a rotation.

        Raises InvalidGrant when the session has ended; TokenReused for an old token: the session must then be revoked.
        """
        if not self.alive(now):
            raise InvalidGrant
        presented = hashed(token)
        if presented == self.current_hash:
            return replace(
                self,
                previous_hash=presented,
                current_hash=hashed(successor),
                rotated_at=now,
                idle_expires_at=now + IDLE_LIFE,
            )
        if presented == self.previous_hash and now <= self.rotated_at + GRACE:
            return self
        raise TokenReused
