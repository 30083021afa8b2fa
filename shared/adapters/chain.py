"""An Ethereum node over JSON-RPC: every question has a deadline, and every answer is checked for its form.

    chain = resources().chain(31337)
    chain.call(data, to=contract)      eth_call, as ERC-1271 and ERC-6492 need it too (without `to` it runs a creation)

A node that does not answer, or answers nonsense, is Unavailable. So is, for whoever does not look closer, what it
refuses: NodeRefused, and of that what a contract reverts: Reverted.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.ethereum_json import (
    Block,
    Form,
    Log,
    Receipt,
    Topic,
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
from shared.adapters.spans import Spans
from shared.chains import Header
from shared.errors import Unavailable
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from shared.resilience.breaker import Breaker

TIMEOUT_SECONDS: Final = POLICIES["chain"].timeout_seconds
MAXIMUM_BYTES: Final = 16 * 1024 * 1024

GAS_MOST: Final = 5_000_000
"""More than any transaction of ours ever needs; a recipient that burns gas gets no more of it, nor does the node have
to find out how much that would be."""

LOGS_SPAN: Final = 2000
"""In how many blocks events are looked for at once; most providers refuse more than some thousands."""

BATCH: Final = 50
"""How many questions are put at once; most providers refuse more than a hundred."""

REVERTED: Final = 3
"""The JSON-RPC error code of a reverted call (EIP-1474's successors: geth, anvil and others use it)."""

REFUSALS: Final = (400, 413, 422)
"""HTTP's words for a question that is wrong or asks for too much, which some proxies say without JSON."""

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
        self._log_spans = Spans(LOGS_SPAN, NodeRefused)
        self._batches = Spans(BATCH, NodeRefused)

    def request(self, method: str, *parameters: Any, timeout_seconds: float | None = None) -> Any:
        """The result of a JSON-RPC request. Raises Unavailable, NodeRefused, Reverted."""
        return _result(self._ask(_question(method, parameters), method, timeout_seconds), method)

    def requests(self, method: str, each: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of many requests, in their order. Raises what `request` raises when one of them does.

        They go as batches (JSON-RPC 2.0, section 6), each as large as the node takes. A balancer may hand a batch to
        many nodes: nothing ties one result to another but what they say themselves.
        """
        return [result for part in self._parts(method, each) for result in part]

    def _parts(self, method: str, each: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
        return self._batches.parts(0, len(each) - 1, lambda first, last: self._batch(method, each[first : last + 1]))

    def _batch(self, method: str, each: Sequence[Sequence[Any]]) -> list[Any]:
        if len(each) == 1:
            return [self.request(method, *each[0])]
        questions = [_question(method, parameters, number) for number, parameters in enumerate(each)]
        answer = self._ask(questions, method, None)
        if not isinstance(answer, list):
            raise NodeRefused(f"{method}: {_result(answer, method)}")
        answers = {one.get("id"): one for one in answer if isinstance(one, dict)}
        return [_result(answers.get(number), method) for number in range(len(each))]

    def _ask(self, question: Any, method: str, timeout_seconds: float | None) -> Any:
        with self._breaker.guard() if self._breaker else nullcontext():
            seconds = time_for(timeout_seconds or self._timeout_seconds)
            return self._post(json.dumps(question).encode(), method, seconds)

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
        """What a call would answer after a block, the latest by default. Raises Unavailable, NodeRefused, Reverted.

        gas: how much it may take at most; as much as the node lets it by default.
        """
        asked = call_json(data, to, sender, gas), "latest" if number is None else hex(number)
        return bytes_of(self.request("eth_call", *asked, timeout_seconds=timeout_seconds))

    def balance(self, address: str, number: int) -> int:
        """What an address had after a block, in wei. Raises Unavailable, NodeRefused."""
        return number_of(self.request("eth_getBalance", address, hex(number)))

    def chain_id(self) -> int:
        """The node's chain. Raises Unavailable."""
        return number_of(self.request("eth_chainId"))

    def head(self) -> int:
        """The number of the latest block. Raises Unavailable."""
        return number_of(self.request("eth_blockNumber"))

    def block(self, number: int | None = None) -> Block | None:
        """A block by number, the latest by default; None when there is none yet. Raises Unavailable."""
        found = self.request("eth_getBlockByNumber", "latest" if number is None else hex(number), False)
        return None if found is None else block_of(found)

    def headers(self, first: int, last: int) -> list[Header]:
        """Blocks by number, in order, as far as the node has them. Raises Unavailable.

        A balancer may hand each to another node: whether one follows another, their hashes say.
        """
        found: list[Header] = []
        try:
            for part in self._parts("eth_getBlockByNumber", [(hex(each), False) for each in range(first, last + 1)]):
                found += [header_of(each) for each in takewhile(lambda each: each is not None, part)]
                if None in part:
                    break
        except NodeRefused:  # of a block that it does not have
            if not found:
                raise
        return found

    def logs(self, address: str, topics: Sequence[Topic], first: int, last: int) -> list[Log]:
        """A contract's events of a kind in a range of blocks, in the order of the chain, as far as the node has them.

        A node that lags has fewer and does not say so: see proven.py. The range is asked for in as few parts as the
        node takes. Raises Unavailable, and NodeRefused when the node refuses one block.
        """
        found = self._log_spans.parts(first, last, lambda *part: self._logs(filter_json(address, topics, *part)))
        return [log for part in found for log in part]

    def _logs(self, wanted: dict[str, Any]) -> list[Log]:
        found = self.request("eth_getLogs", wanted)
        with Form():
            logs = [log_of(each) for each in found if not each.get("removed")]
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def block_logs(self, header: Header) -> list[Log]:
        """All events of a block, of its receipts: every transaction has one.

        Unlike a list of events, which says nothing of what is not on it, that is a proof: a block's hash stands for its
        transactions, and each receipt is whole. Raises Unavailable while the node lacks some of them.
        """
        try:
            found = self.request("eth_getBlockReceipts", header.hash)
        except NodeRefused:  # too many at once, or it does not know the method
            found = self.requests("eth_getTransactionReceipt", [(each,) for each in header.transactions])
        with Form():
            here = {each["transactionHash"]: each for each in found or () if each and each["blockHash"] == header.hash}
            if not here.keys() >= set(header.transactions):
                raise Unavailable(f"The node lacks receipts of block {header.number}.")
            logs = [log_of(each) for receipt in here.values() for each in receipt["logs"]]
        return sorted(logs, key=lambda log: log.index)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """What became of a transaction; None while it is not mined. Raises Unavailable."""
        found = self.request("eth_getTransactionReceipt", transaction_hash)
        return None if found is None else receipt_of(found)

    def knows(self, transaction_hash: str) -> bool:
        """Whether a transaction is mined or waits to be. Raises Unavailable."""
        return self.request("eth_getTransactionByHash", transaction_hash) is not None

    def next_nonce(self, address: str, number: int | None = None) -> int:
        """How many transactions of an account are mined after a block, the latest by default: the next one's nonce.

        Raises Unavailable, NodeRefused.
        """
        return number_of(self.request("eth_getTransactionCount", address, "latest" if number is None else hex(number)))

    def gas(self, data: bytes, to: str, sender: str) -> int:
        """How much gas a transaction would use, up to GAS_MOST.

        Raises Reverted when it would fail, Unavailable, NodeRefused, as when it would use more.
        """
        return number_of(self.request("eth_estimateGas", {**call_json(data, to, sender), "gas": hex(GAS_MOST)}))

    def tip(self) -> int:
        """What to offer beyond the base fee, in wei a unit of gas. Raises Unavailable."""
        return number_of(self.request("eth_maxPriorityFeePerGas"))

    def broadcast(self, raw: bytes) -> None:
        """Hand a signed transaction to the network. One that the node has already is no error.

        Raises NodeRefused when the node does not take it, Unavailable.
        """
        try:
            self.request("eth_sendRawTransaction", hex_of(raw))
        except NodeRefused as error:
            if not any(word in error.detail.lower() for word in KNOWN_WORDS):
                raise

    def _post(self, body: bytes, method: str, timeout_seconds: float) -> Any:
        """The answer's JSON. One that is too large, or says so of the question, is a refusal. Raises Unavailable."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        from shared.adapters.cut import pools, read

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
                content = read(answer, MAXIMUM_BYTES, until)
            except BaseException:
                answer.close()  # what is left of it must not be taken for the next answer
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


def _question(method: str, parameters: Sequence[Any], number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}


def _result(answer: Any, method: str) -> Any:
    """What was answered. Raises Unavailable for what is no answer, NodeRefused, Reverted."""
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
