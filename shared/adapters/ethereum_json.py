"""Ethereum's JSON: what a node answers, checked for its form (the execution-apis of the Ethereum Foundation).

Whatever lacks what it should have is Unavailable: it is the node that talks nonsense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.chains import Header
from shared.errors import Unavailable

Topic = bytes | tuple[bytes, ...] | None
"""What an event's topic must be: this, one of these, or anything."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place in the chain. `base_fee` is in wei a unit of gas, `made_at` in seconds since 1970."""

    number: int
    hash: str
    base_fee: int
    made_at: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event of a contract. `index` is its place in the block."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction."""

    succeeded: bool
    block_number: int
    block_hash: str


class Form:
    """Around the reading of an answer: one that lacks what it should have is Unavailable."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError):
            raise Unavailable("The node's answer lacks what it should have.") from error


def block_of(found: Any) -> Block:
    """A block of its JSON."""
    with Form():
        fee = number_of(found.get("baseFeePerGas", "0x0"))
        return Block(number_of(found["number"]), _text(found["hash"]), fee, number_of(found["timestamp"]))


def header_of(found: Any) -> Header:
    """A block of its JSON, without what its transactions did."""
    with Form():
        bloom = int.from_bytes(bytes_of(found["logsBloom"]))
        transactions = tuple(_text(each) for each in found["transactions"])
        return Header(number_of(found["number"]), _text(found["hash"]), _text(found["parentHash"]), bloom, transactions)


def log_of(found: Any) -> Log:
    """An event of its JSON."""
    with Form():
        return Log(
            address=_text(found["address"]),
            topics=tuple(bytes_of(topic) for topic in found["topics"]),
            data=bytes_of(found["data"]),
            block_number=number_of(found["blockNumber"]),
            block_hash=_text(found["blockHash"]),
            transaction_hash=_text(found["transactionHash"]),
            index=number_of(found["logIndex"]),
        )


def receipt_of(found: Any) -> Receipt:
    """A receipt of its JSON."""
    with Form():
        return Receipt(number_of(found["status"]) == 1, number_of(found["blockNumber"]), _text(found["blockHash"]))


def call_json(data: bytes, to: str | None, sender: str | None, gas: int | None = None) -> dict[str, str]:
    """A call as nodes take it; without `to` it is a creation."""
    call = {"data": hex_of(data), **({"gas": hex(gas)} if gas is not None else {})}
    return {**call, **({"to": to} if to else {}), **({"from": sender} if sender else {})}


def filter_json(address: str, topics: Sequence[Topic], first: int, last: int) -> dict[str, Any]:
    """What is wanted of a contract's events, in a range of blocks."""
    wanted = [[hex_of(one) for one in each] if isinstance(each, tuple) else each and hex_of(each) for each in topics]
    return {"address": address, "topics": wanted, "fromBlock": hex(first), "toBlock": hex(last)}


def number_of(text: Any) -> int:
    """A quantity."""
    with Form():
        if not text.startswith("0x"):
            raise ValueError(text)
        return int(text, 16)


def bytes_of(text: Any) -> bytes:
    """Unformatted data."""
    with Form():
        if not text.startswith("0x"):
            raise ValueError(text)
        return bytes.fromhex(text[2:])


def hex_of(data: bytes) -> str:
    """Bytes as unformatted data."""
    return "0x" + data.hex()


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found
