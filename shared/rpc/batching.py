"""Group commit for an RPC: calls that arrive while others are running go together in the next transaction.

The outcome of an item touches no other (shared/resilience/group_commit.py). What a batch records of an entity carries
the trail (request id, trace) of the call that named its id, whoever led the batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Protocol

from google.protobuf.message import Message

from shared.resilience.group_commit import AT_MOST, RUNNERS, GroupCommit
from shared.telemetry.context import TraceContext, attributing, trace_context


class Batchable(Protocol):
    """Runs an operation for a request. shared.runtime.binding.BoundOperation is one."""

    def run(self, *, request: Message) -> Any:
        """The response. Raises what the operation raises."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that waits, and the context that it came in."""

    request: Message
    context: TraceContext


def named(message: Message) -> Iterator[str]:
    """The ids in a message: what is in its fields `..._id`, and in those of the messages in it."""
    ids, nested = _naming(type(message).DESCRIPTOR)
    for name in ids:
        if value := getattr(message, name):
            yield value
    for name in nested:
        value = getattr(message, name)
        for each in value if isinstance(value, Sequence) else [value]:
            yield from named(each)


@cache
def _naming(descriptor: Any) -> tuple[Sequence[str], Sequence[str]]:
    """Of a message's type: the fields that are ids, and those whose messages have some."""
    ids = [each.name for each in descriptor.fields if each.name.endswith("_id")]
    messages = [each for each in descriptor.fields if each.message_type is not None]
    return ids, [each.name for each in messages if any(_naming(each.message_type))]


class BatchedOperation:
    """An operation whose request has a repeated field, and whose response has one outcome for each item of it."""

    def __init__(self, operation: Batchable, items: str, at_most: int = AT_MOST, runners: int = RUNNERS) -> None:
        """items: the request's repeated field. at_most: calls in a batch. runners: batches at once."""
        self._operation = operation
        self._items = items
        self.calls: GroupCommit[_Call, Any] = GroupCommit(self._together, at_most, runners)

    def run(self, *, request: Message) -> Any:
        """The response to a call. Raises what the operation raises, and Unavailable if no time is left for its turn."""
        return self.calls.run(_Call(request, trace_context()))

    def _together(self, calls: Sequence[_Call]) -> list[Any]:
        requests = [call.request for call in calls]
        if len(calls) == 1:
            return [self._operation.run(request=requests[0])]
        trails = {name: call.context for call in calls for name in named(call.request)}
        with attributing(trails):
            response = self._operation.run(request=self._merged(requests))
        return self._split(response, requests)

    def _merged(self, requests: Sequence[Message]) -> Message:
        merged = type(requests[0])()
        for request in requests:
            getattr(merged, self._items).extend(getattr(request, self._items))
        return merged

    def _split(self, response: Any, requests: Sequence[Message]) -> list[Any]:
        """A response for each request, with as many of the outcomes as it has items."""
        counts = [len(getattr(request, self._items)) for request in requests]
        if sum(counts) != len(response.outcomes):
            raise ValueError(f"{len(response.outcomes)} outcomes of {sum(counts)} items")
        outcomes = iter(response.outcomes)
        return [type(response)(outcomes=islice(outcomes, count)) for count in counts]
