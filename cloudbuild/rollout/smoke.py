"""What a revision is asked before anybody else reaches it, and which answers are right. Pure, from the registry.

Cloud Run adds X-Forwarded-For, with which a function's probes do not respond. So each function gets a request of its
own row, without a token: it routes, decodes, and refuses as its row says, or serves what is public.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from cloudbuild.rollout.units import UNMATCHED, Kind, Unit
from shared.registry import Registry, Row


@dataclass(frozen=True)
class Expected:
    """A request, and the statuses that are right."""

    method: str
    path: str
    statuses: Collection[int]


def expected(unit: Unit, registry: Registry) -> Expected | None:
    """What a function is asked; None for an RPC host, which is asked for its health."""
    if unit.kind is not Kind.FUNCTION:
        return None
    if unit.serves == UNMATCHED:
        return Expected("GET", "/no-such-path", {404})
    row = registry.rows[unit.serves]
    if not row.http:
        return Expected("POST", "/", {401, 403})  # pushes and schedules come with Google's token
    path = re.sub(r"{\w+}", "smoke", row.path)
    return Expected(row.method, path, _statuses(row))


def _statuses(row: Row) -> Collection[int]:
    if row.anonymous:
        return {404 if row.parameters else row.success}
    if row.scope != "public":
        return {401}
    if row.method == "GET" and not row.parameters:
        return {row.success}
    return range(400, 429)  # it is public, but what it was asked says nothing
