"""`make trace`: what happened on behalf of an order, as a tree of spans with their times.

The processes of a stack write spans into a folder (shared/telemetry/span_export.py). An order's events say which traces
it is part of: that of the purchase, of the claim, of whatever else was done to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from emulators.demo.runner import resources_of
from emulators.stack.errors import StackError
from emulators.stack.stack import Stack
from shared import ids
from shared.decoding import ready
from shared.outbox.log import EventLog
from shared.resources import Resources
from shared.telemetry.context import TraceContext
from shared.telemetry.span_export import SUFFIX, StoredSpan

NANOSECONDS: Final = 1_000_000
"""In a millisecond."""


@dataclass(frozen=True)
class Node:
    """A span and those beneath it, by time."""

    stored: StoredSpan
    children: "Sequence[Node]"


def read(folder: Path, trace_id: str) -> list[StoredSpan]:
    """The spans of a trace."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for line in path.read_bytes().splitlines():
            if trace_id.encode() in line:
                found.append(msgspec.json.decode(line, type=ready(StoredSpan)))
    return [each for each in found if each.span.trace_id == trace_id]


def tree(spans: Iterable[StoredSpan]) -> list[Node]:
    """The spans beneath their parents, by time. What has no parent here is at the top: its parent is a caller's."""
    below: dict[str, list[StoredSpan]] = {}
    known = {each.span.span_id: each for each in spans}
    for each in sorted(known.values(), key=lambda stored: (stored.span.start, -stored.span.end)):
        below.setdefault(each.span.parent_id if each.span.parent_id in known else "", []).append(each)

    def made(stored: StoredSpan) -> Node:
        return Node(stored, [made(each) for each in below.get(stored.span.span_id, ())])

    return [made(each) for each in below.get("", ())]


def lines(nodes: Sequence[Node]) -> Iterator[str]:
    """The tree as text: when a span began, in milliseconds after the first one, how long it took, what and where."""
    if not nodes:
        return
    began = min(node.stored.span.start for node in nodes)
    yield f"{'began':>9} {'took':>9}  milliseconds"

    def beneath_it(node: Node, indent: str, last: bool, top: bool) -> Iterator[str]:
        span = node.stored.span
        branch = "" if top else f"{indent}{'`- ' if last else '|- '}"
        times = f"{(span.start - began) / NANOSECONDS:9.1f} {(span.end - span.start) / NANOSECONDS:9.1f}"
        what = f"{span.name}{_noted(span.attributes)}{' FAILED' if span.failed else ''}"
        yield f"{times}  {branch}{what}  ({node.stored.process})"
        beneath = "" if top else f"{indent}{'   ' if last else '|  '}"
        for number, child in enumerate(node.children, 1):
            yield from beneath_it(child, beneath, number == len(node.children), False)

    for node in nodes:
        yield from beneath_it(node, "", True, True)


def _noted(attributes: Mapping[str, object]) -> str:
    """What a line says of a span's attributes: the event of a consumer, the status of a response."""
    values = [attributes.get(name) for name in ("http.response.status_code", "meridian.event")]
    return "".join(f" {each}" for each in values if each)


def shown(stack: Stack, order_id: str) -> Iterator[str]:
    """What `make trace` says of an order. Raises StackError if there is nothing."""
    cells = [site.cell for site in stack.layout.sites]
    cell = ids.cell_of(order_id)
    if cell not in cells:
        raise StackError(f"{order_id} is no order of this stack.")
    found = traces_of(order_id, resources_of(stack, cells.index(cell)))
    if not found:
        raise StackError(f"No event of {order_id} is part of a trace: there is no such order, or it was not sampled.")
    for trace_id in found:
        yield f"trace {trace_id}"
        yield from lines(tree(read(stack.layout.traces, trace_id)))


def traces_of(order_id: str, resources: Resources) -> list[str]:
    """The traces that the events of an order are part of, in their order."""
    database = resources.database("order")
    with database.transaction() as transaction:
        events = EventLog(transaction, resources.settings.cell, resources.clock.now()).read(order_id)
    contexts = (TraceContext("", str(event.metadata.get("traceparent", ""))) for event in events)
    return list(dict.fromkeys(context.trace_id for context in contexts if context.trace_id))
