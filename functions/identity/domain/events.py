"""The events of the identity service; their contract is shared/contracts/identity_events.proto."""

from typing import ClassVar

import msgspec


class UserCreated(msgspec.Struct, frozen=True):
    """A user signed in for the first time. address: in its EIP-55 form."""

    type: ClassVar[str] = "user.created"
    user_id: str
    address: str
    home_region: str


class RolesGranted(msgspec.Struct, frozen=True):
    """A user was granted these roles, which replace all granted before; those of the configuration are not listed."""

    type: ClassVar[str] = "roles.granted"
    user_id: str
    roles: tuple[str, ...]
    granted_by: str


class SessionRevoked(msgspec.Struct, frozen=True):
    """A session ended before its time. reason: signed_out or token_reused."""

    type: ClassVar[str] = "session.revoked"
    session_id: str
    user_id: str
    reason: str
