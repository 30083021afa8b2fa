"""An order's traces for the console: what `make trace` prints, as data."""

from collections.abc import Iterator, Sequence
from typing import Any

from emulators import trace_view
from emulators.stack.errors import StackError
from emulators.stack.stack import Stack

SPANS_AT_MOST = 2000
"""How many spans of a trace are shown."""


def of_order(stack: Stack, traces: Sequence[str]) -> list[dict[str, Any]]:
    """These traces: the spans of each in the order of the tree, with their depth and times in milliseconds."""
    found = []
    for trace_id in traces:
        spans = trace_view.read(stack.layout.traces, trace_id)
        nodes = trace_view.tree(spans)
        began = min((node.stored.span.start for node in nodes), default=0)
        shown = [each for node in nodes for each in _flat(node, began, 0)]
        found.append(
            {"trace_id": trace_id, "spans": shown[:SPANS_AT_MOST], "left_out": max(0, len(shown) - SPANS_AT_MOST)}
        )
    return found


def _flat(node: trace_view.Node, began: int, depth: int) -> Iterator[dict[str, Any]]:
    span = node.stored.span
    yield {
        "name": span.name,
        "process": node.stored.process,
        "depth": depth,
        "began_ms": (span.start - began) / trace_view.NANOSECONDS,
        "took_ms": (span.end - span.start) / trace_view.NANOSECONDS,
        "failed": span.failed,
    }
    for child in node.children:
        yield from _flat(child, began, depth + 1)


def checked(traces: Sequence[str]) -> Sequence[str]:
    """These, if they are ids of traces. Raises StackError."""
    for each in traces:
        if len(each) != 32 or not all(digit in "0123456789abcdef" for digit in each):
            raise StackError(f"{each[:40]!r} is not the id of a trace.")
    return traces
