"""A user: the holder of an address, with a home region and cell for all their data."""

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
    """A user. address: that of the first sign-in, in its EIP-55 form. roles: those that were granted.

    contract_chain: the chain of the contract wallet that verified the first sign-in, since on another chain the same
    address may belong to somebody else; None if the key of the address signed.
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
        """The user with exactly these granted roles; the same object if nothing changes."""
        requested = tuple(sorted(set(roles)))
        return self if requested == self.roles else replace(self, roles=requested, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Grants:
    """Roles granted by the configuration.

    operators: accounts in lower case; `0x...` is the holder of the address's key, `1:0x...` the contract wallet at that
    address on chain 1. everyone_sells: whether every user is a merchant.
    """

    operators: frozenset[str] = frozenset()
    everyone_sells: bool = False

    def roles(self, user: User) -> list[Role]:
        """All current roles of a user, sorted."""
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
    """Those of the names that are roles in this release."""
    return tuple(cast(Role, name) for name in names if name in get_args(Role))
