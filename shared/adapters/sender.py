"""A key of the house's that sends transactions through a node."""

import logging
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from shared.adapters.chain import ChainClient, NodeRefused, Reverted
from shared.adapters.signers import Signer
from shared.adapters.transactions import Transaction, signed
from shared.chains import Call, CallRefused, CallUnknown, Fees, Outcome, Signed, TooCostly

log = logging.getLogger(__name__)

GAS_MARGIN: Final = (5, 4)
"""How much more gas is offered than an estimate says: state may change until the transaction is mined."""

GAS_WORDS: Final = ("gas required exceeds", "out of gas")
"""How nodes say that so much gas is not enough."""

GAS_OF_NOTHING: Final = 21_000
"""What a transaction without data to an ordinary account uses (Yellow Paper, appendix G)."""


class ChainSender:
    """A key and a node."""

    def __init__(self, chain_id: int, client: ChainClient, signer: Signer, replace_after: timedelta) -> None:
        self._chain_id = chain_id
        self._client = client
        self._signer = signer
        self.replace_after = replace_after

    @cached_property
    def address(self) -> str:
        """Whose nonces these are."""
        return self._signer.address

    def prepared(self, purpose: str, subject: str, to: str, data: bytes, gas_most: int | None = None) -> Call:
        """A call with the gas that it needs, and gas_most of it at most, where that is given.

        Raises CallRefused when the chain would not carry it out, TooCostly when not for so much gas, CallUnknown when
        the node does not say, Unavailable.
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
            return Call(purpose, subject, to, data, estimate * more // less)
        if estimate > gas_most:
            raise TooCostly(f"It would use up {estimate} gas; the house pays for {gas_most} at most.")
        return Call(purpose, subject, to, data, min(estimate * more // less, gas_most))

    def cancellation(self, subject: str) -> Call:
        return Call("cancellation", subject, self.address, b"", GAS_OF_NOTHING)

    def next_nonce(self, number: int | None = None) -> int:
        return self._client.next_nonce(self.address, number)

    def fees(self) -> Fees:
        block, tip = self._client.block(), self._client.tip()
        # Twice the base fee lasts for six full blocks (each may raise it by an eighth).
        return Fees(2 * (block.base_fee if block else 0) + tip, tip)

    def sign(self, call: Call, nonce: int, fees: Fees, at: datetime) -> Signed:
        transaction = Transaction(self._chain_id, nonce, call.to, call.data, call.gas, fees.maximum, fees.tip)
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
