"""The stack's chain as somebody outside of Meridian uses it: accounts of anvil's own, its contracts, its blocks."""

import time
from collections.abc import Callable
from typing import Any, Final

from emulators import contracts
from shared.adapters.abi import decoded, encoded
from shared.adapters.chain import ChainClient

WITHIN_SECONDS = 30.0
LOOK_SECONDS = 0.1
GAS = hex(3_000_000)
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
        """Replace the latest blocks by as many empty ones: what they held is gone."""
        self.client.request("anvil_reorg", depth, [])

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
