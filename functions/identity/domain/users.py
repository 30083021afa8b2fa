"""A user: whoever holds the key of an address, with a home for all that is theirs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, cast, get_args

Role = Literal["merchant", "operator"]

EVERYONE: Final = (
    "supply:read",
    "order:read",
    "order:write",
    "claim:read",
    "claim:execute",
    "wallet:read",
    "wallet:write",
)
OF_ROLE: Final[dict[Role, tuple[str, ...]]] = {
    "merchant": ("supply:write", "webhook:write"),
    "operator": ("operator",),
}
"""The scopes that a role adds to everyone's."""


@dataclass(frozen=True, slots=True)
class User:
    """A user. `address`, in its EIP-55 form, is the one of the first sign-in; `roles` are those that were granted.

    contract_chain: the chain of the contract that vouched for the address then, since on another one the same address
    may be somebody else's; None where the key of the address did.
    """

    id: str
    address: str
    home_region: str
    home_cell: str
    created_at: datetime
    contract_chain: int | None = None
    roles: tuple[Role, ...] = ()
    version: int = 1

    def granted(self, roles: Iterable[Role]) -> "User":
        """The user with these roles and no others; the same where nothing changes."""
        wanted = tuple(sorted(set(roles)))
        return self if wanted == self.roles else replace(self, roles=wanted, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Grants:
    """The roles that the configuration gives.

    operators: accounts in lower case; `0x...` is who has the address's key, `1:0x...` the contract there on chain 1.
    """

    operators: frozenset[str] = frozenset()
    everyone_sells: bool = False

    def roles(self, user: User) -> list[Role]:
        """All roles of a user now, sorted."""
        given: set[Role] = set(user.roles)
        if self.everyone_sells:
            given.add("merchant")
        on_chain = "" if user.contract_chain is None else f"{user.contract_chain}:"
        if on_chain + user.address.lower() in self.operators:
            given.add("operator")
        return sorted(given)


def scopes(roles: list[Role]) -> list[str]:
    """The scopes of a user with these roles."""
    return [*EVERYONE, *(scope for role in roles for scope in OF_ROLE[role])]


def known_roles(names: list[str]) -> tuple[Role, ...]:
    """The names among these that are roles today."""
    return tuple(cast(Role, name) for name in names if name in get_args(Role))
