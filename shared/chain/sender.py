"""Sends transactions of one of the platform's keys through a node."""

import logging
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from shared.chain.core.values import CallRefused, CallUnknown, ContractCall, Fees, Outcome, SignedTransaction, TooCostly
from shared.chain.eip1559 import Eip1559Transaction, signed
from shared.chain.node import ChainClient, NodeRefused, Reverted
from shared.chain.signers import Signer

if TYPE_CHECKING:
    from shared.postgres.gate import Gate

log = logging.getLogger(__name__)

GAS_MARGIN: Final = (5, 4)
"""The gas limit as a multiple of the estimate: state may change before the transaction is mined."""

GAS_WORDS: Final = ("gas required exceeds", "out of gas")
"""How nodes say that the gas limit is too low."""

GAS_OF_NOTHING: Final = 21_000
"""The gas of a transaction without data to a key account (Yellow Paper, appendix G)."""


class ChainSender:
    """A key and a node."""

    def __init__(
        self,
        chain_id: int,
        client: ChainClient,
        signer: Signer,
        replace_after: timedelta,
        gate: "Gate | None" = None,
    ) -> None:
        """gate: what broadcasts wait at, where cells fail over."""
        self._gate = gate
        self._chain_id = chain_id
        self._client = client
        self._signer = signer
        self.replace_after = replace_after

    @cached_property
    def address(self) -> str:
        """The key's address."""
        return self._signer.address

    def prepared(self, purpose: str, subject: str, to: str, data: bytes, gas_most: int | None = None) -> ContractCall:
        """A call with its estimated gas and a margin, but never more than gas_most, if given.

        Raises CallRefused if it would fail, TooCostly if it needs more than gas_most, CallUnknown if the node does not
        say, Unavailable.
        """
        try:
            estimate = self._client.gas(data, to, self.address)
        except Reverted as error:
            raise CallRefused("The contract refuses it.") from error
        except NodeRefused as error:
            if not any(word in error.detail.lower() for word in GAS_WORDS):
                raise CallUnknown from error
            raise CallRefused("The recipient would use up too much gas.") from error
        more, less = GAS_MARGIN
        if gas_most is None:
            return ContractCall(purpose, subject, to, data, estimate * more // less)
        if estimate > gas_most:
            raise TooCostly(f"It would use up {estimate} gas; Meridian pays for {gas_most} at most.")
        return ContractCall(purpose, subject, to, data, min(estimate * more // less, gas_most))

    def cancellation(self, subject: str) -> ContractCall:
        return ContractCall("cancellation", subject, self.address, b"", GAS_OF_NOTHING)

    def next_nonce(self, number: int | None = None) -> int:
        return self._client.next_nonce(self.address, number)

    def fees(self) -> Fees:
        block, tip = self._client.block(), self._client.tip()
        # Twice the base fee lasts for six full blocks (each may raise it by an eighth).
        return Fees(2 * (block.base_fee if block else 0) + tip, tip)

    def sign(self, call: ContractCall, nonce: int, fees: Fees, at: datetime) -> SignedTransaction:
        transaction = Eip1559Transaction(self._chain_id, nonce, call.to, call.data, call.gas, fees.maximum, fees.tip)
        made = signed(transaction, self._signer)
        return SignedTransaction(made.hash, nonce, made.raw, fees, at)

    def broadcast(self, signed: SignedTransaction) -> bool:
        if self._gate:
            self._gate.wait("broadcast")
        try:
            self._client.broadcast(signed.raw)
        except NodeRefused as error:
            if self.knows(signed):
                return True
            log.warning("transaction %s with nonce %d is not taken: %s", signed.hash, signed.nonce, error.detail)
            return False
        return True

    def knows(self, signed: SignedTransaction) -> bool:
        return self._client.knows(signed.hash)

    def outcome(self, signed: SignedTransaction) -> Outcome | None:
        receipt = self._client.receipt(signed.hash)
        return Outcome(receipt.succeeded, receipt.block_number) if receipt else None
