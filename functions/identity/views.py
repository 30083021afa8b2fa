"""Views: the JSON that callers of the identity service see."""

from typing import Annotated, Literal

import msgspec

from functions.identity.domain.users import Role
from shared.contracts.fields import ShownAddress, UserId
from shared.contracts.operations import Time, View

RefreshToken = Annotated[
    str,
    msgspec.Meta(
        description="The refresh token of the last answer.",
        examples=["ses_us_01kb9p2t6c4v8x1m5n7q3r0s9w.k3Jd0Zq2m8s1xV7wPz5YtRn4b6Gh9LcA"],
    ),
]
Scopes = Annotated[list[str], msgspec.Meta(examples=[["order:read", "order:write", "supply:read"]])]
SIGN_IN_MESSAGE = """127.0.0.1:8080 wants you to sign in with your Ethereum account:
0x70997970C51812dc3A010C7d01b50e0d17dc79C8

Sign in to Meridian.

URI: http://127.0.0.1:8080
Version: 1
Chain ID: 31337
Nonce: Zc3mLw0cQ7yq1d8K5tRnB2
Issued At: 2026-11-30T09:30:00Z
Expiration Time: 2026-11-30T09:35:00Z"""
"""What a message looks like (functions/identity/domain/siwe.py)."""


class NonceView(View):
    """A nonce, and a message with it that is ready to be signed."""

    nonce: Annotated[str, msgspec.Meta(examples=["Zc3mLw0cQ7yq1d8K5tRnB2"])]
    """A nonce for this address and chain, used once."""

    message: Annotated[str, msgspec.Meta(examples=[SIGN_IN_MESSAGE])]
    """A complete EIP-4361 message with it: have the wallet sign it as it is (`personal_sign`)."""

    expires_at: Time
    """Until when it may be used: 5 minutes."""


class TokensView(View):
    """The tokens of a session."""

    access_token: Annotated[str, msgspec.Meta(examples=["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2ln"])]
    """Send it as `Authorization: Bearer <access_token>`. A JWT in the profile of RFC 9068."""

    expires_in: Annotated[int, msgspec.Meta(examples=[600])]
    """For how many seconds the access token is valid."""

    refresh_token: RefreshToken
    """What to get the next access token with, once: every refresh returns the next one. Keep it secret."""

    user_id: UserId
    """The user who signed in."""

    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme, not a secret
    """How to send the access token (RFC 6750)."""


class KeyView(View):
    """A public RSA key (RFC 7517)."""

    kty: Annotated[str, msgspec.Meta(examples=["RSA"])]
    """The type of the key: RSA."""

    use: Annotated[str, msgspec.Meta(examples=["sig"])]
    """What it is for: signatures."""

    alg: Annotated[str, msgspec.Meta(examples=["RS256"])]
    """The algorithm that it is used with."""

    kid: Annotated[str, msgspec.Meta(examples=["2026-11-a"])]
    """Its id, as in the header of the tokens that it signed."""

    n: Annotated[str, msgspec.Meta(examples=["0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAt"])]
    """The modulus: a big-endian integer in base64url."""

    e: Annotated[str, msgspec.Meta(examples=["AQAB"])]
    """The exponent: a big-endian integer in base64url."""


class KeysView(View):
    """The keys with which access tokens can be verified."""

    keys: list[KeyView]
    """The public keys: those whose tokens may still be valid, and the next one."""


class RolesView(View):
    """The roles of a user: granted ones and those of the configuration."""

    user_id: UserId
    """The user whose roles they are."""

    roles: list[Role]
    """All roles, granted ones and those of the configuration; they apply from the next refresh of a session."""


class HomeView(View):
    """Where a user's wallets, orders and claims live."""

    region: Annotated[str, msgspec.Meta(examples=["us-central1"])]
    """The region that serves the cell."""

    cell: Annotated[str, msgspec.Meta(examples=["us"])]
    """The cell, as in the user's id."""


class ProfileView(View):
    """The caller: current roles, and the scopes of the token."""

    id: UserId
    """The user's id."""

    address: ShownAddress
    """The address that they sign in with, in its EIP-55 form."""

    roles: list[Role]
    """Their present roles."""

    scopes: Scopes
    """What the access token that was sent may do."""

    home: HomeView
    """Where their wallets, orders and claims live."""

    created_at: Time
    """When they first signed in."""


class UserView(View):
    """The caller, in the form of version 1."""

    user_id: UserId
    """The user's id."""

    address: ShownAddress
    """The address that they sign in with, in its EIP-55 form."""

    roles: list[Role]
    """Their present roles."""

    scopes: Scopes
    """What the access token that was sent may do."""

    home_region: Annotated[str, msgspec.Meta(examples=["us-central1"])]
    """The region where their wallets, orders and claims live."""

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
