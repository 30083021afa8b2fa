"""The addresses of Meridian's contracts on the local chain, the same in every stack.

A contract's address derives from its deployer's address and nonce. So the addresses of the claim contract, the vault
and a mock USDC, deployed in this order by anvil's first account, are known in advance.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import rlp

from emulators.stack import secrets
from emulators.stack.ports import HOST
from shared.chain.ethereum import address_of, checksum_address, keccak

CHAIN_ID: Final = 31337

DEPLOYER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""anvil's first account, whose transactions the node signs."""

CONFIRMATIONS: Final = 2


def address_at(nonce: int) -> str:
    """The address of the contract that the deployer creates with a nonce (Yellow Paper, section 7)."""
    deployer = bytes.fromhex(DEPLOYER[2:])
    return checksum_address("0x" + keccak(rlp.encode([deployer, nonce]))[-20:].hex())


CLAIMS: Final = address_at(0)
VAULT: Final = address_at(1)
USDC: Final = address_at(2)


def address(folder: Path, secret: str) -> str:
    """The address of a key in a folder of secrets."""
    return address_of(bytes.fromhex(secrets.read(folder, secret)))


def senders(folder: Path, key: str, regions: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The addresses of a key that sends transactions: of each cell in each region, where there are several."""
    return [address(folder, name) for name in secrets.sending_keys(key, cells, regions)]


def settings(port: int, folder: Path, regions: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The settings of Meridian's processes for the chain. What other cells send with is the platform's, too.

    port: anvil's. folder: of secrets. regions, cells: those with keys of their own.
    """
    return {
        "HOUSE_ADDRESSES": ",".join(each for key in secrets.SENDING for each in senders(folder, key, regions, cells)),
        "CHAIN_URLS": f"{CHAIN_ID}=http://{HOST}:{port}",
        "CUSTODY_CHAIN_ID": str(CHAIN_ID),
        "CLAIM_CONTRACT": CLAIMS,
        "CLAIM_REDEMPTION": "relayer",
        "VAULT_CONTRACT": VAULT,
        "CHAIN_ASSETS": f"ETH=0x{'0' * 40},USDC={USDC}",
        "CHAIN_CONFIRMATIONS": str(CONFIRMATIONS),
    }
