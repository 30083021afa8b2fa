"""The claim contract and the relayer, on their chain."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.redeeming import Honoured, Redemption
from shared.adapters.abi import decoded, encoded, topic
from shared.adapters.chain import ChainClient
from shared.adapters.ethereum import checksum_address, keccak
from shared.adapters.ethereum_json import Log
from shared.adapters.proven import Events
from shared.adapters.sender import ChainSender
from shared.adapters.signers import Signer
from shared.chains import Call, Header, Place, Reading
from shared.config import Settings

CLAIMED: Final = topic("Claimed(bytes32,bytes32,address,uint256)")
CLAIM: Final = "claim((bytes32,bytes32,address,(address,uint256,uint256)[],uint256,uint256),bytes)"
"""Of shared/contracts/solidity/Claims.sol."""

GAS_MOST: Final = 500_000
"""What the house pays for one redemption, in gas: a dozen lines of its own contract's tokens, or some of a merchant's.
What costs more is left to its buyer."""


class ClaimContract:
    """The claim contract, through a node."""

    def __init__(self, settings: Settings, client: ChainClient) -> None:
        self._contract = settings.claim_contract
        self._start = settings.chain_start_block
        self._client = client
        self.chain_id = settings.claim_chain_id
        self.confirmations = settings.chain_confirmations

    def before_start(self) -> Place:
        return Place(self._start - 1, "")

    def head(self) -> int:
        return self._client.head()

    def place(self, number: int) -> Place | None:
        block = self._client.block(number) if number >= 0 else None
        return Place(block.number, block.hash) if block else None

    def headers(self, first: int, last: int) -> Sequence[Header]:
        return self._client.headers(first, last)

    def honoured(self, again: Sequence[Header], fresh: Sequence[Header]) -> Reading[Honoured]:
        claimed = Events(self._client, self._contract, [CLAIMED]).read(again, fresh)
        return Reading([_honoured(each, self.chain_id) for each in claimed.found], claimed.reached)

    def has_honoured(self, claim_id: str) -> bool:
        data = encoded("claimed(bytes32)", keccak(claim_id.encode()))
        return bool(decoded(["bool"], self._client.call(data, self._contract))[0])

    def mined_of(self, sender: str) -> int:
        return self._client.next_nonce(sender)


class Relayer(ChainSender):
    """The key that brings vouchers to the contract, through a node."""

    def __init__(self, settings: Settings, client: ChainClient, signer: Signer) -> None:
        super().__init__(settings.claim_chain_id, client, signer, timedelta(seconds=settings.replace_after_seconds))
        self._contract = settings.claim_contract

    def redemption(self, claim: Claim) -> Call:
        voucher = msgspec.json.decode(claim.voucher or "")
        signature = bytes.fromhex(voucher["signature"][2:])
        data = encoded(CLAIM, _arguments(voucher["message"]), signature)
        return self.prepared("claim", f"{claim.id} {claim.attempts + 1}", self._contract, data, GAS_MOST)


def _arguments(message: dict[str, Any]) -> tuple[Any, ...]:
    """A voucher's message as the contract's Claim."""
    items = [(item["asset"], int(item["tokenId"]), int(item["quantity"])) for item in message["items"]]
    ids = [bytes.fromhex(message[name][2:]) for name in ("claimId", "orderId")]
    return (*ids, message["recipient"], items, int(message["nonce"]), int(message["deadline"]))


def _honoured(log: Log, chain_id: int) -> Honoured:
    redemption = Redemption(chain_id, log.transaction_hash, Place(log.block_number, log.block_hash))
    return Honoured(log.topics[1], redemption, checksum_address("0x" + log.topics[3][-20:].hex()))
