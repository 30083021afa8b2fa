"""The process of the local chain: anvil, whose history is cut whenever it has become too large.

    python -m emulators.stack.parts.chain_node OPTIONS -- anvil ...

anvil keeps all blocks and transactions in memory, and writes all of them each time that it saves its state. It keeps
the accounts as they were after each of 500 blocks too, each time with the hashes of all blocks before. Its options
bound neither: `--prune-history` takes its number for a yes, and `--transaction-block-keeper` empties old blocks, which
then look as if nothing had happened in them (anvil 1.7.1).

This process becomes anvil, so that whatever is sent to it reaches anvil. A child watches how large it is, and ends it
when it is too large: anvil saves its state once more, supervisord starts this again, and this cuts the history before
it becomes anvil. Accounts stay as they are, and so do the latest blocks; of older ones only those with events of the
vault, which the audit of custody adds up from the first one.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psutil

LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Limits:
    """When a node is ended, and what it begins again with.

    state, url: its saved state, and where it answers.
    bytes_saved, bytes_used: how large that and its memory may be.
    kept: how many of the latest blocks stay. vault: the contract whose events do.
    rest_seconds: how long it runs at least.
    """

    state: Path
    url: str
    bytes_saved: int
    bytes_used: int
    kept: int
    vault: str
    rest_seconds: float

    def options(self) -> list[str]:
        """As options of this module."""
        return [word for name, value in vars(self).items() for word in (f"--{name}", str(value))]


def cut(saved: dict[str, Any], kept: int, vault: str) -> dict[str, Any]:
    """A saved state without its old blocks and their transactions. kept, vault: as in Limits."""
    oldest = saved["best_block_number"] - kept
    lasting = {0} | {
        each["block_number"] for each in saved["transactions"] if _concerns(vault.lower(), each["receipt"]["logs"])
    }

    def stays(number: int) -> bool:
        return number > oldest or number in lasting

    blocks = [each for each in saved["blocks"] if stays(int(each["header"]["number"], 16))]
    transactions = [each for each in saved["transactions"] if stays(each["block_number"])]
    return {**saved, "blocks": blocks, "transactions": transactions}


def _concerns(contract: str, logs: Sequence[dict[str, Any]]) -> bool:
    """Whether a contract has emitted one of these events, or is named in one, as by a token that it receives."""
    topic = "0x" + contract[2:].rjust(64, "0")
    return any(each["address"].lower() == contract or topic in each["topics"] for each in logs)


def cut_file(limits: Limits) -> None:
    """Cut what is saved, if there is more than a node begins with."""
    if not limits.state.exists():
        return
    saved = json.loads(limits.state.read_bytes())
    if len(saved["blocks"]) <= limits.kept:
        return
    partial = limits.state.with_suffix(".partial")
    partial.write_text(json.dumps(cut(saved, limits.kept, limits.vault)), encoding="utf-8")
    partial.rename(limits.state)


def watch(limits: Limits, node: int) -> None:
    """End a node when it is too large; return when it has ended."""
    import psutil

    process, since = psutil.Process(node), time.monotonic()
    with suppress(psutil.NoSuchProcess):
        while process.is_running():
            time.sleep(LOOK_SECONDS)
            large = _saved_bytes(limits) > limits.bytes_saved or process.memory_info().rss > limits.bytes_used
            if large and time.monotonic() - since > limits.rest_seconds:
                _end(limits, process)


def _saved_bytes(limits: Limits) -> int:
    return limits.state.stat().st_size if limits.state.exists() else 0


def _end(limits: Limits, process: "psutil.Process") -> None:
    """Have a node save its state and end."""
    from shared.chain.node import ChainClient
    from shared.errors import MeridianError

    client = ChainClient(limits.url)
    try:
        # Blocks that it mines while it saves its state would be lost, and others have seen them.
        client.request("evm_setAutomine", False)
        client.request("evm_setIntervalMining", 0)
    except MeridianError as error:
        print(f"The chain is too large, but does not answer: {error.detail}", file=sys.stderr)
        return
    process.terminate()
    process.wait()


def main(arguments: Sequence[str]) -> None:
    """Cut what is saved, and become the node, with a child that watches it."""
    at = arguments.index("--")
    parser = argparse.ArgumentParser(prog="chain_node")
    for name in ("state", "url", "vault"):
        parser.add_argument(f"--{name}", required=True, type=Path if name == "state" else str)
    for name in ("bytes_saved", "bytes_used", "kept"):
        parser.add_argument(f"--{name}", required=True, type=int)
    parser.add_argument("--rest_seconds", required=True, type=float)
    limits, command = Limits(**vars(parser.parse_args(arguments[:at]))), list(arguments[at + 1 :])
    node = os.getpid()
    became, becomes = os.pipe()  # closed when this has become the node
    if os.fork() == 0:
        os.close(becomes)
        os.read(became, 1)
        watch(limits, node)
        return
    cut_file(limits)
    os.execv(command[0], command)  # noqa: S606 - the node


if __name__ == "__main__":
    main(sys.argv[1:])
