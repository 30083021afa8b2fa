"""Who controls a contract, according to the contract itself.

    owner()                        EIP-173
    hasRole(bytes32(0), address)   DEFAULT_ADMIN_ROLE of OpenZeppelin's AccessControl

Anything but exactly the expected result means no: no code, a revert, other lengths, other values.
"""

from typing import TYPE_CHECKING, Final

from shared.chain.abi import encoded
from shared.chain.contract_wallets import HALTED
from shared.chain.node import NodeRefused, Reverted
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.chain.node import ChainClient

DEFAULT_ADMIN_ROLE: Final = bytes(32)
TRUE: Final = (1).to_bytes(32)

GAS_MOST: Final = 200_000
"""Behind a proxy such a view costs some ten thousand; a contract that needs more is treated as answering no."""

TIMEOUT_SECONDS: Final = 3.0
"""A user is waiting for the response."""

DELEGATED: Final = "0xef0100"
"""The prefix of the code of a key account that delegates to a contract (EIP-7702)."""


def controls(chain: "ChainClient", contract: str, address: str, proven_on: int, chain_id: int) -> bool:
    """Whether a contract says that an address controls it.

    address: in EIP-55 form; its user has proven to own it. proven_on: the chain of that proof; a key is the same on
    every chain, but a contract wallet at the address may belong to someone else on another chain. Raises Unavailable if
    the node gives no definite result.
    """
    if _code(chain, contract) == "0x":
        return False
    if proven_on != chain_id and not (_code(chain, address) == "0x" or _code(chain, address).startswith(DELEGATED)):
        return False
    owner = bytes.fromhex(address[2:]).rjust(32, b"\0")
    if _answer(chain, contract, encoded("owner()")) == owner:
        return True
    return _answer(chain, contract, encoded("hasRole(bytes32,address)", DEFAULT_ADMIN_ROLE, address)) == TRUE


def has_code(chain: "ChainClient", address: str) -> bool:
    """Whether there is a contract at an address. Raises Unavailable."""
    return _code(chain, address) != "0x"


def _code(chain: "ChainClient", address: str) -> str:
    code = chain.request("eth_getCode", address, "latest", timeout_seconds=TIMEOUT_SECONDS)
    if not isinstance(code, str) or not code.startswith("0x"):
        raise Unavailable("The node's answer lacks what it should have.")
    return code.lower()


def _answer(chain: "ChainClient", contract: str, data: bytes) -> bytes | None:
    """A view's result; None if the call fails."""
    call = {"to": contract, "data": "0x" + data.hex(), "gas": hex(GAS_MOST)}
    try:
        answer = chain.request("eth_call", call, "latest", timeout_seconds=TIMEOUT_SECONDS)
    except Reverted:
        return None
    except NodeRefused as error:
        if any(word in error.detail.lower() for word in HALTED):
            return None
        raise Unavailable("The node refuses to ask the contract.") from error
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise Unavailable("The node's answer lacks what it should have.") from error
