"""An Ethereum node over JSON-RPC: every question has a deadline, and every answer is checked for its form.

    chain = resources().chain(31337)
    chain.call(data, to=contract)      eth_call, as ERC-1271 and ERC-6492 need it too (without `to` it runs a creation)

A node that does not answer, or answers nonsense, is Unavailable. So is, for whoever does not look closer, what it
refuses: NodeRefused, and of that what a contract reverts: Reverted.
"""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.errors import Unavailable
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from shared.resilience.breaker import Breaker

TIMEOUT_SECONDS: Final = POLICIES["chain"].timeout_seconds
MAXIMUM_BYTES: Final = 16 * 1024 * 1024
PIECE_BYTES: Final = 64 * 1024

GAS_MOST: Final = 5_000_000
"""More than any transaction of ours ever needs; a recipient that burns gas gets no more of it, nor does the node have
to find out how much that would be."""

REVERTED: Final = 3
"""The JSON-RPC error code of a reverted call (EIP-1474's successors: geth, anvil and others use it)."""

KNOWN_WORDS: Final = ("already known", "already imported", "already exists")
"""How nodes say that they have a transaction."""

REVERT_WORDS: Final = ("execution reverted", "revert")
"""How nodes that give another code say so."""


class NodeRefused(Unavailable):
    """The node refuses the request."""

    code = "NODE_REFUSED"


class Reverted(NodeRefused):
    """The call was reverted."""

    code = "REVERTED"


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


class ChainClient:
    """One node. Connections are kept and shared by threads."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS, breaker: "Breaker | None" = None) -> None:
        """
        url: where it listens; it may hold a key, so it is never logged.
        timeout_seconds: how long one question may take, from the first byte out to the last byte in.
        breaker: the node's. What the node refuses, it answers.
        """
        self._url = url
        self._breaker = breaker
        self._timeout_seconds = timeout_seconds
        self._pool: PoolManager | None = None

    def request(self, method: str, *parameters: Any, timeout_seconds: float | None = None) -> Any:
        """The result of a JSON-RPC request. Raises Unavailable, NodeRefused, Reverted."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        with self._breaker.guard() if self._breaker else nullcontext():
            seconds = time_for(timeout_seconds or self._timeout_seconds)
            answer = self._post(json.dumps(question).encode(), method, seconds)
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise Unavailable(f"The node answered {method} with something else than JSON-RPC.")
        error = answer.get("error")
        if error is None:
            return answer["result"]
        if not isinstance(error, dict):
            raise NodeRefused(f"{method}: {error}")
        message = str(error.get("message", ""))
        reverted = error.get("code") == REVERTED or any(word in message.lower() for word in REVERT_WORDS)
        raise (Reverted if reverted else NodeRefused)(f"{method}: {message}")

    def call(
        self,
        data: bytes,
        to: str | None = None,
        *,
        sender: str | None = None,
        number: int | None = None,
        timeout_seconds: float | None = None,
    ) -> bytes:
        """What a call would answer after a block, the latest by default. Raises Unavailable, NodeRefused, Reverted."""
        block = "latest" if number is None else hex(number)
        return _bytes(self.request("eth_call", _call(data, to, sender), block, timeout_seconds=timeout_seconds))

    def balance(self, address: str, number: int) -> int:
        """What an address had after a block, in wei. Raises Unavailable, NodeRefused."""
        return _number(self.request("eth_getBalance", address, hex(number)))

    def chain_id(self) -> int:
        """The node's chain. Raises Unavailable."""
        return _number(self.request("eth_chainId"))

    def head(self) -> int:
        """The number of the latest block. Raises Unavailable."""
        return _number(self.request("eth_blockNumber"))

    def block(self, number: int | None = None) -> Block | None:
        """A block by number, the latest by default; None when there is none yet. Raises Unavailable."""
        found = self.request("eth_getBlockByNumber", "latest" if number is None else hex(number), False)
        if found is None:
            return None
        with _Form():
            fee = _number(found.get("baseFeePerGas", "0x0"))
            return Block(_number(found["number"]), found["hash"], fee, _number(found["timestamp"]))

    def logs(self, address: str, topics: Sequence[Topic], first: int, last: int) -> list[Log]:
        """A contract's events of a kind in a range of blocks, in the order of the chain. Raises Unavailable."""
        wanted = {"address": address, "topics": [_topic(topic) for topic in topics]}
        found = self.request("eth_getLogs", {**wanted, "fromBlock": hex(first), "toBlock": hex(last)})
        with _Form():
            logs = [_log(each) for each in found if not each.get("removed")]
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """What became of a transaction; None while it is not mined. Raises Unavailable."""
        found = self.request("eth_getTransactionReceipt", transaction_hash)
        if found is None:
            return None
        with _Form():
            return Receipt(_number(found["status"]) == 1, _number(found["blockNumber"]), found["blockHash"])

    def knows(self, transaction_hash: str) -> bool:
        """Whether a transaction is mined or waits to be. Raises Unavailable."""
        return self.request("eth_getTransactionByHash", transaction_hash) is not None

    def next_nonce(self, address: str) -> int:
        """How many transactions of an account are mined: the nonce of the next one. Raises Unavailable."""
        return _number(self.request("eth_getTransactionCount", address, "latest"))

    def gas(self, data: bytes, to: str, sender: str) -> int:
        """How much gas a transaction would use, up to GAS_MOST.

        Raises Reverted when it would fail, Unavailable, NodeRefused, as when it would use more.
        """
        return _number(self.request("eth_estimateGas", {**_call(data, to, sender), "gas": hex(GAS_MOST)}))

    def tip(self) -> int:
        """What to offer beyond the base fee, in wei a unit of gas. Raises Unavailable."""
        return _number(self.request("eth_maxPriorityFeePerGas"))

    def broadcast(self, raw: bytes) -> None:
        """Hand a signed transaction to the network. One that the node has already is no error.

        Raises NodeRefused when the node does not take it, Unavailable.
        """
        try:
            self.request("eth_sendRawTransaction", _hex(raw))
        except NodeRefused as error:
            if not any(word in error.detail.lower() for word in KNOWN_WORDS):
                raise

    def _post(self, body: bytes, method: str, timeout_seconds: float) -> Any:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        from shared.adapters.cut import pools

        if self._pool is None:
            self._pool = pools(8)
        until = time.monotonic() + timeout_seconds
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers={"Content-Type": "application/json"},
                timeout=Timeout(total=timeout_seconds),
                preload_content=False,
                redirect=False,
            )
            try:
                content = _read(answer, until)
            except BaseException:
                answer.close()  # what is left of it must not be taken for the next answer
                raise
            answer.release_conn()
            return json.loads(content)
        except (HTTPError, OSError, ValueError) as error:
            raise Unavailable(f"The node did not answer {method} in time, or not in JSON.") from error


def _read(answer: Any, until: float) -> bytes:
    """The body, within the deadline even when it comes in drops. Raises ValueError, TimeoutError."""
    content = bytearray()
    for piece in iter(lambda: answer.read1(PIECE_BYTES), b""):
        content += piece
        if len(content) > MAXIMUM_BYTES:
            raise ValueError("too large")
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(content)


class _Form:
    """Around the reading of an answer: one that lacks what it should have is Unavailable."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError):
            raise Unavailable("The node's answer lacks what it should have.") from error


def _call(data: bytes, to: str | None, sender: str | None) -> dict[str, str]:
    call = {"data": _hex(data)}
    return {**call, **({"to": to} if to else {}), **({"from": sender} if sender else {})}


def _log(found: dict[str, Any]) -> Log:
    return Log(
        address=found["address"],
        topics=tuple(_bytes(topic) for topic in found["topics"]),
        data=_bytes(found["data"]),
        block_number=_number(found["blockNumber"]),
        block_hash=found["blockHash"],
        transaction_hash=found["transactionHash"],
        index=_number(found["logIndex"]),
    )


def _topic(topic: Topic) -> Any:
    return [_hex(each) for each in topic] if isinstance(topic, tuple) else topic and _hex(topic)


def _number(text: Any) -> int:
    with _Form():
        if not text.startswith("0x"):
            raise ValueError(text)
        return int(text, 16)


def _bytes(text: Any) -> bytes:
    with _Form():
        if not text.startswith("0x"):
            raise ValueError(text)
        return bytes.fromhex(text[2:])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
