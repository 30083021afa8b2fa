"""The stack's chain as somebody outside of Meridian uses it: accounts of anvil's own, its contracts, its blocks."""

import time
from collections.abc import Callable
from typing import Any, Final

from emulators import contracts
from shared.adapters.abi import decoded, encoded
from shared.adapters.chain import ChainClient
from shared.adapters.ethereum import checksum_address

WITHIN_SECONDS = 30.0
LOOK_SECONDS = 0.1
GAS = hex(3_000_000)
REFUSES: Final = bytes.fromhex("5f5ffd")
"""Code that takes nothing: it reverts."""
ANSWERS_AT_LENGTH: Final = bytes.fromhex("623000006000f3")
"""Code that answers with 3 MiB."""
REDEEMED_AT_ONCE: Final = {"CLAIM_REDEEM_AFTER_SECONDS": "0"}
"""The setting of tests' stacks: a claim is not left to its buyer for a while first."""


class LocalChain:
    """anvil, behind the client that Meridian itself uses. It signs for its accounts."""

    def __init__(self, url: str) -> None:
        self.client = ChainClient(url, timeout_seconds=10)
        self.accounts: list[str] = self.client.request("eth_accounts")

    def send(self, to: str, data: bytes = b"", *, value: int = 0, sender: int = 1) -> str:
        """Send a transaction whether it will succeed or not, and wait until it is mined; its hash."""
        call = {"from": self.accounts[sender], "to": to, "data": "0x" + data.hex(), "value": hex(value), "gas": GAS}
        sent: str = self.client.request("eth_sendTransaction", call)
        self.until(lambda: self.client.receipt(sent) is not None, f"{sent} is mined")
        return sent

    def create(self, code: bytes) -> str:
        """Put code, at most 255 bytes, at an address; in its EIP-55 form."""
        # Copy what follows to memory, and return it: PUSH1 length, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN.
        data = bytes([0x60, len(code), 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xF3]) + code
        call = {"from": self.accounts[1], "data": "0x" + data.hex(), "gas": GAS}
        sent = self.client.request("eth_sendTransaction", call)
        self.until(lambda: self.client.receipt(sent) is not None, f"{sent} is mined")
        return checksum_address(self.client.request("eth_getTransactionReceipt", sent)["contractAddress"])

    def ask(self, to: str, types: list[str], signature: str, *values: Any) -> Any:
        """What a view answers, if that is one value."""
        return decoded(types, self.client.call(encoded(signature, *values), to))[0]

    def ether(self, address: str) -> int:
        """The balance of an address, in wei."""
        return int(self.client.request("eth_getBalance", address, "latest"), 16)

    def usdc(self, address: str) -> int:
        """The balance of an address in the local USDC."""
        found: int = self.ask(contracts.USDC, ["uint256"], "balanceOf(address)", address)
        return found

    def mint(self, to: str, amount: int) -> str:
        """Make local USDC; the transaction's hash."""
        return self.send(contracts.USDC, encoded("mint(address,uint256)", to, amount))

    def mine(self, blocks: int = 1) -> None:
        """Let blocks pass."""
        self.client.request("anvil_mine", hex(blocks))

    def reorganise(self, depth: int) -> None:
        """Replace the latest blocks by as many empty ones: what they held is gone.

        anvil 1.7.1 loses blocks for good, or dies, when it makes one meanwhile. So that is done right after it has made
        one by itself, when the next one is as far away as it can be.
        """
        fork, latest = self.client.head() - depth, self.client.head()
        self.until(lambda: self.client.head() > latest, "a block was made")
        self.client.request("anvil_reorg", self.client.head() - fork, [])
        head = self.client.head()
        assert len(self.client.headers(fork, head)) == head - fork + 1, "the node has lost blocks"

    def until(
        self, holds: Callable[[], bool], what: str, within_seconds: float = WITHIN_SECONDS, *, mining: bool = False
    ) -> None:
        """Wait until something holds, with blocks passing meanwhile where that is wanted. Raises TimeoutError."""
        deadline = time.monotonic() + within_seconds
        while not holds():
            if mining:
                self.mine()
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {within_seconds} s it does not hold that {what}")
            time.sleep(LOOK_SECONDS)
