"""The vault contract and the treasury key, through a node of the chain."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from functions.wallet.domain.custody import Arrival, Cancellation, Withdrawal, WithdrawalTerms
from functions.wallet.domain.proof import Flows, Payment
from shared.chain.abi import decoded, encoded, topic
from shared.chain.chain_blocks import ChainBlocks
from shared.chain.core.values import BlockRef, ContractCall, Header, ScanResult
from shared.chain.ethereum import checksum_address, keccak, recipient_address
from shared.chain.node import LOGS_SPAN, ChainClient, NodeRefused
from shared.chain.node_json import Log
from shared.chain.sender import ChainSender
from shared.chain.signers import Signer
from shared.chain.verified_logs import VerifiedLogs
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.postgres.gate import Gate

log = logging.getLogger(__name__)

DEPOSITED: Final = topic("Deposited(bytes32,address,uint256)")
FUNDED: Final = topic("Funded(address,uint256)")
PAID: Final = topic("Paid(bytes32,address,address,uint256)")
CANCELLED: Final = topic("Cancelled(bytes32)")
TRANSFERRED: Final = topic("Transfer(address,address,uint256)")


@dataclass(frozen=True, slots=True)
class VaultConfig:
    """The configuration of the vault.

    assets: the token contract of each currency; zero for the chain's native currency.
    collect_from: the minimum balance worth collecting, by currency; 1 atomic unit by default.
    terms: the withdrawal terms, by currency.
    platform_addresses: the platform's own addresses in lower case, to which nothing is withdrawn.
    """

    chain_id: int
    contract: str
    assets: Mapping[str, str]
    confirmations: int
    start_block: int
    collect_from: Mapping[str, int]
    terms: Mapping[str, WithdrawalTerms]
    platform_addresses: frozenset[str]


class ChainVault(ChainBlocks):
    """The vault contract, through a node."""

    def __init__(self, config: VaultConfig, client: ChainClient) -> None:
        super().__init__(client, config.chain_id, config.start_block, config.confirmations)
        self._config = config
        self._currencies = {asset.lower(): currency for currency, asset in config.assets.items()}

    @property
    def currencies(self) -> Sequence[str]:
        return list(self._config.assets)

    def asset(self, currency: str) -> str | None:
        address = self._config.assets[currency]
        return checksum_address(address) if int(address, 16) else None

    def terms(self, currency: str) -> WithdrawalTerms:
        return self._config.terms[currency]

    def collection_minimum(self, currency: str) -> int:
        return max(1, self._config.collect_from.get(currency, 1))

    def key(self, wallet_id: str) -> bytes:
        return keccak(wallet_id.encode())

    def recipient(self, text: str) -> str:
        address = recipient_address(text)
        if address.lower() in self._config.platform_addresses:
            raise ValueError("an address of the house, where it would be lost")
        return address

    def deposit_address(self, wallet_id: str) -> str:
        data = encoded("depositAddress(bytes32)", self.key(wallet_id))
        return checksum_address(str(decoded(["address"], self._client.call(data, self._config.contract))[0]))

    def arrivals(self, again: Sequence[Header], fresh: Sequence[Header]) -> ScanResult[Arrival]:
        deposited = VerifiedLogs(self._client, self._config.contract, [DEPOSITED]).read(again, fresh)
        found = [
            arrival
            for _, group in groupby(deposited.found, key=lambda each: each.transaction_hash)
            for position, each in enumerate(group)
            if (arrival := self._arrival(each, position))
        ]
        return ScanResult(found, deposited.reached)

    def _arrival(self, found: Log, position: int) -> Arrival | None:
        """The arrival of a `Deposited` event; None for an asset that is no currency here, or for an amount of zero."""
        asset, amount = found.topics[2][-20:].hex(), int.from_bytes(found.data)
        currency = self._currencies.get("0x" + asset)
        if currency is None or amount == 0:
            return None
        place = BlockRef(found.block_number, found.block_hash)
        return Arrival(self.chain_id, found.transaction_hash, position, place, found.topics[1], currency, amount)

    def number_at(self, at: datetime) -> int:
        # Backwards, in steps that double: usually it is a recent time, and a node may lack the oldest blocks.
        first, high, step = self._config.start_block - 1, self._client.head(), 1
        low = high
        while low > first and not self._made_by(low, at):
            high, low, step = low - 1, max(first, low - step), 2 * step
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._made_by(middle, at) else (low, middle - 1)
        return low

    def _made_by(self, number: int, at: datetime) -> bool:
        """Whether a block was made by a time. Raises Unavailable if the node lacks it, unless the first one says."""
        block = self._client.block(number)
        if block is None:
            first = self._client.block(self._config.start_block)
            if first is None or first.made_at <= at.timestamp():
                raise Unavailable(f"The node lacks block {number}.")
            return False  # like all that came after the first one
        return block.made_at <= at.timestamp()

    def flows(self, last: int) -> Flows:
        flows = Flows()
        span = (self._config.start_block, last)
        for found in self._client.logs(self._config.contract, [(DEPOSITED, FUNDED, PAID, CANCELLED)], *span):
            self._add(found, flows)
        for asset, currency in self._currencies.items():
            if int(asset, 16) != 0:
                # A deposit is a token transfer, too: `_add` subtracts it again.
                received = self._client.logs(asset, [TRANSFERRED, None, self._topic()], *span)
                flows.own[currency] += sum(int.from_bytes(found.data) for found in received)
        return flows

    def _add(self, found: Log, flows: Flows) -> None:
        kind, amount = found.topics[0], int.from_bytes(found.data)
        if kind == CANCELLED:
            flows.cancelled.add(found.topics[1])
            return
        asset = found.topics[1 if kind == FUNDED else 2][-20:].hex()
        currency = self._currencies.get("0x" + asset)
        if currency is None:
            return
        if kind == PAID:
            flows.payments.append(Payment(found.topics[1], currency, amount))
        elif kind == FUNDED:
            flows.own[currency] += amount
        else:
            flows.deposited[currency] += amount
            flows.own[currency] -= amount if int(asset, 16) else 0

    def holdings(self, number: int) -> Mapping[str, int]:
        try:
            return {currency: self._balance(asset, number) for asset, currency in self._currencies.items()}
        except NodeRefused as error:
            log.info("no holdings of the vault at block %d: %s", number, error.detail)
            return {}

    def _balance(self, asset: str, number: int) -> int:
        if int(asset, 16) == 0:
            return self._client.balance(self._config.contract, number)
        data = encoded("balanceOf(address)", self._config.contract)
        return int(decoded(["uint256"], self._client.call(data, asset, number=number))[0])

    def _topic(self) -> bytes:
        return bytes.fromhex(self._config.contract[2:]).rjust(32, b"\0")

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        data = encoded("uncollected(bytes32[],address)", list(keys), self._config.assets[currency])
        return list(decoded(["uint256[]"], self._client.call(data, self._config.contract))[0])

    def paid(self, withdrawal_id: str, number: int | None = None) -> bool:
        data = encoded("paid(bytes32)", self.key(withdrawal_id))
        return bool(decoded(["bool"], self._client.call(data, self._config.contract, number=number))[0])

    def cancelled(self, withdrawal_id: str, number: int | None = None) -> bool:
        data = encoded("cancelled(bytes32)", self.key(withdrawal_id))
        return bool(decoded(["bool"], self._client.call(data, self._config.contract, number=number))[0])

    def payment(self, withdrawal_id: str) -> str | None:
        # Backwards: usually a recent transaction has just paid the withdrawal.
        start, topics = self._config.start_block, [PAID, self.key(withdrawal_id)]
        for last in range(self._client.head() - self.confirmations, start - 1, -LOGS_SPAN):
            found = self._client.logs(self._config.contract, topics, max(start, last - LOGS_SPAN + 1), last)
            if found:
                return found[-1].transaction_hash
        return None


class ChainTreasury(ChainSender):
    """The treasury key, which calls the vault to pay and to collect, through a node."""

    def __init__(
        self,
        config: VaultConfig,
        client: ChainClient,
        signer: Signer,
        replace_after: timedelta,
        gate: "Gate | None" = None,
    ) -> None:
        super().__init__(config.chain_id, client, signer, replace_after, gate)
        self._config = config

    def payment(self, withdrawal: Withdrawal) -> ContractCall:
        data = encoded(
            "pay(bytes32,address,address,uint256)",
            keccak(withdrawal.id.encode()),
            self._config.assets[withdrawal.currency],
            withdrawal.to_address,
            withdrawal.amount,
        )
        return self.prepared("withdrawal", withdrawal.id, self._config.contract, data)

    def cancelling(self, cancellation: Cancellation) -> ContractCall:
        data = encoded("cancel(bytes32)", keccak(cancellation.withdrawal.id.encode()))
        return self.prepared("cancel", cancellation.subject, self._config.contract, data)

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> ContractCall:
        data = encoded("collect(bytes32[],address)", list(keys), self._config.assets[currency])
        return self.prepared(f"collect {currency}", subject, self._config.contract, data)
