"""The ports of the identity service: what its operations need from storage, the chain and other services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from functions.identity.domain.nonces import Nonces
    from functions.identity.domain.sessions import RefreshTokens, Session
    from functions.identity.domain.siwe import Site
    from functions.identity.domain.users import Grants, User
    from functions.identity.views import KeyView

RevocationReason = Literal["signed_out", "token_reused"]


class NonceUses(Protocol):
    """Used nonces."""

    def consume(self, nonce: str, expires_at: datetime, command: str = "") -> bool:
        """Use a nonce. Returns whether this is its first use. It may be deleted once expired. Raises Unavailable.

        command: identifies the request; if given, every retry of the same command counts as the first use.
        """


class Users(Protocol):
    """Users, and the addresses that belong to them."""

    def get(self, user_id: str) -> User:
        """A user by id. Raises NotFound, Unavailable."""

    def owner(self, address: str) -> str | None:
        """The id of the user whom an address belongs to; None if nobody. Raises Unavailable."""

    def of_address(self, address: str, contract_chain: int | None = None) -> User | None:
        """The user whom an address belongs to; None if nobody.

        contract_chain: the chain of the contract wallet that verified the signature; None if the key itself signed.
        Raises AddressOfOtherChain when the address was claimed by a contract on another chain, which may belong to
        somebody else; Unavailable.
        """

    def create(self, user: User) -> User:
        """Create a user, claim the address and append the event, atomically. Returns the present owner of the address.

        Raises AddressOfOtherChain, Contended, Unavailable.
        """

    def link(self, user_id: str, address: str, contract_chain: int | None = None) -> None:
        """Claim a further address for a user; a repeat does nothing. Raises AddressTaken, Unavailable."""

    def grant(self, user: User, by: str, now: datetime) -> bool:
        """Store a user's new roles and append the event. Returns false when another change came first.

        by: the id of the operator who granted them. Raises Unavailable.
        """


class Sessions(Protocol):
    """The sessions."""

    def open(self, session: Session) -> None:
        """Store a new session. Raises Unavailable."""

    def get(self, session_id: str) -> Session | None:
        """A session by id; ended ones are deleted some time after their expiry. Raises Unavailable."""

    def rotate(self, session: Session) -> bool:
        """Store a session's new token. Returns false if it has changed since it was read. Raises Unavailable."""

    def revoke(self, session: Session, at: datetime, reason: RevocationReason) -> None:
        """End a session for good, whatever happens at the same time, and append the event. An ended one is not changed.

        Raises Unavailable.
        """


class Signatures(Protocol):
    """Ethereum addresses and signatures."""

    def checksum(self, address: str) -> str:
        """The EIP-55 form of an address, given in that form or in one case. Raises ValueError for anything else."""

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        """Verify that an address signed a message with personal_sign (EIP-191).

        Returns the chain of the contract that verified the signature (ERC-1271, ERC-6492); None if the key itself
        signed. Raises SignatureInvalid; ChainUnavailable when a contract would have to be called and cannot be; Limited
        when contracts are called too often for this address, or for this client.
        """


class AccessTokens(Protocol):
    """Access tokens."""

    @property
    def life_seconds(self) -> int:
        """The lifetime of a token, in seconds."""

    def issue(self, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
        """A new access token. Raises Unavailable."""


class Keys(Protocol):
    """The keys that sign access tokens."""

    def published(self, now: datetime) -> list[KeyView]:
        """The public keys of those in use, and of the next. Raises Unavailable."""


class Wallets(Protocol):
    """The wallet service."""

    def open_default(self, user: User, chain_id: int) -> None:
        """Open a user's default wallet in their home cell, unless the user has one. Raises Unavailable."""


class IdentityWork(Protocol):
    """The work of one operation on users and sessions."""

    @property
    def site(self) -> Site:
        """This site, as sign-in messages must name it."""

    @property
    def grants(self) -> Grants:
        """Roles granted by the configuration."""

    @property
    def nonces(self) -> Nonces:
        """Issues and verifies nonces."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """Issues and verifies refresh tokens."""

    @property
    def nonce_uses(self) -> NonceUses:
        """Used nonces."""

    @property
    def users(self) -> Users:
        """The users."""

    @property
    def sessions(self) -> Sessions:
        """The sessions."""

    @property
    def signatures(self) -> Signatures:
        """Ethereum addresses and signatures."""

    @property
    def access_tokens(self) -> AccessTokens:
        """Access tokens."""

    @property
    def keys(self) -> Keys:
        """The keys that sign access tokens."""

    @property
    def wallets(self) -> Wallets:
        """The wallet service."""

    @property
    def home_region(self) -> str:
        """The home region of users who sign in here for the first time."""

    def home_of(self, address: str) -> str:
        """The cell of that region in which the user of an address is at home."""

    @property
    def cell(self) -> str:
        """This process's cell."""

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A new id of this cell."""

    def local_address(self, person: str) -> str:
        """The address of one of the local stack's people. Raises ConfigurationError."""

    def random(self, count: int) -> bytes:
        """So many random bytes from a cryptographically secure source."""
