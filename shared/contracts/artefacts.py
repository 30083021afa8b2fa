"""The compiled contracts, as `make contracts` has committed them: running needs no compiler."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PATH: Final = Path(__file__).parent / "solidity" / "contracts.json"


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract: its ABI, and the code that creates it (its constructor's arguments follow that)."""

    abi: list[dict[str, Any]]
    creation_code: bytes


@cache
def load() -> dict[str, Contract]:
    """The contracts by name: Claims, Vault, Forwarder, LocalUsdc."""
    document = json.loads(PATH.read_text(encoding="utf-8"))
    return {
        name: Contract(made["abi"], bytes.fromhex(made["bytecode"][2:])) for name, made in document["contracts"].items()
    }
