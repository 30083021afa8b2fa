"""Users and sessions in Firestore: the implementation of the ports, documents to domain and back.

    addresses/<address in lower case>    {user_id, contract_chain}: whose it is, for ever; by a contract on which chain
    users/<user id>                      the user
    sessions/<session id>                the session
    nonce_uses/<nonce>                   that it was used
    identity_events/<stream>@<version>   the facts (shared/outbox/firestore.py)

`delete_after` is the field of the TTL policies: what it names is past any use by then. Google's client and
gRPC are imported on first use: they are slow to load, and some operations need neither.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.identity.domain.errors import AddressOfOtherChain, AddressTaken, SignatureInvalid
from functions.identity.domain.events import RolesGranted, SessionRevoked, UserCreated
from functions.identity.domain.nonces import Nonces
from functions.identity.domain.sessions import RefreshTokens, Session
from functions.identity.domain.siwe import Site
from functions.identity.domain.users import Grants, User, known_roles
from functions.identity.ports import Ending
from functions.identity.views import KeyView
from shared import ids
from shared.adapters import ethereum, keys, sessions, tokens
from shared.adapters.firestore import answering, patience
from shared.config import Settings
from shared.errors import Contended, NotFound
from shared.outbox.work import UnitOfWork

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from functions.identity.clients import WalletClient
    from shared.adapters.sessions import Liveness

KEPT: Final = timedelta(days=1)
"""How long what has expired is kept, against clocks that differ."""


class Work(UnitOfWork):
    """The work of one operation on users and sessions. Each write is a commit of its own."""

    @cached_property
    def site(self) -> Site:
        """This site, as messages have to name it."""
        return Site(self.settings.public_url, self.settings.allowed_chains, self.settings.allowed_origins)

    @cached_property
    def grants(self) -> Grants:
        """The roles that the configuration gives."""
        return Grants(self.settings.operator_addresses, self.settings.self_service_merchants)

    @cached_property
    def nonces(self) -> Nonces:
        """Issues and recognises nonces."""
        return Nonces(self.settings.secret("nonce_key"))

    @cached_property
    def refresh_tokens(self) -> RefreshTokens:
        """Makes and recognises refresh tokens."""
        return RefreshTokens(self.settings.secret("refresh_key"))

    @cached_property
    def nonce_uses(self) -> "NonceUseStore":
        """The nonces that were used."""
        return NonceUseStore(self.resources.firestore())

    @cached_property
    def users(self) -> "UserStore":
        """The users."""
        return UserStore(self.resources.firestore())

    @cached_property
    def sessions(self) -> "SessionStore":
        """The sessions."""
        return SessionStore(self.resources.firestore(), self.resources.sessions(), self.settings.cell)

    @cached_property
    def signatures(self) -> "AccountSignatures":
        """Ethereum's addresses and signatures."""
        return AccountSignatures()

    @cached_property
    def access_tokens(self) -> "SignedTokens":
        """Access tokens."""
        return SignedTokens(self.settings)

    @cached_property
    def keys(self) -> "PublishedKeys":
        """The keys that sign access tokens."""
        return PublishedKeys(self.settings)

    @cached_property
    def wallets(self) -> "WalletClient":
        """The wallet service."""
        from functions.identity.clients import WalletClient

        return WalletClient(self.resources.channel("wallet", "identity"))

    @cached_property
    def home_region(self) -> str:
        """Where who signs in here for the first time is at home."""
        return self.settings.region

    @cached_property
    def home_cell(self) -> str:
        """The cell of that region."""
        return self.settings.cell

    def random(self, count: int) -> bytes:
        """So many bytes that nobody can foresee."""
        return secrets.token_bytes(count)


class NonceUseStore:
    """The nonces that were used."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def consume(self, nonce: str, expires_at: datetime) -> bool:
        # Of several create() exactly one succeeds. One that is tried again after it succeeded unnoticed fails as well:
        # that refuses somebody who may sign in with another nonce, and lets nobody in.
        from google.api_core.exceptions import AlreadyExists

        with answering():
            try:
                use = {"delete_after": expires_at + KEPT}
                self._client.collection("nonce_uses").document(nonce).create(use, **patience())
            except AlreadyExists:
                return False
        return True


class UserStore:
    """The users, and whose an address is."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def get(self, user_id: str) -> User:
        if not ids.valid(user_id, "usr"):
            raise NotFound("There is no such user.")
        with answering():
            snapshot = self._client.collection("users").document(user_id).get(**patience())
        if not snapshot.exists:
            raise NotFound("There is no such user.")
        return _user(user_id, snapshot.to_dict() or {})

    def owner(self, address: str) -> str | None:
        claim = self._claim(address)
        return str(claim["user_id"]) if claim else None

    def of_address(self, address: str, contract_chain: int | None = None) -> User | None:
        claim = self._claim(address)
        if claim is None:
            return None
        # A key that signs is the same everywhere. A contract's address can be another's contract on another chain,
        # unless the key has been seen: then only the key can have put code there (EIP-7702).
        if contract_chain is not None and claim.get("contract_chain") not in (None, contract_chain):
            raise AddressOfOtherChain
        return self.get(claim["user_id"])

    def create(self, user: User, contract_chain: int | None = None) -> User:
        from google.api_core.exceptions import AlreadyExists

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.create(self._address(user.address), {"user_id": user.id, "contract_chain": contract_chain})
        batch.create(self._client.collection("users").document(user.id), _user_document(user))
        fact = UserCreated(user_id=user.id, address=user.address, home_region=user.home_region)
        append(self._client, batch, user.home_cell, user.created_at, user.id, user.version, fact)
        with answering():
            try:
                batch.commit(**patience())
            except AlreadyExists as error:
                winner = self.of_address(user.address, contract_chain)
                if winner is None:
                    raise Contended from error
                return winner
        return user

    def link(self, user_id: str, address: str, contract_chain: int | None = None) -> None:
        from google.api_core.exceptions import AlreadyExists

        with answering():
            try:
                self._address(address).create({"user_id": user_id, "contract_chain": contract_chain}, **patience())
            except AlreadyExists as error:
                if self.owner(address) != user_id:
                    raise AddressTaken from error

    def grant(self, user: User, now: datetime) -> bool:
        from google.api_core.exceptions import AlreadyExists

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.update(self._client.collection("users").document(user.id), _granted(user))
        fact = RolesGranted(user_id=user.id, roles=user.roles)
        append(self._client, batch, user.home_cell, now, user.id, user.version, fact)
        with answering():
            try:
                batch.commit(**patience())
            except AlreadyExists:
                return False
        return True

    def _address(self, address: str) -> Any:
        return self._client.collection("addresses").document(address.lower())

    def _claim(self, address: str) -> dict[str, Any] | None:
        with answering():
            snapshot = self._address(address).get(**patience())
        return snapshot.to_dict() if snapshot.exists else None


class SessionStore:
    """The sessions."""

    def __init__(self, client: "Client", liveness: "Liveness", cell: str) -> None:
        """liveness: learns first that a session ended. cell: where the facts about it are at home."""
        self._client = client
        self._liveness = liveness
        self._cell = cell

    def open(self, session: Session) -> None:
        from google.api_core.exceptions import AlreadyExists

        with answering():
            try:
                self._document(session.id).create(_session_document(session), **patience())
            except AlreadyExists:
                return  # a try of ours that we thought had failed: nobody else has this id

    def get(self, session_id: str) -> Session | None:
        with answering():
            snapshot = self._document(session_id).get(**patience())
        if not snapshot.exists:
            return None
        fields = snapshot.to_dict() or {}
        names = [name for name in Session.__dataclass_fields__ if name in fields]
        return Session(id=session_id, revision=snapshot.update_time, **{name: fields[name] for name in names})

    def rotate(self, session: Session) -> bool:
        from google.api_core.exceptions import FailedPrecondition, NotFound

        unchanged = self._client.write_option(last_update_time=session.revision)
        with answering():
            try:
                self._document(session.id).update(_session_document(session), option=unchanged, **patience())
            except (FailedPrecondition, NotFound):
                return False
        return True

    def revoke(self, session: Session, at: datetime, ending: Ending) -> None:
        # Without a precondition: whoever rotates at the same time has one, reads again, and finds the session ended.
        from google.api_core.exceptions import AlreadyExists, NotFound

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.update(self._document(session.id), {"revoked_at": at, "ending": ending})
        fact = SessionRevoked(session_id=session.id, user_id=session.user_id, reason=ending)
        append(self._client, batch, self._cell, at, session.id, 1, fact)
        with answering(), suppress(AlreadyExists, NotFound):  # it ended before; it expired long ago
            batch.commit(**patience())
        self._liveness.ended(session.id)

    def _document(self, session_id: str) -> Any:
        return self._client.collection(sessions.COLLECTION).document(session_id)


class AccountSignatures:
    """Addresses, and signatures of accounts that have a key."""

    def checksum(self, address: str) -> str:
        return ethereum.canonical_address(address)

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        try:
            signer = ethereum.recover(ethereum.personal_digest(message), signature)
        except ethereum.InvalidSignature as error:
            raise SignatureInvalid from error
        if signer != address:
            raise SignatureInvalid
        return None


class SignedTokens:
    """Access tokens."""

    life_seconds = int(tokens.LIFE.total_seconds())

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def issue(self, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
        return tokens.issue(self._settings, user_id, session_id, scopes, now)


class PublishedKeys:
    """The keys that sign access tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def published(self, now: datetime) -> list[KeyView]:
        return msgspec.convert(keys.key_ring(self._settings).published(now), list[KeyView], from_attributes=True)


def _user(user_id: str, fields: dict[str, Any]) -> User:
    return User(
        id=user_id,
        address=fields["address"],
        home_region=fields["home_region"],
        home_cell=fields["home_cell"],
        created_at=fields["created_at"],
        roles=known_roles(fields["roles"]),
        version=fields["version"],
    )


def _user_document(user: User) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "address": user.address,
        "home_region": user.home_region,
        "home_cell": user.home_cell,
        "created_at": user.created_at,
        **_granted(user),
    }


def _granted(user: User) -> dict[str, Any]:
    return {"roles": list(user.roles), "version": user.version}


def _session_document(session: Session) -> dict[str, Any]:
    return {
        "user_id": session.user_id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "idle_expires_at": session.idle_expires_at,
        "current_hash": session.current_hash,
        "previous_hash": session.previous_hash,
        "rotated_at": session.rotated_at,
        "revoked_at": session.revoked_at,
        "delete_after": session.expires_at + KEPT,
    }
