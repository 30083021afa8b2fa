"""The vault and the treasury, on the chain."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

from functions.wallet.domain.custody import Arrival, Call, Fees, Outcome, PaymentRefused, Place, Signed, Withdrawal
from shared.adapters.abi import decoded, encoded, topic
from shared.adapters.chain import ChainClient, Log, NodeRefused, Reverted
from shared.adapters.ethereum import canonical_address, checksum_address, keccak
from shared.adapters.signers import Signer
from shared.adapters.transactions import Transaction, signed

log = logging.getLogger(__name__)

DEPOSITED: Final = topic("Deposited(bytes32,address,uint256)")

GAS_MARGIN: Final = (5, 4)
"""How much more gas is offered than an estimate says: state may change until the transaction is mined."""

GAS_MOST: Final = 5_000_000
"""More than a payment or a collection ever needs; a recipient that burns gas gets no more of it."""


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


class ChainTreasury:
    """The key that has the vault pay and collect, through a node."""

    def __init__(self, custody: Custody, client: ChainClient, signer: Signer, replace_after: timedelta) -> None:
        self._custody = custody
        self._client = client
        self._signer = signer
        self.replace_after = replace_after

    @cached_property
    def address(self) -> str:
        """Whose nonces these are."""
        return self._signer.address

    def payment(self, withdrawal: Withdrawal) -> Call:
        data = encoded(
            "pay(bytes32,address,address,uint256)",
            keccak(withdrawal.id.encode()),
            self._custody.assets[withdrawal.currency],
            withdrawal.to_address,
            withdrawal.amount,
        )
        return self._call("withdrawal", withdrawal.id, data)

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> Call:
        data = encoded("collect(bytes32[],address)", list(keys), self._custody.assets[currency])
        return self._call(f"collect {currency}", subject, data)

    def _call(self, purpose: str, subject: str, data: bytes) -> Call:
        try:
            estimate = self._client.gas(data, self._custody.contract, self.address)
        except Reverted as error:
            raise PaymentRefused("The contract refuses the payment.") from error
        more, less = GAS_MARGIN
        if estimate > GAS_MOST:
            raise PaymentRefused("The recipient would use up too much gas.")
        return Call(purpose, subject, self._custody.contract, data, estimate * more // less)

    def next_nonce(self) -> int:
        return self._client.next_nonce(self.address)

    def fees(self) -> Fees:
        block, tip = self._client.block(), self._client.tip()
        # Twice the base fee lasts for six full blocks (each may raise it by an eighth).
        return Fees(2 * (block.base_fee if block else 0) + tip, tip)

    def sign(self, call: Call, nonce: int, fees: Fees, at: datetime) -> Signed:
        transaction = Transaction(self._custody.chain_id, nonce, call.to, call.data, call.gas, fees.maximum, fees.tip)
        made = signed(transaction, self._signer)
        return Signed(made.hash, nonce, made.raw, fees, at)

    def broadcast(self, signed: Signed) -> bool:
        try:
            self._client.broadcast(signed.raw)
        except NodeRefused as error:
            if self.knows(signed):
                return True
            log.warning("transaction %s with nonce %d is not taken: %s", signed.hash, signed.nonce, error.detail)
            return False
        return True

    def knows(self, signed: Signed) -> bool:
        return self._client.knows(signed.hash)

    def outcome(self, signed: Signed) -> Outcome | None:
        receipt = self._client.receipt(signed.hash)
        return Outcome(receipt.succeeded, receipt.block_number) if receipt else None
