"""Where Meridian's contracts are on the local chain: at the same addresses in every stack.

A contract's address follows from its deployer's and how many transactions that has made. So the claim contract, the
vault and a token that stands in for USDC, deployed in this order by anvil's first account, are known before they exist.
"""

from typing import Final

import rlp

from emulators.ports import HOST
from shared.adapters.ethereum import checksum_address, keccak

CHAIN_ID: Final = 31337

DEPLOYER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""anvil's first account, which it signs for by itself."""

CONFIRMATIONS: Final = 2


def address_at(nonce: int) -> str:
    """The address of what the deployer creates in a transaction (Yellow Paper, section 7)."""
    deployer = bytes.fromhex(DEPLOYER[2:])
    return checksum_address("0x" + keccak(rlp.encode([deployer, nonce]))[-20:].hex())


CLAIMS: Final = address_at(0)
VAULT: Final = address_at(1)
USDC: Final = address_at(2)


def settings(port: int) -> dict[str, str]:
    """What Meridian's processes are told of the chain. port: anvil's."""
    return {
        "CHAIN_URLS": f"{CHAIN_ID}=http://{HOST}:{port}",
        "CUSTODY_CHAIN_ID": str(CHAIN_ID),
        "CLAIM_CONTRACT": CLAIMS,
        "CLAIM_REDEMPTION": "relayer",
        "VAULT_CONTRACT": VAULT,
        "CHAIN_ASSETS": f"ETH=0x{'0' * 40},USDC={USDC}",
        "CHAIN_CONFIRMATIONS": str(CONFIRMATIONS),
    }
