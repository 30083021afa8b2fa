"""An in-process EVM (py-evm) for tests of contracts without node or stack."""

import ast
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed

from shared.chain import artefacts
from shared.chain.abi import decoded, encoded
from shared.chain.ethereum import checksum_address, keccak

GAS = 5_000_000


class Refused(Exception):
    """The contract reverted. `selector`: that of its error, the first four bytes of the revert data."""

    def __init__(self, selector: bytes) -> None:
        self.selector = selector
        super().__init__(selector.hex())


def error(signature: str) -> bytes:
    """The selector of a contract's error."""
    return keccak(signature.encode())[:4]


class Evm:
    """A chain whose accounts have ether."""

    def __init__(self) -> None:
        self._tester = EthereumTester(PyEVMBackend())
        self.accounts: list[str] = [checksum_address(account) for account in self._tester.get_accounts()]
        self.chain_id: int = self._tester.backend.chain.chain_id

    def create(self, name: str, *arguments: Any) -> str:
        """Create one of Meridian's contracts by its name and its constructor's arguments; its address."""
        return self.deploy(artefacts.load()[name].creation(*arguments))

    def deploy(self, code: bytes) -> str:
        """Create a contract by its creation code; its address."""
        return checksum_address(self._send({"from": self.accounts[0], "data": "0x" + code.hex()})["contract_address"])

    def send(self, to: str, signature: str, *values: Any, sender: int = 0, value: int = 0, gas: int = GAS) -> list[Any]:
        """Send a transaction, and return its logs. Raises Refused."""
        data = "0x" + encoded(signature, *values).hex()
        call = {"from": self.accounts[sender], "to": to, "data": data, "value": value, "gas": gas}
        try:
            self._tester.call({**call, "gas_price": self._price()})
        except TransactionFailed as failed:
            raise Refused(_revert_data(failed)) from failed
        return list(self._send(call)["logs"])

    def pay(self, to: str, value: int, sender: int = 0) -> None:
        """A plain transfer of ether. Raises Refused."""
        call = {"from": self.accounts[sender], "to": to, "value": value, "gas": GAS, "data": "0x"}
        try:
            self._tester.call({**call, "gas_price": self._price()})
        except TransactionFailed as failed:
            raise Refused(_revert_data(failed)) from failed
        self._send(call)

    def ask(self, to: str, types: list[str], signature: str, *values: Any) -> Any:
        """The single value that a view returns."""
        data = "0x" + encoded(signature, *values).hex()
        call = {"from": self.accounts[0], "to": to, "data": data, "gas": GAS, "gas_price": self._price()}
        return decoded(types, bytes.fromhex(self._tester.call(call)[2:]))[0]

    def balance(self, address: str) -> int:
        """The ether of an address, in wei."""
        return int(self._tester.get_balance(address))

    def now(self) -> int:
        """The time of the latest block, in seconds since the epoch."""
        return int(self._tester.get_block_by_number("latest")["timestamp"])

    def travel(self, seconds: int) -> None:
        """Advance the time."""
        self._tester.time_travel(self.now() + seconds)

    def _price(self) -> int:
        return 10**10

    def _send(self, call: dict[str, Any]) -> Any:
        sent = self._tester.send_transaction({"gas": GAS, "gas_price": self._price(), **call})
        receipt = self._tester.get_transaction_receipt(sent)
        assert receipt["status"] == 1, receipt
        return receipt


def _revert_data(failed: TransactionFailed) -> bytes:
    """The selector in the revert data, which eth-tester passes as a Python literal."""
    text = str(failed.args[0]) if failed.args else ""
    return bytes(ast.literal_eval(text))[:4] if text.startswith("b") else text.encode()[:4]
