"""A client for an Ethereum node over JSON-RPC: every request has a deadline, every response is validated.

    chain = resources().chain(31337)
    chain.call(data, to=contract)      eth_call, as ERC-1271 and ERC-6492 need it too (without `to` it runs a creation)

A node that does not respond, or responds with nonsense, raises Unavailable. Its subclass NodeRefused is an error
returned by the node, and NodeRefused's subclass Reverted a call that the contract reverted.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from shared.chain.adaptive_range import AdaptiveRange
from shared.chain.core.values import Header
from shared.chain.node_json import (
    Block,
    CheckedFormat,
    Log,
    Receipt,
    TopicFilter,
    block_of,
    bytes_of,
    call_json,
    filter_json,
    header_of,
    hex_of,
    log_of,
    number_of,
    receipt_of,
)
from shared.errors import Unavailable
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from shared.resilience.breaker import Breaker

TIMEOUT_SECONDS: Final = POLICIES["chain"].timeout_seconds
MAXIMUM_BYTES: Final = 16 * 1024 * 1024

GAS_MOST: Final = 5_000_000
"""More than any transaction of ours needs. It bounds the cost of a recipient that burns gas, and the node's work of
estimating it."""

LOGS_SPAN: Final = 2000
"""How many blocks one eth_getLogs covers; most providers refuse more than a few thousand."""

BATCH: Final = 50
"""How many requests a batch has; most providers refuse more than a hundred."""

REVERTED: Final = 3
"""The JSON-RPC error code of a reverted call (EIP-1474's successors: geth, anvil and others use it)."""

REFUSALS: Final = (400, 413, 422)
"""HTTP statuses for an invalid or too large request, which some proxies send without JSON."""

KNOWN_WORDS: Final = ("already known", "already imported", "already exists")
"""How nodes say that they already have a transaction."""

REVERT_WORDS: Final = ("execution reverted", "revert")
"""How nodes that use another error code say that a call was reverted."""


class NodeRefused(Unavailable):
    """The node refuses the request."""

    code = "NODE_REFUSED"


class Reverted(NodeRefused):
    """The call was reverted."""

    code = "REVERTED"


class ChainClient:
    """One node. Its connection pool is shared by threads."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS, breaker: "Breaker | None" = None) -> None:
        """
        url: the node's; it may contain an API key, so it is never logged.
        timeout_seconds: per request, from the first byte out to the last byte in.
        breaker: the node's. NodeRefused counts as a response, not as a failure.
        """
        self._url = url
        self._breaker = breaker
        self._timeout_seconds = timeout_seconds
        self._pool: PoolManager | None = None
        self._log_spans = AdaptiveRange(LOGS_SPAN, NodeRefused)
        self._batches = AdaptiveRange(BATCH, NodeRefused)

    def request(self, method: str, *parameters: Any, timeout_seconds: float | None = None) -> Any:
        """The result of a JSON-RPC request. Raises Unavailable, NodeRefused, Reverted."""
        return _result(self._send(_envelope(method, parameters), method, timeout_seconds), method)

    def requests(self, method: str, each: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of many requests, in order. Raises what `request` raises if one of them fails.

        They are sent in batches (JSON-RPC 2.0, section 6), each as large as the node accepts. A load balancer may
        spread a batch over several nodes, so results may be inconsistent with each other.
        """
        return [result for part in self._parts(method, each) for result in part]

    def _parts(self, method: str, each: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
        return self._batches.parts(0, len(each) - 1, lambda first, last: self._batch(method, each[first : last + 1]))

    def _batch(self, method: str, each: Sequence[Sequence[Any]]) -> list[Any]:
        if len(each) == 1:
            return [self.request(method, *each[0])]
        payloads = [_envelope(method, parameters, number) for number, parameters in enumerate(each)]
        answer = self._send(payloads, method, None)
        if not isinstance(answer, list):
            raise NodeRefused(f"{method}: {_result(answer, method)}")
        answers = {one.get("id"): one for one in answer if isinstance(one, dict)}
        return [_result(answers.get(number), method) for number in range(len(each))]

    def _send(self, payload: Any, method: str, timeout_seconds: float | None) -> Any:
        with self._breaker.guard() if self._breaker else nullcontext():
            seconds = time_for(timeout_seconds or self._timeout_seconds)
            return self._post(json.dumps(payload).encode(), method, seconds)

    def call(
        self,
        data: bytes,
        to: str | None = None,
        *,
        sender: str | None = None,
        number: int | None = None,
        gas: int | None = None,
        timeout_seconds: float | None = None,
    ) -> bytes:
        """The result of a call after a block, the latest by default. Raises Unavailable, NodeRefused, Reverted.

        gas: the gas limit; the node's own by default.
        """
        parameters = call_json(data, to, sender, gas), "latest" if number is None else hex(number)
        return bytes_of(self.request("eth_call", *parameters, timeout_seconds=timeout_seconds))

    def balance(self, address: str, number: int) -> int:
        """The balance of an address after a block, in wei. Raises Unavailable, NodeRefused."""
        return number_of(self.request("eth_getBalance", address, hex(number)))

    def chain_id(self) -> int:
        """The chain id. Raises Unavailable."""
        return number_of(self.request("eth_chainId"))

    def head(self) -> int:
        """The number of the latest block. Raises Unavailable."""
        return number_of(self.request("eth_blockNumber"))

    def block(self, number: int | None = None) -> Block | None:
        """A block by number, the latest by default; None if it does not exist yet. Raises Unavailable."""
        found = self.request("eth_getBlockByNumber", "latest" if number is None else hex(number), False)
        return None if found is None else block_of(found)

    def headers(self, first: int, last: int) -> list[Header]:
        """Block headers by number, in order, as far as the node has them. Raises Unavailable.

        A load balancer may fetch each from another node: only their hashes prove that one follows another.
        """
        found: list[Header] = []
        try:
            for part in self._parts("eth_getBlockByNumber", [(hex(each), False) for each in range(first, last + 1)]):
                found += [header_of(each) for each in takewhile(lambda each: each is not None, part)]
                if None in part:
                    break
        except NodeRefused:  # for a block that it does not have
            if not found:
                raise
        return found

    def logs(self, address: str, topics: Sequence[TopicFilter], first: int, last: int) -> list[Log]:
        """A contract's matching events in a range of blocks, in chain order, as far as the node has them.

        A node that lags returns fewer without an error: see verified_logs.py. The range is split into as few parts as
        the node accepts. Raises Unavailable, and NodeRefused if the node refuses a single block.
        """
        found = self._log_spans.parts(first, last, lambda *part: self._logs(filter_json(address, topics, *part)))
        return [log for part in found for log in part]

    def _logs(self, query: dict[str, Any]) -> list[Log]:
        found = self.request("eth_getLogs", query)
        with CheckedFormat():
            logs = [log_of(each) for each in found if not each.get("removed")]
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def block_logs(self, header: Header) -> list[Log]:
        """All events of a block, from the receipts of its transactions.

        Unlike a result of eth_getLogs, which cannot show that nothing is missing, this is complete: the block's hash
        commits to its transactions, and each receipt has all its events. Raises Unavailable while the node lacks some
        of them.
        """
        try:
            found = self.request("eth_getBlockReceipts", header.hash)
        except NodeRefused:  # too many at once, or the method is not supported
            found = self.requests("eth_getTransactionReceipt", [(each,) for each in header.transactions])
        with CheckedFormat():
            here = {each["transactionHash"]: each for each in found or () if each and each["blockHash"] == header.hash}
            if not here.keys() >= set(header.transactions):
                raise Unavailable(f"The node lacks receipts of block {header.number}.")
            logs = [log_of(each) for receipt in here.values() for each in receipt["logs"]]
        return sorted(logs, key=lambda log: log.index)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """A transaction's receipt; None while it is not mined. Raises Unavailable."""
        found = self.request("eth_getTransactionReceipt", transaction_hash)
        return None if found is None else receipt_of(found)

    def knows(self, transaction_hash: str) -> bool:
        """Whether a transaction is mined or pending. Raises Unavailable."""
        return self.request("eth_getTransactionByHash", transaction_hash) is not None

    def next_nonce(self, address: str, number: int | None = None) -> int:
        """An account's transaction count after a block, the latest by default: its next nonce.

        Raises Unavailable, NodeRefused.
        """
        return number_of(self.request("eth_getTransactionCount", address, "latest" if number is None else hex(number)))

    def gas(self, data: bytes, to: str, sender: str) -> int:
        """Estimate a transaction's gas, up to GAS_MOST.

        Raises Reverted if it would fail, Unavailable, and NodeRefused, for example if it would use more.
        """
        return number_of(self.request("eth_estimateGas", {**call_json(data, to, sender), "gas": hex(GAS_MOST)}))

    def tip(self) -> int:
        """The suggested priority fee, in wei per unit of gas. Raises Unavailable."""
        return number_of(self.request("eth_maxPriorityFeePerGas"))

    def broadcast(self, raw: bytes) -> None:
        """Broadcast a signed transaction. It is no error if the node already has it.

        Raises NodeRefused if the node rejects it, Unavailable.
        """
        try:
            self.request("eth_sendRawTransaction", hex_of(raw))
        except NodeRefused as error:
            if not any(word in error.detail.lower() for word in KNOWN_WORDS):
                raise

    def _post(self, body: bytes, method: str, timeout_seconds: float) -> Any:
        """POST a request; returns the response's JSON. Too large ones count as refused. Raises Unavailable."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        from shared.http_client.read_deadline import pool_manager, read

        if self._pool is None:
            self._pool = pool_manager(8)
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
                content = read(answer, MAXIMUM_BYTES, until)
            except BaseException:
                answer.close()  # the rest of it must not be read as the next response
                raise
            if content is None:
                answer.close()
                return {"error": f"The answer has more than {MAXIMUM_BYTES} bytes."}
            answer.release_conn()
            if answer.status in REFUSALS and not content.lstrip().startswith((b"{", b"[")):
                return {"error": f"HTTP {answer.status}"}
            return json.loads(content)
        except (HTTPError, OSError, ValueError, RecursionError) as error:
            raise Unavailable(f"The node did not answer {method} in time, or not in JSON.") from error


def _envelope(method: str, parameters: Sequence[Any], number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}


def _result(answer: Any, method: str) -> Any:
    """The result in a response. Raises Unavailable if it is not JSON-RPC, NodeRefused, Reverted."""
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
