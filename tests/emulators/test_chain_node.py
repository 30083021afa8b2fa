"""The local chain's history is cut when it is too large, but for what is added up from its beginning."""

from pathlib import Path
from typing import Any

from emulators.stack import sites
from emulators.stack.environment import Layout
from emulators.stack.parts import chain
from emulators.stack.parts.chain_node import cut
from emulators.stack.parts.contracts import USDC, VAULT
from emulators.stack.stack import REGIONS
from shared.registry import load


def block(number: int) -> dict[str, Any]:
    """A block as anvil saves it."""
    return {"header": {"number": hex(number)}, "transactions": []}


def transaction(number: int, address: str, *topics: str) -> dict[str, Any]:
    """A transaction with one event, as anvil saves it."""
    return {"block_number": number, "receipt": {"logs": [{"address": address.lower(), "topics": list(topics)}]}}


def test_old_blocks_go_unless_the_vault_is_in_them() -> None:
    """Accounts, the first block, the latest, and those in which the vault said something or got a token."""
    received = "0x" + VAULT[2:].lower().rjust(64, "0")
    transactions = [
        transaction(3, USDC, "0x01"),
        transaction(4, VAULT),
        transaction(5, USDC, "0x01", received),
        transaction(18, USDC, "0x01"),
    ]
    saved = {
        "accounts": {"0x1": {"nonce": 3}},
        "best_block_number": 20,
        "blocks": [block(number) for number in reversed(range(21))],
        "transactions": transactions,
    }
    found = cut(saved, 5, VAULT)
    assert {int(each["header"]["number"], 16) for each in found["blocks"]} == {0, 4, 5, *range(16, 21)}
    assert found["transactions"] == transactions[1:]
    assert {**found, "blocks": 0, "transactions": 0} == {**saved, "blocks": 0, "transactions": 0}


def test_what_the_chain_takes_is_limited(tmp_path: Path) -> None:
    """The stack's node runs under a watch, which begins again with less than it ends."""
    layout = Layout(tmp_path, {"chain": 1}, sites.of_regions(load().cells, REGIONS), {})
    command = chain.program(Path("/anvil"), layout).command
    watched, node = command[: command.index("--")], command[command.index("--") + 1 :]
    options = dict(zip(watched[3::2], watched[4::2], strict=True))
    assert int(options["--bytes_saved"]) == chain.SAVED_AT_MOST <= 32 << 20
    assert int(options["--bytes_used"]) == chain.USED_AT_MOST <= 512 << 20
    assert options["--state"] == node[node.index("--state") + 1]
    assert node[0] == "/anvil"
