"""Group commit for an RPC: calls that arrive while others are running go together in the next transaction.

A call that finds a free runner runs at once, so that batching costs no time; how large batches become follows from
how long a transaction takes. The outcome of an item touches no other: if a batch fails as a whole, each of its calls
is run by itself, by its own thread within its own deadline. What a batch records carries the trail (request id, trace)
of the call that led it.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal, Protocol

from google.protobuf.message import Message

from shared.errors import Unavailable
from shared.resilience.deadline import time_left

AT_MOST: Final = 64
"""The most calls in a batch: how much waits behind one lock, and is lost in one rollback."""

RUNNERS: Final = 2
"""How many transactions run at once: one that waits for a lock holds up only the calls that are in it."""

WAIT_SECONDS: Final = 30.0
"""How long a call without a deadline waits."""

State = Literal["waiting", "taken", "leading", "alone", "done"]


class Batchable(Protocol):
    """Runs an operation for a request. shared.runtime.binding.BoundOperation is one."""

    def run(self, *, request: Message) -> Any:
        """The response. Raises what the operation raises."""


@dataclass(slots=True)
class _Call:
    """One call. waiting: for its turn; taken: in the batch that runs; leading, alone: its own thread runs it."""

    request: Message
    state: State = "waiting"
    response: Any = None
    turn: threading.Event = field(default_factory=threading.Event)

    def wake(self, state: State) -> None:
        """Have its thread go on in a state."""
        self.state = state
        self.turn.set()


class BatchedOperation:
    """An operation whose request has a repeated field, and whose response has one outcome for each item of it."""

    def __init__(self, operation: Batchable, items: str, at_most: int = AT_MOST, runners: int = RUNNERS) -> None:
        """items: the request's repeated field. at_most: calls in a batch. runners: batches at once."""
        self._operation = operation
        self._items = items
        self._at_most = at_most
        self._waiting: deque[_Call] = deque()
        self._free = runners
        self._lock = threading.Lock()

    def run(self, *, request: Message) -> Any:
        """The response to a call. Raises what the operation raises, and Unavailable if no time is left for its turn."""
        call = _Call(request)
        with self._lock:
            waits = not self._free
            if waits:
                self._waiting.append(call)
            else:
                self._free -= 1
                call.state = "leading"
        if waits:  # not its state: a leader may have taken it already
            self._await(call)
        if call.state == "leading":
            return self._lead(call)
        return call.response if call.state == "done" else self._operation.run(request=request)

    def _await(self, call: _Call) -> None:
        """Wait until it is done, or its own thread is to run it."""
        if call.turn.wait(max(0.0, time_left(WAIT_SECONDS))):
            return
        with self._lock:
            if call.turn.is_set():
                return
            if call.state == "waiting":
                self._waiting.remove(call)
        raise Unavailable("No time is left for this.")

    def _lead(self, call: _Call) -> Any:
        """Run it with what waits, and hand the lead on."""
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_most - 1))]
            for other in others:
                other.state = "taken"
        try:
            if others:
                return self._together(call, others)
            return self._operation.run(request=call.request)
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().wake("leading")
                else:
                    self._free += 1

    def _together(self, call: _Call, others: list[_Call]) -> Any:
        """Run a batch; the response to the call that leads it. If it fails, each call runs alone."""
        calls = [call, *others]
        try:
            responses = self._split(self._operation.run(request=self._merged(calls)), calls)
        except Exception:  # noqa: BLE001 - each call runs again, and raises what is its own
            for other in others:
                other.wake("alone")
            return self._operation.run(request=call.request)
        for other, response in zip(others, responses[1:], strict=True):
            other.response = response
            other.wake("done")
        return responses[0]

    def _merged(self, calls: Sequence[_Call]) -> Message:
        merged = type(calls[0].request)()
        for call in calls:
            getattr(merged, self._items).extend(getattr(call.request, self._items))
        return merged

    def _split(self, response: Any, calls: Sequence[_Call]) -> list[Any]:
        """A response for each call, with as many of the outcomes as it has items."""
        counts = [len(getattr(call.request, self._items)) for call in calls]
        if sum(counts) != len(response.outcomes):
            raise ValueError(f"{len(response.outcomes)} outcomes of {sum(counts)} items")
        outcomes = iter(response.outcomes)
        return [type(response)(outcomes=islice(outcomes, count)) for count in counts]
