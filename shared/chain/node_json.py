"""Parses and validates a node's JSON (the Ethereum Foundation's execution-apis).

A malformed response raises Unavailable, since it is the node's fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.chain.core.values import Header
from shared.errors import Unavailable

TopicFilter = bytes | tuple[bytes, ...] | None
"""A filter for one topic of an event: this value, one of these, or any."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block. `base_fee` is in wei per unit of gas, `made_at` in seconds since the epoch."""

    number: int
    hash: str
    base_fee: int
    made_at: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event of a contract. `index` is its log index in the block."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of a mined transaction."""

    succeeded: bool
    block_number: int
    block_hash: str


class CheckedFormat:
    """Around the parsing of a response: a malformed one raises Unavailable."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError):
            raise Unavailable("The node's answer lacks what it should have.") from error


def block_of(found: Any) -> Block:
    """Parse a block."""
    with CheckedFormat():
        fee = number_of(found.get("baseFeePerGas", "0x0"))
        return Block(number_of(found["number"]), _text(found["hash"]), fee, number_of(found["timestamp"]))


def header_of(found: Any) -> Header:
    """Parse a block header."""
    with CheckedFormat():
        bloom = int.from_bytes(bytes_of(found["logsBloom"]))
        transactions = tuple(_text(each) for each in found["transactions"])
        return Header(number_of(found["number"]), _text(found["hash"]), _text(found["parentHash"]), bloom, transactions)


def log_of(found: Any) -> Log:
    """Parse a log entry."""
    with CheckedFormat():
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
    """Parse a receipt."""
    with CheckedFormat():
        return Receipt(number_of(found["status"]) == 1, number_of(found["blockNumber"]), _text(found["blockHash"]))


def call_json(data: bytes, to: str | None, sender: str | None, gas: int | None = None) -> dict[str, str]:
    """The JSON of a call; without `to` it creates a contract."""
    call = {"data": hex_of(data), **({"gas": hex(gas)} if gas is not None else {})}
    return {**call, **({"to": to} if to else {}), **({"from": sender} if sender else {})}


def filter_json(address: str, topics: Sequence[TopicFilter], first: int, last: int) -> dict[str, Any]:
    """The JSON of a log filter: a contract's events in a range of blocks."""
    filters = [[hex_of(one) for one in each] if isinstance(each, tuple) else each and hex_of(each) for each in topics]
    return {"address": address, "topics": filters, "fromBlock": hex(first), "toBlock": hex(last)}


def number_of(text: Any) -> int:
    """Parse a quantity."""
    with CheckedFormat():
        if not text.startswith("0x"):
            raise ValueError(text)
        return int(text, 16)


def bytes_of(text: Any) -> bytes:
    """Parse unformatted data."""
    with CheckedFormat():
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
