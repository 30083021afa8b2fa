"""The local chain: anvil, with Meridian's contracts deployed and funded."""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from emulators.stack.environment import ROOT, Layout
from emulators.stack.errors import NotReady
from emulators.stack.parts import chain_node
from emulators.stack.parts.chain_node import Limits
from emulators.stack.parts.contracts import CHAIN_ID, DEPLOYER, USDC, VAULT, address, senders
from emulators.stack.ports import HOST
from emulators.stack.supervisor import EARLY, Program
from shared.chain import artefacts
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from shared.chain.node import ChainClient
from shared.errors import MeridianError

NAME: Final = "chain"
ETHER: Final = 10**18
GAS_ETHER: Final = 100 * ETHER
PAYER_ROLE: Final = keccak(b"PAYER_ROLE")
VAULT_ETHER: Final = 1000 * ETHER
VAULT_USDC: Final = 10**15
"""The platform's own funds in the vault, so that what the faucet granted can be withdrawn."""

BLOCK_SECONDS: Final = 2
HARDFORK: Final = "cancun"
"""What contracts are compiled for. Since the next one the chain keeps the hashes of 8,191 blocks in an account
(EIP-2935), of which anvil makes a new root, and a copy, with each block: 15 ms of CPU and as much memory again."""

STATES: Final = 500
"""Of how many past blocks the node keeps the accounts: reorganisations and questions about the past go so far back. It
takes no other number. They are in memory alone: those that it reloads from disk after a reorganisation lack contracts
(seen with anvil 1.7.1)."""

SAVE_SECONDS: Final = 5
SAVED_AT_MOST: Final = 32 << 20
USED_AT_MOST: Final = 512 << 20
"""How many bytes of disk and of memory the node may take. It takes 140 KB of memory with each block: some 3,600 blocks,
two hours in which nobody does anything."""

KEPT_BLOCKS: Final = 2048
"""With how many blocks it begins again: what has not read them by then never will."""

REST_SECONDS: Final = 60.0
MINED_SECONDS: Final = 60.0


def program(anvil: Path, layout: Layout) -> Program:
    """The node. It mines a block per transaction and one every two seconds, which gives deposits confirmations."""
    port = layout.ports[NAME]
    limits = Limits(
        _state(layout),
        f"http://{HOST}:{port}",
        SAVED_AT_MOST,
        USED_AT_MOST,
        KEPT_BLOCKS,
        VAULT,
        REST_SECONDS,
    )
    command = (
        *(sys.executable, "-m", chain_node.__name__, *limits.options(), "--"),
        *(str(anvil), "--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--quiet"),
        *("--block-time", str(BLOCK_SECONDS), "--mixed-mining", "--hardfork", HARDFORK, "--prune-history", str(STATES)),
        # Its state survives a restart: it is saved on exit, and periodically in case the node is killed.
        *("--state", str(_state(layout)), "--state-interval", str(SAVE_SECONDS)),
    )
    return Program(NAME, command, _answers(port), directory=ROOT, stage=EARLY)


def deploy(layout: Layout) -> None:
    """Deploy the contracts, and fund them, the treasuries and the relayers. Raises NotReady."""
    client = ChainClient(f"http://{HOST}:{layout.ports[NAME]}")
    signer = address(layout.secrets, "voucher_key")
    treasury, *treasuries = senders(layout.secrets, "treasury", *layout.apart)
    relayers = senders(layout.secrets, "relayer", *layout.apart)
    contracts = artefacts.load()
    mint = encoded("mint(address,uint256)", VAULT, VAULT_USDC)
    transactions: list[dict[str, Any]] = [
        {"data": contracts["Claims"].creation(signer, DEPLOYER)},
        {"data": contracts["Vault"].creation(DEPLOYER, treasury)},
        {"data": contracts["LocalUsdc"].creation_code},
        *({"data": encoded("grantRole(bytes32,address)", PAYER_ROLE, each), "to": VAULT} for each in treasuries),
        *({"data": b"", "to": each, "value": hex(GAS_ETHER)} for each in (treasury, *treasuries, *relayers)),
        {"data": encoded("fund()"), "to": VAULT, "value": hex(VAULT_ETHER)},
        {"data": mint, "to": USDC},
    ]
    try:
        # One at a time and with explicit nonces: the contracts' addresses derive from them, and a node that assigns
        # nonces itself while it mines a block may assign one twice.
        for nonce, each in enumerate(transactions):
            sender = {"from": DEPLOYER, "nonce": hex(nonce), "data": "0x" + each["data"].hex()}
            _until_mined(client, client.request("eth_sendTransaction", {**each, **sender}))
        _save(client, _state(layout))
    except MeridianError as error:
        raise NotReady(f"The contracts could not be deployed: {error.detail}") from error


def _until_mined(client: ChainClient, transaction: str) -> None:
    deadline = time.monotonic() + MINED_SECONDS
    while True:
        receipt = client.receipt(transaction)
        if receipt and receipt.succeeded:
            return
        if receipt or time.monotonic() > deadline:
            raise NotReady(f"The transaction {transaction}, which sets the contracts up, was not mined.")
        time.sleep(0.02)


def _save(client: ChainClient, file: Path) -> None:
    """Save the chain's state now: a node killed before its first save would restart without the contracts."""
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


def _state(layout: Layout) -> Path:
    return layout.state / "chain.json"
