"""What callers see of users, sessions and keys."""

from typing import Literal

from functions.identity.domain.users import Role
from shared.contracts.operations import Time, View


class NonceView(View):
    """A nonce, and a message with it that is ready to be signed."""

    nonce: str
    message: str
    expires_at: Time


class TokensView(View):
    """What a signed-in user's client keeps. `expires_in`: seconds that the access token lives."""

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
    """The keys with which access tokens can be checked."""

    keys: list[KeyView]


class RolesView(View):
    """The roles of a user: those that were granted and those of the configuration."""

    user_id: str
    roles: list[Role]


class HomeView(View):
    """Where a user's wallets, orders and claims live."""

    region: str
    cell: str


class ProfileView(View):
    """The caller: the roles of now, and the scopes of the token."""

    id: str
    address: str
    roles: list[Role]
    scopes: list[str]
    home: HomeView
    created_at: Time


class UserView(View):
    """The caller, as the first version told of them."""

    user_id: str
    address: str
    roles: list[Role]
    scopes: list[str]
    home_region: str

    @classmethod
    def of(cls, profile: ProfileView) -> "UserView":
        """What the second version tells, in the words of the first."""
        return cls(
            user_id=profile.id,
            address=profile.address,
            roles=profile.roles,
            scopes=profile.scopes,
            home_region=profile.home.region,
        )
