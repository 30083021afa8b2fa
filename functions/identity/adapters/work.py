"""The unit of work of the identity service: wires its ports to their adapters. The documents in Firestore:

    addresses/<address in lower case>    {user_id, contract_chain}: its owner, for ever; the contract wallet's chain
    users/<user id>                      the user
    sessions/<session id>                the session
    nonce_uses/<nonce>                   a used nonce
    identity_events/<stream>@<version>   the events (shared/outbox/firestore.py)

`delete_after` is the field of the TTL policies, by which Firestore deletes documents. Google's client and gRPC are
imported on first use: they are slow to load, and some operations need neither.
"""

import secrets
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING

from functions.identity.adapters.sessions import FirestoreNonceUses, FirestoreSessions
from functions.identity.adapters.signatures import EthereumSignatures
from functions.identity.adapters.tokens import JwtAccessTokens, KeyRingKeys
from functions.identity.adapters.users import FirestoreUsers
from functions.identity.domain.nonces import Nonces
from functions.identity.domain.sessions import RefreshTokens
from functions.identity.domain.siwe import Site
from functions.identity.domain.users import Grants
from shared.chain.ethereum import address_of
from shared.registry import load
from shared.telemetry.context import trace_context
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from functions.identity.adapters.clients import GrpcWallets
    from shared.chain.node import ChainClient


class Work(UnitOfWork):
    """The work of one operation on users and sessions. Each write is a commit of its own."""

    @cached_property
    def site(self) -> Site:
        """This site, as sign-in messages must name it."""
        return Site(self.settings.public_url, self.settings.allowed_chains, self.settings.allowed_origins)

    @cached_property
    def grants(self) -> Grants:
        """Roles granted by the configuration."""
        return Grants(self.settings.operator_addresses, self.settings.self_service_merchants)

    @cached_property
    def nonces(self) -> Nonces:
        """Issues and verifies nonces."""
        return Nonces(self.settings.secret("nonce_key"))

    @cached_property
    def refresh_tokens(self) -> RefreshTokens:
        """Issues and verifies refresh tokens."""
        return RefreshTokens(self.settings.secret("refresh_key"))

    @cached_property
    def nonce_uses(self) -> FirestoreNonceUses:
        """Used nonces."""
        return FirestoreNonceUses(self.resources.firestore(), self.resources.breaker("firestore"))

    @cached_property
    def users(self) -> FirestoreUsers:
        """The users."""
        return FirestoreUsers(self.resources.firestore(), self.resources.breaker("firestore"))

    @cached_property
    def sessions(self) -> FirestoreSessions:
        """The sessions."""
        firestore, breaker = self.resources.firestore(), self.resources.breaker("firestore")
        return FirestoreSessions(firestore, breaker, self.resources.sessions(), self.settings.cell)

    @cached_property
    def signatures(self) -> EthereumSignatures:
        """Ethereum addresses and signatures."""
        return EthereumSignatures(self._chain, self._admit)

    @cached_property
    def access_tokens(self) -> JwtAccessTokens:
        """Access tokens."""
        return JwtAccessTokens(self.settings)

    @cached_property
    def keys(self) -> KeyRingKeys:
        """The keys that sign access tokens."""
        return KeyRingKeys(self.settings)

    @cached_property
    def wallets(self) -> "GrpcWallets":
        """The wallet service."""
        from functions.identity.adapters.clients import GrpcWallets

        return GrpcWallets(partial(self.resources.channel, "wallet", "identity"), self.settings.cell)

    @cached_property
    def home_region(self) -> str:
        """The home region of users who sign in here for the first time."""
        return self.settings.region

    @cached_property
    def cell(self) -> str:
        """This process's cell."""
        return self.settings.cell

    def home_of(self, address: str) -> str:
        """The cell of that region in which the user of an address is at home: new users are spread over its cells."""
        cells = [cell for cell, region in load().cells.items() if region == self.settings.region]
        chosen = int.from_bytes(sha256(address.lower().encode()).digest()[:8], "big")
        return cells[chosen % len(cells)]

    def _chain(self, chain_id: int) -> "ChainClient | None":
        return self.resources.chain(chain_id, "contract wallets") if chain_id in self.settings.chain_urls else None

    def _admit(self, address: str) -> None:
        """Count a call of the contract at an address, for that address and for the client of this request."""
        self.resources.limits().admit("contract", {"address": address.lower(), "ip": trace_context().client})

    def local_address(self, person: str) -> str:
        """The address of one of the local stack's people. Raises ConfigurationError."""
        return address_of(bytes.fromhex(self.settings.secret(f"{person}_key").decode("ascii")))

    def random(self, count: int) -> bytes:
        """So many random bytes from a cryptographically secure source."""
        return secrets.token_bytes(count)
