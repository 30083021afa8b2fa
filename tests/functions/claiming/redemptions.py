"""A claim contract and a relayer for isolated services on the stack's chain; the test itself is their scheduler."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from emulators.stack.parts.contracts import DEPLOYER
from functions.claiming.adapters.work import Work
from functions.claiming.retry_claim import RetryClaim
from functions.claiming.views import ClaimView
from functions.supply.views import AssetView
from shared.chain import artefacts
from shared.chain.abi import encoded
from shared.chain.ethereum import checksum_address
from shared.chain.signers import FileSigner
from shared.config import Settings
from shared.money import Amount
from tests.assets import Minting, asset_of, owned
from tests.chain import LocalChain
from tests.functions.claiming.conftest import Bought
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.shared.chain.solidity.test_claims import CLAIM, arguments, signature

ETHER: Final = 10**18
ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 60
CONFIRMATIONS: Final = 12
"""So many that the blocks which the node makes by itself do not come to it while a test looks."""
OTHER_CHAIN: Final = 1
"""Another chain than the relayer's, with the same contracts on it."""
LATER: Final = timedelta(hours=1)
"""Longer than any pause between two attempts."""


class Redemptions:
    """The chain's side of the claims of isolated services."""

    def __init__(self, isolated: IsolatedServices, chain: LocalChain, seller: IsolatedUser, contract: str) -> None:
        self.isolated = isolated
        self.chain = chain
        self.contract = contract
        self.seller = seller

    def work(self) -> Work:
        """The claiming service's work, outside of any transaction."""
        return Work(self.isolated.resources, "claiming")

    def claimed(self, *quantities: int, recipient: str | None = None, **terms: Any) -> Bought:
        """Something that was bought and claimed. terms: those of the supplies, as of CreateSupply."""
        buyer = self.isolated.new_user(USDC=1_000_000)
        lines = [(self.isolated.sell(self.seller, **terms), each) for each in quantities or (1,)]
        bought = Bought(self.isolated, buyer, self.isolated.buy(buyer, *lines))
        bought.claim(recipient)
        return bought

    def asset(self, minting: Minting, **changes: Any) -> AssetView:
        """An asset of the seller's own, whose contract mints so."""
        made = asset_of(self.chain, owned(self.seller.address, minting), **changes)
        return AssetView(**{**made, "token_id": Amount(made["token_id"])})

    def settle(self) -> None:
        """Send, confirm, track and watch all redemptions."""
        self.isolated.run("process_claims")
        self.confirm()

    def confirm(self) -> None:
        """Confirm all transactions, and read their events."""
        self.chain.mine(self.isolated.settings.chain_confirmations + 1)
        self.isolated.run("track_redemptions")
        self.isolated.run("watch_redemptions")

    def redeem(self, bought: Bought, **change: Any) -> bool:
        """Send its voucher to the contract, as the buyer. Returns whether it was honoured."""
        voucher = bought.view().voucher
        message = {"message": {**voucher.message, **change}}
        data = encoded(CLAIM, arguments(message), signature({"signature": voucher.signature}))
        receipt = self.chain.client.receipt(self.chain.send(self.contract, data))
        return receipt is not None and receipt.succeeded

    def owned(self, bought: Bought, owner: str | None = None) -> list[int]:
        """How much of each of its lines an address has; the buyer's by default."""
        at, signature_ = owner or bought.buyer.address, "balanceOf(address,uint256)"
        tokens = [int(item.token_id) for item in bought.order.items]
        return [self.chain.ask(self.contract, ["uint256"], signature_, at, token) for token in tokens]

    def retry(self, bought: Bought) -> ClaimView:
        """Have it tried again, as an operator does."""
        request = RetryClaim(bought.rows()[0]["id"])
        again: ClaimView = self.isolated.run("retry_claim", request=request, caller=bought.buyer.caller)
        return again

    def nonces(self, bought: Bought) -> list[tuple[int, bool]]:
        """The transactions that were signed for a claim, in order: nonce, and whether it was sent."""
        sql = """
            SELECT t.nonce, t.broadcast FROM signed_transactions t
            JOIN sendings s ON (s.chain_id, s.sender, s.nonce) = (t.chain_id, t.sender, t.nonce)
            WHERE s.subject LIKE :id || ' %' ORDER BY t.nonce, t.max_fee"""
        rows = self.isolated.probe.rows("claiming", sql, id=bought.rows()[0]["id"])
        return [(row["nonce"], row["broadcast"]) for row in rows]


@contextmanager
def redemptions_of(settings: Settings, password: str, chain: LocalChain, **other: Any) -> Iterator[Redemptions]:
    """Isolated services with a claim contract and a relayer of its own. other: settings that it has otherwise."""
    platform, relayer = FileSigner(secrets.token_bytes(32)), FileSigner(secrets.token_bytes(32))
    code = artefacts.load()["Claims"].creation(platform.address, DEPLOYER)
    sent = chain.client.request("eth_sendTransaction", {"from": DEPLOYER, "data": "0x" + code.hex()})
    chain.until(lambda: chain.client.receipt(sent) is not None, "the contract is there")
    contract = checksum_address(chain.client.request("eth_getTransactionReceipt", sent)["contractAddress"])
    chain.send(relayer.address, value=ETHER)
    own = replace(
        settings,
        claim_contract=contract,
        claim_redemption="relayer",
        claim_redeem_after_seconds=0,
        claim_attempts=ATTEMPTS,
        claim_retry_seconds=RETRY_SECONDS,
        chain_start_block=chain.client.head(),
        chain_urls={**settings.chain_urls, OTHER_CHAIN: settings.chain_urls[settings.claim_chain_id]},
        chain_confirmations=CONFIRMATIONS,
        **other,
    )
    with IsolatedServices(own, password) as isolated:
        # One key is one order of nonces: the stack's own relayer must not draw from it.
        isolated.resources._opened |= {"signer relayer": relayer, "signer voucher": platform}
        yield Redemptions(isolated, chain, isolated.new_user(), contract)
