"""The contracts that only tests deploy, compiled from tests/shared/chain/solidity by `make contracts`."""

from pathlib import Path
from typing import Any, Final

from shared.chain import artefacts

ARTEFACTS: Final = Path(__file__).parent / "shared" / "chain" / "solidity" / "contracts.json"


def creation_code(name: str, *arguments: Any) -> bytes:
    """The code that creates a test contract, with its constructor's arguments."""
    return artefacts.load(ARTEFACTS)[name].creation(*arguments)
