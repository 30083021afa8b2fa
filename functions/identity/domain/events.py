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
