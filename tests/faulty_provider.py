"""A faulty RPC provider in front of the stack's chain: it refuses ranges, lags behind, truncates and splits batches.

Its responses come from the real node; when it lags, they are those of some blocks ago.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Final

import urllib3

from tests.serving import serve

REFUSED: Final = -32005


class FaultyProvider:
    """A provider's behaviour, which tests change as they go; at first that of the node."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._pool = urllib3.PoolManager(maxsize=8)
        self.most_blocks: int | None = None
        """The largest range of blocks of eth_getLogs; None for no limit."""
        self.refusal: Any = {"code": REFUSED, "message": "query returned more than 10000 results"}
        """The error of a refused range; bytes are the whole response body, with status 413."""
        self.most_results: int | None = None
        """The number of events after which it silently truncates a result."""
        self.lag = 0
        """How many blocks a lagging node is behind."""
        self.lags: Callable[[int, str], bool] = lambda number, method: True
        """Which requests go to the lagging node, by their number and method."""
        self.unknown: set[str] = set()
        """Methods that it does not support."""
        self.ranges: list[int] = []
        """The ranges, in blocks, of the requests for events."""
        self._requests = count()

    def answer(self, body: bytes) -> bytes:
        """The response to a request or a batch."""
        requests = json.loads(body)
        answers = [self._one(each) for each in (requests if isinstance(requests, list) else [requests])]
        raw = next((each for each in answers if isinstance(each, bytes)), None)
        return raw or json.dumps(answers if isinstance(requests, list) else answers[0]).encode()

    def _one(self, question: dict[str, Any]) -> Any:
        method, parameters = question["method"], question["params"]
        if method in self.unknown:
            return {"id": question["id"], "error": {"code": -32601, "message": "method not found"}}
        ranged = method == "eth_getLogs" and "fromBlock" in parameters[0]
        if ranged:
            first, last = (int(parameters[0][name], 16) for name in ("fromBlock", "toBlock"))
            self.ranges.append(last - first + 1)
            if self.most_blocks is not None and last - first >= self.most_blocks:
                return self.refusal if isinstance(self.refusal, bytes) else {**question, "error": self.refusal}
        answer = json.loads(self._pool.request("POST", self._node, json=question).data)
        if self.lag and self.lags(next(self._requests), method) and "result" in answer:
            head = int(json.loads(self._pool.request("POST", self._node, json=HEAD).data)["result"], 16) - self.lag
            answer["result"] = _as_of(head, method, answer["result"])
        if ranged and self.most_results is not None and "result" in answer:
            del answer["result"][self.most_results :]
        return answer


HEAD: Final = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


def _as_of(head: int, method: str, result: Any) -> Any:
    """The result of a node whose latest block is `head`."""
    if method == "eth_blockNumber":
        return hex(head)
    if method == "eth_getLogs":
        return [log for log in result if int(log["blockNumber"], 16) <= head]
    if method == "eth_getBlockReceipts":
        return result if result and int(result[0]["blockNumber"], 16) <= head else None
    if method == "eth_getBlockByNumber":
        return result if result and int(result["number"], 16) <= head else None
    if method == "eth_getTransactionReceipt":
        return result if result and int(result["blockNumber"], 16) <= head else None
    return result


@contextmanager
def faulty_provider(node: str) -> Iterator[tuple[FaultyProvider, str]]:
    """A provider in front of a node, and its URL."""
    behaviour = FaultyProvider(node)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer = behaviour.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(413 if answer is behaviour.refusal else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        serve(server)
        try:
            yield behaviour, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
