"""Verifies signatures of contract wallets by calling the contract.

A deployed wallet is called to validate a signature (ERC-1271). A signature of a wallet that is not deployed yet
contains its deployment (ERC-6492): one eth_call simulates the deployment and the validation, and changes nothing on
the chain.
"""

from typing import TYPE_CHECKING, Final

from shared.chain import abi, artefacts
from shared.chain.node import NodeRefused, Reverted
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.chain.node import ChainClient

TIMEOUT_SECONDS: Final = 3.0
"""A user is waiting to be signed in."""

GAS: Final = 3_000_000
"""The gas limit of a validation, including the wallet's deployment. Checking a passkey's signature in Solidity takes
a tenth of it, deploying a wallet a fifth; without a limit a 3 KB request could cost a node the gas of a whole block."""

VALID: Final = bytes.fromhex("1626ba7e").ljust(32, b"\0")
"""What isValidSignature returns for a valid signature: this one word, zero-padded (ERC-1271)."""

WRAPPED: Final = bytes.fromhex("6492" * 16)
"""The suffix of a signature that wraps (factory, factory calldata, signature) (ERC-6492)."""

HALTED: Final = (
    "evm error",
    "invalid opcode",
    "out of gas",
    "outofgas",
    "intrinsic gas",
    "gas required",
    "invalid jump",
    "stack underflow",
    "stack overflow",
)
"""How nodes describe failures of a call other than a revert that are also the contract's fault."""


def is_valid_signature(chain: "ChainClient", address: str, digest: bytes, signature: bytes) -> bool:
    """Whether the contract at an address accepts a signature of a 32-byte digest.

    Raises Unavailable if the node gives no definite result, for whatever reason: then nobody may sign in.
    """
    try:
        return _answer(chain, address, digest, signature) == VALID
    except Reverted:
        return False
    except NodeRefused as error:
        if any(word in error.detail.lower() for word in HALTED):
            return False
        raise Unavailable("The node refuses to ask the contract.") from error


def _answer(chain: "ChainClient", address: str, digest: bytes, signature: bytes) -> bytes:
    if not signature.endswith(WRAPPED):
        return chain.call(_validation(digest, signature), address, gas=GAS, timeout_seconds=TIMEOUT_SECONDS)
    try:
        factory, deployment, inner = abi.decoded(["address", "bytes", "bytes"], signature[: -len(WRAPPED)])
    except ValueError:
        return b""
    creation_code = simulation(factory, deployment, address, _validation(digest, inner))
    return chain.call(creation_code, gas=GAS, timeout_seconds=TIMEOUT_SECONDS)


def _validation(digest: bytes, signature: bytes) -> bytes:
    return abi.encoded("isValidSignature(bytes32,bytes)", digest, signature)


def simulation(factory: str, deployment: bytes, wallet: str, question: bytes) -> bytes:
    """The creation code of SignatureCheck.sol, whose constructor answers an eth_call without `to`.

    It has the factory deploy the wallet, unless there is one, and calls the wallet. It returns the first word of the
    wallet's response, or nothing when the call fails or returns less.
    """
    return artefacts.load()["SignatureCheck"].creation(factory, deployment, wallet, question)
