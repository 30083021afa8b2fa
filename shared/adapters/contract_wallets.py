"""Signatures of contract wallets, told by the contract itself.

A deployed one is asked whether a signature is its own (ERC-1271). One that is not deployed yet signs with all that
deploys it (ERC-6492): it is deployed and asked in one eth_call, of which nothing remains on the chain.
"""

from typing import TYPE_CHECKING, Final

from shared.adapters import abi
from shared.adapters.chain import NodeRefused, Reverted
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.adapters.chain import ChainClient

TIMEOUT_SECONDS: Final = 3.0
"""Somebody waits to be signed in."""

GAS: Final = 3_000_000
"""What a question may take, the wallet's deployment included. Checking a passkey's signature in Solidity takes a tenth
of it, deploying a wallet a fifth; without a limit a question of 3 KB keeps a node busy for the gas of a whole block."""

VALID: Final = bytes.fromhex("1626ba7e").ljust(32, b"\0")
"""What isValidSignature answers for a signature of its own: one word, and nothing else in it (ERC-1271)."""

WRAPPED: Final = bytes.fromhex("6492" * 16)
"""The end of a signature that holds (factory, factory's calldata, signature) before it (ERC-6492)."""

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
"""How nodes name the ends of a call other than a revert, which are the contract's doing as well."""


def vouches(chain: "ChainClient", address: str, digest: bytes, signature: bytes) -> bool:
    """Whether the contract at an address says that a signature of a digest of 32 bytes is its own.

    Raises Unavailable when the node does not tell, in whatever way: then nobody is to be let in.
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
        return chain.call(_question(digest, signature), address, gas=GAS, timeout_seconds=TIMEOUT_SECONDS)
    try:
        factory, deploying, inner = abi.decoded(["address", "bytes", "bytes"], signature[: -len(WRAPPED)])
    except ValueError:
        return b""
    program = simulation(factory, deploying, address, _question(digest, inner))
    return chain.call(program, gas=GAS, timeout_seconds=TIMEOUT_SECONDS)


def _question(digest: bytes, signature: bytes) -> bytes:
    return abi.encoded("isValidSignature(bytes32,bytes)", digest, signature)


def simulation(factory: str, deploying: bytes, wallet: str, question: bytes) -> bytes:
    """A program for an eth_call without `to`, which runs it and returns what it returns.

    It has the factory deploy the wallet, unless there is one, and asks the wallet. It answers with one word of what the
    wallet answers, or with nothing when that fails or is shorter. A deployed wallet is asked as it is: whoever signs
    must not have the say over what happens on the chain before.
    """
    there, asked = bytes.fromhex(wallet[2:]), len(question)
    length = len(_program(bytes(20), bytes(20), 0, 0, 0))
    return _program(bytes.fromhex(factory[2:]), there, length, len(deploying), asked) + deploying + question


def _program(factory: bytes, wallet: bytes, length: int, deploying: int, question: int) -> bytes:
    """The instructions. length: of themselves; after them come the data of the two calls, of the other two lengths."""
    zero = _push(0, 1)
    deploy = b"".join(
        [
            *(_push(deploying, 4), _push(length, 4), zero, b"\x39"),  # CODECOPY to 0
            *(zero, zero, _push(deploying, 4), zero, zero, b"\x73" + factory, b"\x5a\xf1\x50"),  # GAS CALL POP
        ]
    )
    check = b"\x73" + wallet + b"\x3b"  # EXTCODESIZE
    ask_at = len(check) + 4 + len(deploy)
    return b"".join(
        [
            *(check, _push(ask_at, 2), b"\x57"),  # JUMPI over what deploys, when there is code
            *(deploy, b"\x5b"),  # JUMPDEST
            *(_push(question, 4), _push(length + deploying, 4), zero, b"\x39"),
            *(zero, zero, _push(question, 4), zero, b"\x73" + wallet, b"\x5a\xfa"),  # GAS STATICCALL
            *(b"\x3d", _push(31, 1), b"\x10\x16"),  # and RETURNDATASIZE > 31
            *(_push(32, 1), b"\x02"),  # times 32: how many bytes to answer
            *(b"\x80", zero, zero, b"\x3e", zero, b"\xf3"),  # DUP1 RETURNDATACOPY to 0, RETURN
        ]
    )


def _push(number: int, width: int) -> bytes:
    """PUSH1 to PUSH32 of a number."""
    return bytes([0x5F + width]) + number.to_bytes(width)
