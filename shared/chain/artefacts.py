"""The compiled contracts, committed by `make contracts`, so that running needs no compiler."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.chain import abi

PATH: Final = Path(__file__).parent / "solidity" / "contracts.json"


@dataclass(frozen=True, slots=True)
class CompiledContract:
    """A contract: its ABI, and its creation code, which the constructor's arguments follow."""

    abi: list[dict[str, Any]]
    creation_code: bytes

    def creation(self, *arguments: Any) -> bytes:
        """The creation code with the constructor's arguments. Raises ValueError for an argument that does not fit."""
        inputs: list[dict[str, Any]] = next(
            (entry["inputs"] for entry in self.abi if entry["type"] == "constructor"), []
        )
        return self.creation_code + abi.encoded_values([each["type"] for each in inputs], *arguments)


@cache
def load(path: Path = PATH) -> dict[str, CompiledContract]:
    """The contracts of a file by name; by default Claims, Vault, Forwarder, SignatureCheck and LocalUsdc."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: CompiledContract(made["abi"], bytes.fromhex(made["bytecode"][2:]))
        for name, made in document["contracts"].items()
    }
