"""A claim contract and a relayer of an island's own on the stack's chain: the test itself is their scheduler."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from eth_abi import encode

from emulators.contracts import DEPLOYER
from functions.claiming.retry_claim import RetryClaim
from functions.claiming.store import Work
from functions.claiming.views import ClaimView
from functions.supply.views import AssetView
from shared.adapters.abi import encoded
from shared.adapters.ethereum import checksum_address
from shared.adapters.signers import FileSigner
from shared.config import Settings
from shared.contracts import artefacts
from shared.money import Amount
from tests.assets import asset_of, owned
from tests.chain import LocalChain
from tests.functions.claiming.conftest import Bought
from tests.island import Island, Islander
from tests.shared.contracts.solidity.test_claims import CLAIM, arguments, signature

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
    """The chain's side of the claims of an island."""

    def __init__(self, island: Island, chain: LocalChain, seller: Islander, contract: str) -> None:
        self.island = island
        self.chain = chain
        self.contract = contract
        self.seller = seller

    def work(self) -> Work:
        """The claiming service's work, outside of any transaction."""
        return Work(self.island.resources, "claiming")

    def claimed(self, *quantities: int, recipient: str | None = None, **terms: Any) -> Bought:
        """Something that was bought and claimed. terms: those of the supplies, as of CreateSupply."""
        buyer = self.island.islander(USDC=1_000_000)
        lines = [(self.island.sell(self.seller, **terms), each) for each in quantities or (1,)]
        bought = Bought(self.island, buyer, self.island.buy(buyer, *lines))
        bought.claim(recipient)
        return bought

    def asset(self, mint: bytes, **changes: Any) -> AssetView:
        """An asset of the seller's own, whose contract does this when it is to mint."""
        made = asset_of(self.chain, owned(self.seller.address, mint), **changes)
        return AssetView(**{**made, "token_id": Amount(made["token_id"])})

    def settle(self) -> None:
        """Send, confirm, track and hear of what there is."""
        self.island.run("process_claims")
        self.confirm()

    def confirm(self) -> None:
        """Let what was sent have its confirmations, and hear of it."""
        self.chain.mine(self.island.settings.chain_confirmations + 1)
        self.island.run("track_redemptions")
        self.island.run("watch_redemptions")

    def redeem(self, bought: Bought, **change: Any) -> bool:
        """Bring its voucher to the contract as the buyer would; whether that took it."""
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
        again: ClaimView = self.island.run("retry_claim", request=request, caller=bought.buyer.caller)
        return again

    def nonces(self, bought: Bought) -> list[tuple[int, bool]]:
        """The transactions that were signed for a claim, in order: nonce, and whether it was sent."""
        sql = """
            SELECT t.nonce, t.broadcast FROM signed_transactions t
            JOIN sendings s ON (s.chain_id, s.sender, s.nonce) = (t.chain_id, t.sender, t.nonce)
            WHERE s.subject LIKE :id || ' %' ORDER BY t.nonce, t.max_fee"""
        rows = self.island.books.rows("claiming", sql, id=bought.rows()[0]["id"])
        return [(row["nonce"], row["broadcast"]) for row in rows]


@contextmanager
def redemptions_of(settings: Settings, password: str, chain: LocalChain, **other: Any) -> Iterator[Redemptions]:
    """An island with a claim contract and a relayer of its own. other: settings that it has otherwise."""
    house, relayer = FileSigner(secrets.token_bytes(32)), FileSigner(secrets.token_bytes(32))
    code = artefacts.load()["Claims"].creation_code + encode(["address", "address"], [house.address, DEPLOYER])
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
    with Island(own, password) as island:
        # One key is one order of nonces: the stack's own relayer must not draw from it.
        island.resources._opened |= {"signer relayer": relayer, "signer voucher": house}
        yield Redemptions(island, chain, island.islander(), contract)
