"""What identity operations may ask for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from functions.identity.domain.nonces import Nonces
from functions.identity.domain.sessions import RefreshTokens, Session
from functions.identity.domain.siwe import Site
from functions.identity.domain.users import Grants, User
from functions.identity.views import KeyView

Ending = Literal["signed_out", "token_reused"]


class NonceUses(Protocol):
    """The nonces that were used."""

    def consume(self, nonce: str, expires_at: datetime, command: str = "") -> bool:
        """Use a nonce; tells whether that was its first use. Once expired it may be forgotten. Raises Unavailable.

        command: what it is used for; where that is told, the same command uses it for the first time on every try.
        """


class Users(Protocol):
    """The users, each found by the addresses that are theirs."""

    def get(self, user_id: str) -> User:
        """A user by id. Raises NotFound, Unavailable."""

    def owner(self, address: str) -> str | None:
        """The id of the user whom an address belongs to. Raises Unavailable."""

    def of_address(self, address: str, contract_chain: int | None = None) -> User | None:
        """The user whom an address belongs to.

        contract_chain: the chain of the contract that vouches for the address; None where its key does.
        Raises AddressOfOtherChain when it was claimed by a contract on another chain, which may be another's;
        Unavailable.
        """

    def create(self, user: User) -> User:
        """Create a user, claim the address, and tell of it, all at once; answers whoever has the address already.

        Raises AddressOfOtherChain, Contended, Unavailable.
        """

    def link(self, user_id: str, address: str, contract_chain: int | None = None) -> None:
        """Claim one more address for a user; again, it does nothing. Raises AddressTaken, Unavailable."""

    def grant(self, user: User, by: str, now: datetime) -> bool:
        """Record a user's new roles, and tell of them; answers whether nobody else did so before.

        by: the user who granted them. Raises Unavailable.
        """


class Sessions(Protocol):
    """The sessions."""

    def open(self, session: Session) -> None:
        """Record a new session. Raises Unavailable."""

    def get(self, session_id: str) -> Session | None:
        """A session by id; ended ones are forgotten some time after they would have expired. Raises Unavailable."""

    def rotate(self, session: Session) -> bool:
        """Record a session's new token; tells whether it was still what it was read as. Raises Unavailable."""

    def revoke(self, session: Session, at: datetime, ending: Ending) -> None:
        """End a session for ever, whatever happens at the same time, and tell of it; an ended one stays as it is.

        Raises Unavailable.
        """


class Signatures(Protocol):
    """Ethereum's addresses and signatures."""

    def checksum(self, address: str) -> str:
        """The EIP-55 form of an address in one case or that form. Raises ValueError for anything else."""

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        """Make sure that an address signed a message as personal_sign does (EIP-191).

        Answers the chain of the contract that vouches for the signature (ERC-1271, ERC-6492); None where it is the
        key's own. Raises SignatureInvalid; ChainUnavailable when a contract would have to be asked and cannot be;
        Limited when contracts are asked too often for this address, or for whoever sends the request.
        """


class AccessTokens(Protocol):
    """Access tokens."""

    @property
    def life_seconds(self) -> int:
        """How long one lives."""

    def issue(self, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
        """A new access token. Raises Unavailable."""


class Keys(Protocol):
    """The keys that sign access tokens."""

    def published(self, now: datetime) -> list[KeyView]:
        """The public halves of those in use, and of the next. Raises Unavailable."""


class Wallets(Protocol):
    """What the wallet service is asked."""

    def open_default(self, user_id: str, address: str, chain_id: int) -> None:
        """Open a user's default wallet, unless there is one. Raises Unavailable."""


class IdentityWork(Protocol):
    """The work of one operation on users and sessions."""

    @property
    def site(self) -> Site:
        """This site, as messages have to name it."""

    @property
    def grants(self) -> Grants:
        """The roles that the configuration gives."""

    @property
    def nonces(self) -> Nonces:
        """Issues and recognises nonces."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """Makes and recognises refresh tokens."""

    @property
    def nonce_uses(self) -> NonceUses:
        """The nonces that were used."""

    @property
    def users(self) -> Users:
        """The users."""

    @property
    def sessions(self) -> Sessions:
        """The sessions."""

    @property
    def signatures(self) -> Signatures:
        """Ethereum's addresses and signatures."""

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
        """Where who signs in here for the first time is at home."""

    @property
    def home_cell(self) -> str:
        """The cell of that region."""

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""

    def random(self, count: int) -> bytes:
        """So many bytes that nobody can foresee."""
