"""The vault and the treasury, on the chain."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from functions.wallet.domain.custody import Arrival, Terms, Withdrawal
from functions.wallet.domain.proof import Flows, Payment
from shared.adapters.abi import decoded, encoded, topic
from shared.adapters.chain import LOGS_SPAN, ChainClient, NodeRefused
from shared.adapters.ethereum import canonical_address, checksum_address, keccak
from shared.adapters.ethereum_json import Log
from shared.adapters.proven import Events
from shared.adapters.sender import ChainSender
from shared.adapters.signers import Signer
from shared.chains import Call, Header, Place, Reading

log = logging.getLogger(__name__)

DEPOSITED: Final = topic("Deposited(bytes32,address,uint256)")
FUNDED: Final = topic("Funded(address,uint256)")
PAID: Final = topic("Paid(bytes32,address,address,uint256)")
TRANSFERRED: Final = topic("Transfer(address,address,uint256)")


@dataclass(frozen=True, slots=True)
class Custody:
    """Where the vault is, and what counts there.

    assets: the address of each currency, zero for the chain's own.
    collect_from: how much of a currency is worth fetching, where that is not anything.
    terms: on what terms each currency leaves.
    house: the house's own addresses in lower case, to which nothing is paid.
    """

    chain_id: int
    contract: str
    assets: Mapping[str, str]
    confirmations: int
    start_block: int
    collect_from: Mapping[str, int]
    terms: Mapping[str, Terms]
    house: frozenset[str]


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

    def asset(self, currency: str) -> str | None:
        address = self._custody.assets[currency]
        return checksum_address(address) if int(address, 16) else None

    def terms(self, currency: str) -> Terms:
        return self._custody.terms[currency]

    def least(self, currency: str) -> int:
        return max(1, self._custody.collect_from.get(currency, 1))

    def key(self, wallet_id: str) -> bytes:
        return keccak(wallet_id.encode())

    def recipient(self, text: str) -> str:
        address = canonical_address(text)
        if int(address, 16) == 0:
            raise ValueError("the zero address can receive nothing")
        if address.lower() in self._custody.house:
            raise ValueError("an address of the house, where it would be lost")
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

    def headers(self, first: int, last: int) -> Sequence[Header]:
        return self._client.headers(first, last)

    def arrivals(self, again: Sequence[Header], fresh: Sequence[Header]) -> Reading[Arrival]:
        deposited = Events(self._client, self._custody.contract, [DEPOSITED]).read(again, fresh)
        found = [
            arrival
            for _, group in groupby(deposited.found, key=lambda each: each.transaction_hash)
            for position, each in enumerate(group)
            if (arrival := self._arrival(each, position))
        ]
        return Reading(found, deposited.reached)

    def _arrival(self, found: Log, position: int) -> Arrival | None:
        """An arrival of its event; None for an asset that is no currency here, or for nothing."""
        asset, amount = found.topics[2][-20:].hex(), int.from_bytes(found.data)
        currency = self._currencies.get("0x" + asset)
        if currency is None or amount == 0:
            return None
        place = Place(found.block_number, found.block_hash)
        return Arrival(self.chain_id, found.transaction_hash, position, place, found.topics[1], currency, amount)

    def number_at(self, at: datetime) -> int:
        low, high = self._custody.start_block - 1, self._client.head()
        while low < high:
            middle = (low + high + 1) // 2
            block = self._client.block(middle)
            low, high = (middle, high) if block and block.made_at <= at.timestamp() else (low, middle - 1)
        return low

    def flows(self, last: int) -> Flows:
        flows = Flows()
        span = (self._custody.start_block, last)
        for found in self._client.logs(self._custody.contract, [(DEPOSITED, FUNDED, PAID)], *span):
            self._add(found, flows)
        for asset, currency in self._currencies.items():
            if int(asset, 16) != 0:
                # A deposit is a transfer, too: it is taken off again where it is found as such.
                came = self._client.logs(asset, [TRANSFERRED, None, self._topic()], *span)
                flows.own[currency] += sum(int.from_bytes(found.data) for found in came)
        return flows

    def _add(self, found: Log, flows: Flows) -> None:
        kind, amount = found.topics[0], int.from_bytes(found.data)
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
            log.info("what the vault held at block %d is not to be had: %s", number, error.detail)
            return {}

    def _balance(self, asset: str, number: int) -> int:
        if int(asset, 16) == 0:
            return self._client.balance(self._custody.contract, number)
        data = encoded("balanceOf(address)", self._custody.contract)
        return int(decoded(["uint256"], self._client.call(data, asset, number=number))[0])

    def _topic(self) -> bytes:
        return bytes.fromhex(self._custody.contract[2:]).rjust(32, b"\0")

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        data = encoded("uncollected(bytes32[],address)", list(keys), self._custody.assets[currency])
        return list(decoded(["uint256[]"], self._client.call(data, self._custody.contract))[0])

    def paid(self, withdrawal_id: str, number: int | None = None) -> bool:
        data = encoded("paid(bytes32)", self.key(withdrawal_id))
        return bool(decoded(["bool"], self._client.call(data, self._custody.contract, number=number))[0])

    def payment(self, withdrawal_id: str) -> str | None:
        # Backwards: it is asked for where a transaction of ours has just found the withdrawal paid.
        start, wanted = self._custody.start_block, [PAID, self.key(withdrawal_id)]
        for last in range(self._client.head() - self.confirmations, start - 1, -LOGS_SPAN):
            found = self._client.logs(self._custody.contract, wanted, max(start, last - LOGS_SPAN + 1), last)
            if found:
                return found[-1].transaction_hash
        return None


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
