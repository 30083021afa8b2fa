"""Claims in PostgreSQL and on their chain: the implementation of the ports."""

from datetime import timedelta
from functools import cached_property
from secrets import SystemRandom
from typing import TYPE_CHECKING, Final

from functions.claiming.clients import OrderClient
from functions.claiming.domain.redeeming import Patience
from functions.claiming.store.assets import Assets
from functions.claiming.store.claims import ClaimCursor, ClaimStore
from functions.claiming.store.receipts import ReceiptSeals, ReceiptStore
from functions.claiming.voucher import VoucherSigner
from shared.adapters.chains import SendingStore
from shared.outbox.work import UnitOfWork

if TYPE_CHECKING:
    from functions.claiming.store.chain import ClaimContract, Relayer
    from shared.adapters.sessions import Liveness

LONGEST: Final = timedelta(minutes=10)
"""How far apart two attempts of a redemption are at most."""


class Work(UnitOfWork):
    """The work of one operation on claims."""

    @cached_property
    def claims(self) -> ClaimStore:
        """Claims, as this transaction sees them."""
        return ClaimStore(self)

    @property
    def shown(self) -> ClaimStore:
        """Claims, as their people may see them."""
        return self.claims

    @cached_property
    def receipts(self) -> ReceiptStore:
        """Receipts that were given."""
        return ReceiptStore(self)

    @cached_property
    def seals(self) -> ReceiptSeals:
        """Signed receipts."""
        return ReceiptSeals(self.settings)

    @cached_property
    def cursor(self) -> ClaimCursor:
        """How far the chain was read."""
        return ClaimCursor(self.opened, self.settings.claim_chain_id)

    @cached_property
    def sendings(self) -> SendingStore:
        """The relayer's nonces."""
        return SendingStore(self.opened, self.settings.claim_chain_id, self.resources.signer("relayer").address)

    @property
    def sessions(self) -> "Liveness":
        """What this region believes of sessions."""
        return self.resources.sessions()

    def see_limits_kept(self) -> None:
        self.resources.limits().see_kept()

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "claiming"))

    @cached_property
    def assets(self) -> Assets:
        """Whose assets are."""
        return Assets(self)

    @cached_property
    def vouchers(self) -> VoucherSigner:
        """Signed vouchers."""
        return VoucherSigner(self.settings.claim_contract, self.resources.signer("voucher"))

    @property
    def voucher_ttl_seconds(self) -> int:
        """How long a voucher is good."""
        return self.settings.voucher_ttl_seconds

    @property
    def redeem_after(self) -> timedelta:
        """How long a claim is left to its buyer before the house redeems it."""
        return timedelta(seconds=self.settings.claim_redeem_after_seconds)

    @property
    def has_chain(self) -> bool:
        """Whether there is a node of the claim contract's chain here."""
        return self.settings.claim_chain_id in self.settings.chain_urls

    @property
    def relays(self) -> bool:
        """Whether the house redeems what is claimed."""
        return self.has_chain and self.settings.claim_redemption == "relayer"

    @cached_property
    def contract(self) -> "ClaimContract":
        """The claim contract. Raises Unavailable where there is no chain."""
        from functions.claiming.store.chain import ClaimContract

        return ClaimContract(self.settings, self.resources.chain(self.settings.claim_chain_id))

    @cached_property
    def relayer(self) -> "Relayer":
        """Who redeems in the house's name. Raises Unavailable where there is no chain."""
        from functions.claiming.store.chain import Relayer

        return Relayer(
            self.settings, self.resources.chain(self.settings.claim_chain_id), self.resources.signer("relayer")
        )

    @property
    def patience(self) -> Patience:
        """How often the house tries."""
        first = timedelta(seconds=self.settings.claim_retry_seconds)
        return Patience(self.settings.claim_attempts, first, LONGEST)

    def chance(self) -> float:
        """A number from 0 to 1, by chance."""
        return SystemRandom().random()
