"""The local chain: anvil, with Meridian's contracts and some money on it."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eth_abi import encode

from emulators import secrets
from emulators.contracts import CHAIN_ID, DEPLOYER, USDC, VAULT
from emulators.environment import Layout
from emulators.errors import NotReady
from emulators.ports import HOST
from emulators.supervisor import Program
from shared.adapters.chain import ChainClient
from shared.adapters.ethereum import address_of, keccak
from shared.contracts import artefacts
from shared.errors import MeridianError

NAME: Final = "chain"
ETHER: Final = 10**18
GAS_ETHER: Final = 100 * ETHER
VAULT_ETHER: Final = 1000 * ETHER
VAULT_USDC: Final = 10**15
"""The house's own money in the vault, so that what the faucet gave can be withdrawn."""

BLOCK_SECONDS: Final = 2
STATES: Final = 256
"""How many blocks back the node knows what there was. All of them are in memory: what it brings back from disk for a
reorganisation lacks contracts (seen with anvil 1.7.1)."""
KEEP_SECONDS: Final = 5
MINED_SECONDS: Final = 60.0


def program(anvil: Path, layout: Layout) -> Program:
    """The node: a block for each transaction, and one every two seconds, so that deposits get their confirmations."""
    port = layout.ports[NAME]
    command = (
        *(str(anvil), "--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--quiet"),
        *("--block-time", str(BLOCK_SECONDS), "--mixed-mining", "--prune-history", str(STATES)),
        # What it has mined outlives it: it writes that at its end, and now and then for the case that it is killed.
        *("--state", str(_state(layout)), "--state-interval", str(KEEP_SECONDS)),
    )
    return Program(NAME, command, _answers(port), directory=layout.state)


def deploy(layout: Layout) -> None:
    """Create the contracts, and give them, the treasury and the relayer their money. Raises NotReady."""
    client = ChainClient(f"http://{HOST}:{layout.ports[NAME]}")
    signer, treasury, relayer = (_address(layout, f"{name}_key") for name in ("voucher", "treasury", "relayer"))
    made = artefacts.load()
    mint = keccak(b"mint(address,uint256)")[:4] + encode(["address", "uint256"], [VAULT, VAULT_USDC])
    transactions = [
        {"data": made["Claims"].creation_code + encode(["address", "address"], [signer, DEPLOYER])},
        {"data": made["Vault"].creation_code + encode(["address", "address"], [DEPLOYER, treasury])},
        {"data": made["LocalUsdc"].creation_code},
        {"data": b"", "to": treasury, "value": hex(GAS_ETHER)},
        {"data": b"", "to": relayer, "value": hex(GAS_ETHER)},
        {"data": keccak(b"fund()")[:4], "to": VAULT, "value": hex(VAULT_ETHER)},
        {"data": mint, "to": USDC},
    ]
    try:
        # One after the other, each with its nonce: the contracts' addresses derive from these, and a node that counts
        # them itself while a block is being made may give one of them twice.
        for nonce, each in enumerate(transactions):
            sender = {"from": DEPLOYER, "nonce": hex(nonce), "data": "0x" + bytes(each["data"]).hex()}
            _until_mined(client, client.request("eth_sendTransaction", {**each, **sender}))
        _keep(client, _state(layout))
    except MeridianError as error:
        raise NotReady(f"The contracts could not be deployed: {error.detail}") from error


def _until_mined(client: ChainClient, transaction: str) -> None:
    until = time.monotonic() + MINED_SECONDS
    while True:
        receipt = client.receipt(transaction)
        if receipt and receipt.succeeded:
            return
        if receipt or time.monotonic() > until:
            raise NotReady(f"The transaction {transaction}, which sets the contracts up, was not mined.")
        time.sleep(0.02)


def _keep(client: ChainClient, file: Path) -> None:
    """Write the chain down at once: one that was killed before it did so itself would come back without contracts."""
    dump = json.loads(gzip.decompress(bytes.fromhex(client.request("anvil_dumpState")[2:])))
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(dump), encoding="utf-8")
    partial.rename(file)


def _answers(port: int) -> Callable[[], bool]:
    client = ChainClient(f"http://{HOST}:{port}", timeout_seconds=1)

    def ask() -> bool:
        try:
            return client.chain_id() == CHAIN_ID
        except MeridianError:
            return False

    return ask


def _address(layout: Layout, key: str) -> str:
    return address_of(bytes.fromhex(secrets.read(layout.secrets, key)))


def _state(layout: Layout) -> Path:
    return layout.state / "chain.json"
