"""The claim contract and the relayer, through a node of their chain."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.redemption import HonouredClaim, Redemption
from shared.chain.abi import decoded, encoded, topic
from shared.chain.chain_blocks import ChainBlocks
from shared.chain.core.values import BlockRef, ContractCall, Header, ScanResult
from shared.chain.ethereum import checksum_address, keccak
from shared.chain.node import ChainClient
from shared.chain.node_json import Log
from shared.chain.sender import ChainSender
from shared.chain.signers import Signer
from shared.chain.verified_logs import VerifiedLogs
from shared.config import Settings

if TYPE_CHECKING:
    from shared.postgres.gate import Gate

CLAIMED: Final = topic("Claimed(bytes32,bytes32,address,uint256)")
CLAIM: Final = "claim((bytes32,bytes32,address,(address,uint256,uint256)[],uint256,uint256),bytes)"
"""Of shared/chain/solidity/Claims.sol."""

MAX_GAS: Final = 500_000
"""The gas that the platform pays for one redemption at most: enough for a dozen lines of its own contract's tokens, or
several of a merchant's. A claim that needs more is left to its buyer."""


class ChainClaimContract(ChainBlocks):
    """The claim contract, through a node."""

    def __init__(self, settings: Settings, client: ChainClient) -> None:
        super().__init__(client, settings.claim_chain_id, settings.chain_start_block, settings.chain_confirmations)
        self._contract = settings.claim_contract

    def honoured(self, again: Sequence[Header], fresh: Sequence[Header]) -> ScanResult[HonouredClaim]:
        claimed = VerifiedLogs(self._client, self._contract, [CLAIMED]).read(again, fresh)
        return ScanResult([_honoured(each, self.chain_id) for each in claimed.found], claimed.reached)

    def has_honoured(self, claim_id: str) -> bool:
        data = encoded("claimed(bytes32)", keccak(claim_id.encode()))
        return bool(decoded(["bool"], self._client.call(data, self._contract))[0])

    def transaction_count(self, sender: str) -> int:
        return self._client.next_nonce(sender)


class ChainRelayer(ChainSender):
    """The key that sends vouchers to the contract, through a node."""

    def __init__(self, settings: Settings, client: ChainClient, signer: Signer, gate: "Gate | None" = None) -> None:
        replace_after = timedelta(seconds=settings.replace_after_seconds)
        super().__init__(settings.claim_chain_id, client, signer, replace_after, gate)
        self._contract = settings.claim_contract

    def redemption(self, claim: Claim) -> ContractCall:
        voucher = msgspec.json.decode(claim.voucher or "")
        signature = bytes.fromhex(voucher["signature"][2:])
        data = encoded(CLAIM, _arguments(voucher["message"]), signature)
        return self.prepared("claim", f"{claim.id} {claim.attempts + 1}", self._contract, data, MAX_GAS)


def _arguments(message: dict[str, Any]) -> tuple[Any, ...]:
    """A voucher's message as the contract's Claim."""
    items = [(item["asset"], int(item["tokenId"]), int(item["quantity"])) for item in message["items"]]
    ids = [bytes.fromhex(message[name][2:]) for name in ("claimId", "orderId")]
    return (*ids, message["recipient"], items, int(message["nonce"]), int(message["deadline"]))


def _honoured(log: Log, chain_id: int) -> HonouredClaim:
    redemption = Redemption(chain_id, log.transaction_hash, BlockRef(log.block_number, log.block_hash))
    return HonouredClaim(log.topics[1], redemption, checksum_address("0x" + log.topics[3][-20:].hex()))
