"""Views: the JSON that callers of the identity service see."""

from typing import Literal

from functions.identity.domain.users import Role
from shared.contracts.operations import Time, View


class NonceView(View):
    """A nonce, and a message with it that is ready to be signed."""

    nonce: str
    message: str
    expires_at: Time


class TokensView(View):
    """The tokens of a session. `expires_in`: the lifetime of the access token in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    user_id: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme, not a secret


class KeyView(View):
    """A public RSA key (RFC 7517)."""

    kty: str
    use: str
    alg: str
    kid: str
    n: str
    e: str


class KeysView(View):
    """The keys with which access tokens can be verified."""

    keys: list[KeyView]


class RolesView(View):
    """The roles of a user: granted ones and those of the configuration."""

    user_id: str
    roles: list[Role]


class HomeView(View):
    """Where a user's wallets, orders and claims live."""

    region: str
    cell: str


class ProfileView(View):
    """The caller: current roles, and the scopes of the token."""

    id: str
    address: str
    roles: list[Role]
    scopes: list[str]
    home: HomeView
    created_at: Time


class UserView(View):
    """The caller, in the form of version 1."""

    user_id: str
    address: str
    roles: list[Role]
    scopes: list[str]
    home_region: str

    @classmethod
    def of(cls, profile: ProfileView) -> "UserView":
        """The profile of version 2, in the form of version 1."""
        return cls(
            user_id=profile.id,
            address=profile.address,
            roles=profile.roles,
            scopes=profile.scopes,
            home_region=profile.home.region,
        )
