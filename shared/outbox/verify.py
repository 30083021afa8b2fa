"""Proves that a projection says what its events say: it is made anew beside the live one, and compared row by row.

A page of streams is rebuilt into a temporary table of the projection's own name, by the very code that writes the live
one. Both are seen in one picture of the data, so that writes may go on meanwhile; nothing of it is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from shared.adapters.postgres import Database, Transaction
from shared.adapters.rehearsal import rehearsal
from shared.contracts.events import StoredEvent
from shared.outbox.log import SQL

PAGE: Final = 500
"""How many streams are rebuilt in one transaction."""


class Queries(Protocol):
    """The projection's queries, of its service's sql/projections.sql."""

    def shadow(self, transaction: Transaction) -> int:
        """Make a temporary table of the projection's name and shape."""

    def compare(self, transaction: Transaction, *, after: str, until: str | None) -> list[dict[str, Any]]:
        """The rows of a range of streams that differ, as (subject, live, rebuilt)."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A table that is made of the events of its service's own streams.

    prefix: how the ids of its streams begin.
    project: writes the row that the events of one stream make, as the service does.
    """

    name: str
    prefix: str
    queries: Queries
    project: Callable[[Transaction, Sequence[StoredEvent]], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its events make of it; either may be missing."""

    subject: str
    live: dict[str, Any] | None
    rebuilt: dict[str, Any] | None

    def __str__(self) -> str:
        live, rebuilt = self.live or {}, self.rebuilt or {}
        named = [name for name in live.keys() | rebuilt.keys() if live.get(name) != rebuilt.get(name)]
        return f"{self.subject}: {', '.join(sorted(named))}"


@dataclass(frozen=True, slots=True)
class Verified:
    """How many streams were rebuilt, and which rows differ."""

    streams: int
    differences: list[Difference]


def verify(database: Database, projection: Projection) -> Verified:
    """Rebuild all of a projection and compare it with the live one. Raises Unavailable."""
    streams, after, differences = 0, "", []
    while True:
        with rehearsal(database) as transaction:
            projection.queries.shadow(transaction)
            names = _page(transaction, projection, after)
            for name in names:
                projection.project(transaction, _history(transaction, name))
            until = names[-1] if len(names) == PAGE else None
            rows = projection.queries.compare(transaction, after=after, until=until)
        streams += len(names)
        differences += [Difference(row["subject"], row["live"], row["rebuilt"]) for row in rows]
        if until is None:
            return Verified(streams, differences)
        after = until


def _page(transaction: Transaction, projection: Projection, after: str) -> list[str]:
    rows = SQL.page_streams(transaction, prefix=f"{projection.prefix}\\_%", after=after, most=PAGE)
    return [row["stream"] for row in rows]


def _history(transaction: Transaction, stream: str) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    while True:
        after = found[-1].version if found else 0
        rows = SQL.read_stream(transaction, stream_id=stream, from_version=after + 1, most=PAGE)
        found += [StoredEvent(**row) for row in rows]
        if len(rows) < PAGE:
            return found
