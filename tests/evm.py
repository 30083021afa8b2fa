"""An EVM in this process (py-evm), for contracts by themselves: no node, no stack."""

import ast
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed

from shared.adapters.abi import decoded, encoded
from shared.adapters.ethereum import checksum_address, keccak
from shared.contracts import artefacts

GAS = 5_000_000


class Refused(Exception):
    """The contract reverted. `selector`: which of its errors, the first four bytes of the revert's data."""

    def __init__(self, selector: bytes) -> None:
        self.selector = selector
        super().__init__(selector.hex())


def error(signature: str) -> bytes:
    """The selector of a contract's error."""
    return keccak(signature.encode())[:4]


class Evm:
    """A chain of its own. The accounts have ether."""

    def __init__(self) -> None:
        self._tester = EthereumTester(PyEVMBackend())
        self.accounts: list[str] = [checksum_address(account) for account in self._tester.get_accounts()]
        self.chain_id: int = self._tester.backend.chain.chain_id

    def create(self, name: str, arguments: bytes = b"") -> str:
        """Create a contract by its artefact; its address."""
        code = artefacts.load()[name].creation_code
        receipt = self._send({"from": self.accounts[0], "data": "0x" + (code + arguments).hex()})
        return checksum_address(receipt["contract_address"])

    def put(self, code: bytes) -> str:
        """Put code, at most 255 bytes, at an address."""
        # Copy what follows to memory, and return it: PUSH1 length, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN.
        data = bytes([0x60, len(code), 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xF3]) + code
        return checksum_address(self._send({"from": self.accounts[0], "data": "0x" + data.hex()})["contract_address"])

    def send(self, to: str, signature: str, *values: Any, sender: int = 0, value: int = 0, gas: int = GAS) -> list[Any]:
        """A transaction; its logs. Raises Refused."""
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
        """What a view answers, if that is one value."""
        data = "0x" + encoded(signature, *values).hex()
        call = {"from": self.accounts[0], "to": to, "data": data, "gas": GAS, "gas_price": self._price()}
        return decoded(types, bytes.fromhex(self._tester.call(call)[2:]))[0]

    def balance(self, address: str) -> int:
        """Ether of an address, in wei."""
        return int(self._tester.get_balance(address))

    def now(self) -> int:
        """The time of the latest block, in seconds since the epoch."""
        return int(self._tester.get_block_by_number("latest")["timestamp"])

    def travel(self, seconds: int) -> None:
        """Let time pass."""
        self._tester.time_travel(self.now() + seconds)

    def _price(self) -> int:
        return 10**10

    def _send(self, call: dict[str, Any]) -> Any:
        sent = self._tester.send_transaction({"gas": GAS, "gas_price": self._price(), **call})
        receipt = self._tester.get_transaction_receipt(sent)
        assert receipt["status"] == 1, receipt
        return receipt


def _revert_data(failed: TransactionFailed) -> bytes:
    """eth-tester hands the data over in the form of a Python literal."""
    text = str(failed.args[0]) if failed.args else ""
    return bytes(ast.literal_eval(text))[:4] if text.startswith("b") else text.encode()[:4]
