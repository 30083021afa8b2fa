"""The facts of the identity service; shared/contracts/identity_events.proto is their contract."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class UserCreated:
    """Someone signed in for the first time. `address` is in its EIP-55 form."""

    type: ClassVar[str] = "user.created"
    user_id: str
    address: str
    home_region: str


@dataclass(frozen=True, slots=True)
class RolesGranted:
    """A user has these roles from now on, and no others but those of the configuration."""

    type: ClassVar[str] = "roles.granted"
    user_id: str
    roles: tuple[str, ...]
    granted_by: str


@dataclass(frozen=True, slots=True)
class SessionRevoked:
    """A session ended before its time. reason: signed_out or token_reused."""

    type: ClassVar[str] = "session.revoked"
    session_id: str
    user_id: str
    reason: str
