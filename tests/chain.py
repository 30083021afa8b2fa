"""The stack's chain from outside Meridian: anvil's accounts, contracts and blocks."""

import time
from collections.abc import Callable
from typing import Any, Final

from emulators.stack.parts import contracts
from shared.chain.abi import decoded, encoded
from shared.chain.ethereum import checksum_address
from shared.chain.node import ChainClient

WITHIN_SECONDS = 30.0
LOOK_SECONDS = 0.1
GAS = hex(3_000_000)
LONG_ANSWER_BYTES: Final = 3 << 20
"""What the contract LongAnswer returns in tests, more than any transaction has gas for."""
REDEEMED_AT_ONCE: Final = {"CLAIM_REDEEM_AFTER_SECONDS": "0"}
"""The setting of test stacks: the relayer redeems a claim without waiting for its buyer to do so."""


class LocalChain:
    """anvil, through Meridian's own client. The node signs for its accounts."""

    def __init__(self, url: str) -> None:
        self.client = ChainClient(url, timeout_seconds=10)
        self.accounts: list[str] = self.client.request("eth_accounts")

    def send(self, to: str, data: bytes = b"", *, value: int = 0, sender: int = 1) -> str:
        """Send a transaction, which may revert, and wait until it is mined; returns its hash."""
        call = {"from": self.accounts[sender], "to": to, "data": "0x" + data.hex(), "value": hex(value), "gas": GAS}
        sent: str = self.client.request("eth_sendTransaction", call)
        self.until(lambda: self.client.receipt(sent) is not None, f"{sent} is mined")
        return sent

    def create(self, code: bytes) -> str:
        """Create a contract by its creation code; its address, in EIP-55 form."""
        call = {"from": self.accounts[1], "data": "0x" + code.hex(), "gas": GAS}
        sent = self.client.request("eth_sendTransaction", call)
        self.until(lambda: self.client.receipt(sent) is not None, f"{sent} is mined")
        return checksum_address(self.client.request("eth_getTransactionReceipt", sent)["contractAddress"])

    def ask(self, to: str, types: list[str], signature: str, *values: Any) -> Any:
        """The single value that a view returns."""
        return decoded(types, self.client.call(encoded(signature, *values), to))[0]

    def ether(self, address: str) -> int:
        """The balance of an address, in wei."""
        return int(self.client.request("eth_getBalance", address, "latest"), 16)

    def usdc(self, address: str) -> int:
        """The balance of an address in the local USDC."""
        found: int = self.ask(contracts.USDC, ["uint256"], "balanceOf(address)", address)
        return found

    def mint(self, to: str, amount: int) -> str:
        """Mint local USDC; returns the transaction's hash."""
        return self.send(contracts.USDC, encoded("mint(address,uint256)", to, amount))

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks."""
        self.client.request("anvil_mine", hex(blocks))

    def reorganise(self, depth: int) -> None:
        """Replace the latest blocks by as many empty ones, dropping their transactions.

        anvil 1.7.1 loses blocks or crashes when it mines one meanwhile. So this happens right after it has mined one,
        when the next one is furthest away.
        """
        fork, latest = self.client.head() - depth, self.client.head()
        self.until(lambda: self.client.head() > latest, "a block was made")
        self.client.request("anvil_reorg", self.client.head() - fork, [])
        head = self.client.head()
        assert len(self.client.headers(fork, head)) == head - fork + 1, "the node has lost blocks"

    def until(
        self, holds: Callable[[], bool], what: str, within_seconds: float = WITHIN_SECONDS, *, mining: bool = False
    ) -> None:
        """Wait until a condition holds, mining blocks meanwhile if requested. Raises TimeoutError."""
        deadline = time.monotonic() + within_seconds
        while not holds():
            if mining:
                self.mine()
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {within_seconds} s it does not hold that {what}")
            time.sleep(LOOK_SECONDS)
