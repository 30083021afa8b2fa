"""The vault and the treasury, on the chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Final

from functions.wallet.domain.custody import Arrival, Withdrawal
from shared.adapters.abi import decoded, encoded, topic
from shared.adapters.chain import ChainClient, Log
from shared.adapters.ethereum import canonical_address, checksum_address, keccak
from shared.adapters.sender import ChainSender
from shared.adapters.signers import Signer
from shared.chains import Call, Place

DEPOSITED: Final = topic("Deposited(bytes32,address,uint256)")


@dataclass(frozen=True, slots=True)
class Custody:
    """Where the vault is, and what counts there. `assets`: the address of each currency, zero for the chain's own."""

    chain_id: int
    contract: str
    assets: Mapping[str, str]
    confirmations: int
    start_block: int


class ChainVault:
    """The vault, through a node."""

    def __init__(self, custody: Custody, client: ChainClient) -> None:
        self._custody = custody
        self._client = client
        self.chain_id = custody.chain_id
        self.confirmations = custody.confirmations
        self._currencies = {asset.lower(): currency for currency, asset in custody.assets.items()}

    @property
    def currencies(self) -> Sequence[str]:
        return list(self._custody.assets)

    def key(self, wallet_id: str) -> bytes:
        return keccak(wallet_id.encode())

    def recipient(self, text: str) -> str:
        address = canonical_address(text)
        if int(address, 16) == 0:
            raise ValueError("the zero address can receive nothing")
        return address

    def deposit_address(self, wallet_id: str) -> str:
        data = encoded("depositAddress(bytes32)", self.key(wallet_id))
        return checksum_address(str(decoded(["address"], self._client.call(data, self._custody.contract))[0]))

    def before_start(self) -> Place:
        return Place(self._custody.start_block - 1, "")

    def head(self) -> int:
        return self._client.head()

    def place(self, number: int) -> Place | None:
        block = self._client.block(number) if number >= 0 else None
        return Place(block.number, block.hash) if block else None

    def arrivals(self, first: int, last: int) -> Sequence[Arrival]:
        logs = self._client.logs(self._custody.contract, [DEPOSITED], first, last)
        return [
            arrival
            for _, group in groupby(logs, key=lambda each: each.transaction_hash)
            for position, each in enumerate(group)
            if (arrival := self._arrival(each, position))
        ]

    def _arrival(self, found: Log, position: int) -> Arrival | None:
        """An arrival of its event; None for an asset that is no currency here, or for nothing."""
        asset, amount = found.topics[2][-20:].hex(), int.from_bytes(found.data)
        currency = self._currencies.get("0x" + asset)
        if currency is None or amount == 0:
            return None
        place = Place(found.block_number, found.block_hash)
        return Arrival(self.chain_id, found.transaction_hash, position, place, found.topics[1], currency, amount)

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        data = encoded("uncollected(bytes32[],address)", list(keys), self._custody.assets[currency])
        return list(decoded(["uint256[]"], self._client.call(data, self._custody.contract))[0])

    def paid(self, withdrawal_id: str) -> bool:
        data = encoded("paid(bytes32)", self.key(withdrawal_id))
        return bool(decoded(["bool"], self._client.call(data, self._custody.contract))[0])


class ChainTreasury(ChainSender):
    """The key that has the vault pay and collect, through a node."""

    def __init__(self, custody: Custody, client: ChainClient, signer: Signer, replace_after: timedelta) -> None:
        super().__init__(custody.chain_id, client, signer, replace_after)
        self._custody = custody

    def payment(self, withdrawal: Withdrawal) -> Call:
        data = encoded(
            "pay(bytes32,address,address,uint256)",
            keccak(withdrawal.id.encode()),
            self._custody.assets[withdrawal.currency],
            withdrawal.to_address,
            withdrawal.amount,
        )
        return self.prepared("withdrawal", withdrawal.id, self._custody.contract, data)

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> Call:
        data = encoded("collect(bytes32[],address)", list(keys), self._custody.assets[currency])
        return self.prepared(f"collect {currency}", subject, self._custody.contract, data)
