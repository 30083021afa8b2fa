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
from functools import cached_property
from typing import TYPE_CHECKING

from functions.identity.domain.nonces import Nonces
from functions.identity.domain.sessions import RefreshTokens
from functions.identity.domain.siwe import Site
from functions.identity.domain.users import Grants
from functions.identity.store.sessions import NonceUseStore, SessionStore
from functions.identity.store.signatures import AccountSignatures
from functions.identity.store.tokens import PublishedKeys, SignedTokens
from functions.identity.store.users import UserStore
from shared.outbox.work import UnitOfWork
from shared.telemetry.context import trail

if TYPE_CHECKING:
    from functions.identity.clients import WalletClient
    from shared.adapters.chain import ChainClient


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
    def nonce_uses(self) -> NonceUseStore:
        """The nonces that were used."""
        return NonceUseStore(self.resources.firestore(), self.resources.breaker("firestore"))

    @cached_property
    def users(self) -> UserStore:
        """The users."""
        return UserStore(self.resources.firestore(), self.resources.breaker("firestore"))

    @cached_property
    def sessions(self) -> SessionStore:
        """The sessions."""
        firestore, breaker = self.resources.firestore(), self.resources.breaker("firestore")
        return SessionStore(firestore, breaker, self.resources.sessions(), self.settings.cell)

    @cached_property
    def signatures(self) -> AccountSignatures:
        """Ethereum's addresses and signatures."""
        return AccountSignatures(self._chain, self._admit)

    @cached_property
    def access_tokens(self) -> SignedTokens:
        """Access tokens."""
        return SignedTokens(self.settings)

    @cached_property
    def keys(self) -> PublishedKeys:
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

    def _chain(self, chain_id: int) -> "ChainClient | None":
        return self.resources.chain(chain_id, "contract wallets") if chain_id in self.settings.chain_urls else None

    def _admit(self, address: str) -> None:
        """Count that a contract is going to be asked on behalf of whoever sent the request."""
        self.resources.limits().admit("contract", {"address": address.lower(), "ip": trail().client})

    def random(self, count: int) -> bytes:
        """So many bytes that nobody can foresee."""
        return secrets.token_bytes(count)
