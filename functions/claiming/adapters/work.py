"""The unit of work of the claiming service: wires its ports to their adapters."""

from datetime import timedelta
from functools import cached_property
from secrets import SystemRandom
from typing import TYPE_CHECKING, Final

from functions.claiming.adapters.assets import FirestoreAssets
from functions.claiming.adapters.claims import PostgresClaimCursor, PostgresClaims
from functions.claiming.adapters.clients import GrpcOrders
from functions.claiming.adapters.receipts import JwsReceiptSigner, PostgresReceipts
from functions.claiming.adapters.voucher import Eip712Vouchers
from functions.claiming.domain.redemption import RetryPolicy
from shared.chain.nonce_store import PostgresNonceStore
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from functions.claiming.adapters.chain import ChainClaimContract, ChainRelayer
    from shared.auth.sessions import SessionChecker

MAX_RETRY_DELAY: Final = timedelta(minutes=10)
"""The longest delay between two attempts to redeem a claim."""


class Work(UnitOfWork):
    """The work of one operation on claims."""

    @cached_property
    def claims(self) -> PostgresClaims:
        """Claims, as this transaction sees them."""
        return PostgresClaims(self)

    @property
    def shown(self) -> PostgresClaims:
        """Claims as views, from the cache where possible."""
        return self.claims

    @cached_property
    def receipts(self) -> PostgresReceipts:
        """Issued receipts."""
        return PostgresReceipts(self)

    @cached_property
    def receipt_signer(self) -> JwsReceiptSigner:
        """Signs receipts."""
        return JwsReceiptSigner(self.settings)

    @cached_property
    def cursor(self) -> PostgresClaimCursor:
        """How far the chain was read."""
        return PostgresClaimCursor(self.current_transaction, self.settings.claim_chain_id)

    @cached_property
    def nonces(self) -> PostgresNonceStore:
        """The relayer's nonces."""
        return PostgresNonceStore(
            self.current_transaction, self.settings.claim_chain_id, self.resources.signer("relayer").address
        )

    @property
    def sessions(self) -> "SessionChecker":
        """This region's cache of sessions."""
        return self.resources.sessions()

    def require_rate_limits(self) -> None:
        self.resources.limits().check_shared_store()

    @cached_property
    def orders(self) -> GrpcOrders:
        """The order service."""
        return GrpcOrders(self.resources.channel("order", "claiming"))

    @cached_property
    def assets(self) -> FirestoreAssets:
        """The bindings of assets to merchants."""
        return FirestoreAssets(self)

    @cached_property
    def vouchers(self) -> Eip712Vouchers:
        """Signed vouchers."""
        return Eip712Vouchers(self.settings.claim_contract, self.resources.signer("voucher"))

    @property
    def voucher_ttl_seconds(self) -> int:
        """How long a voucher is valid."""
        return self.settings.voucher_ttl_seconds

    @property
    def redeem_after(self) -> timedelta:
        """How long a claim is left to its buyer before the relayer redeems it."""
        return timedelta(seconds=self.settings.claim_redeem_after_seconds)

    @property
    def has_chain(self) -> bool:
        """Whether a node of the claim contract's chain is configured."""
        return self.settings.claim_chain_id in self.settings.chain_urls

    @property
    def relays(self) -> bool:
        """Whether the relayer redeems claims."""
        return self.has_chain and self.settings.claim_redemption == "relayer"

    @cached_property
    def contract(self) -> "ChainClaimContract":
        """The claim contract. Raises Unavailable when no chain is configured."""
        from functions.claiming.adapters.chain import ChainClaimContract

        return ChainClaimContract(self.settings, self.resources.chain(self.settings.claim_chain_id))

    @cached_property
    def relayer(self) -> "ChainRelayer":
        """The relayer. Raises Unavailable when no chain is configured."""
        from functions.claiming.adapters.chain import ChainRelayer

        chain, signer = self.resources.chain(self.settings.claim_chain_id), self.resources.signer("relayer")
        return ChainRelayer(self.settings, chain, signer, self.resources.gate(self.service))

    def former_relayer(self, sender: str) -> "ChainRelayer":
        """The key of a region that has served this cell before. Raises Unavailable when no chain is configured."""
        from functions.claiming.adapters.chain import ChainRelayer
        from shared.chain.signers import FormerSigner

        client = self.resources.chain(self.settings.claim_chain_id)
        return ChainRelayer(self.settings, client, FormerSigner(sender))

    @property
    def retry_policy(self) -> RetryPolicy:
        """How often, and at what intervals, the relayer retries."""
        first = timedelta(seconds=self.settings.claim_retry_seconds)
        return RetryPolicy(self.settings.claim_attempts, first, MAX_RETRY_DELAY)

    def chance(self) -> float:
        """A random number from 0 to 1, for jitter."""
        return SystemRandom().random()
