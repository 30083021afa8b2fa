"""Who controls a contract: what it says itself, on its chain.

    owner()                        EIP-173
    hasRole(bytes32(0), address)   DEFAULT_ADMIN_ROLE of OpenZeppelin's AccessControl

Whatever is not exactly that answer is a no: no code, a revert, other lengths, other words.
"""

from typing import TYPE_CHECKING, Final

from shared.adapters.abi import encoded
from shared.adapters.chain import NodeRefused, Reverted
from shared.adapters.contract_wallets import HALTED
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.adapters.chain import ChainClient

DEFAULT_ADMIN_ROLE: Final = bytes(32)
TRUE: Final = (1).to_bytes(32)

GAS_MOST: Final = 200_000
"""Behind a proxy such a view costs some ten thousand; a contract that computes instead has no say."""

TIMEOUT_SECONDS: Final = 3.0
"""Somebody waits for their supply."""

DELEGATED: Final = "0xef0100"
"""How the code of an account begins that has a key and lends itself a contract's code (EIP-7702)."""


def controls(chain: "ChainClient", contract: str, address: str, proven_on: int, chain_id: int) -> bool:
    """Whether a contract says that an address controls it.

    address: in its EIP-55 form, proven by its user to be theirs. proven_on: the chain for which it was; a key is the
    same on every chain, while a contract at the address may be another's on another one.
    Raises Unavailable when the node does not tell.
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
    """What a view answers; None when it halts."""
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
