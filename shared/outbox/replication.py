"""How far this cell is behind other cells: since when a consumer has applied all that they had committed.

Each probe asks the sources for what is new since the last one, and whether the inbox has it. If so, the consumer was
level with them when the probe began; while they cannot be reached, or something is missing, the lag grows. It is a
measure for people and for readers of copies; that nothing is lost does not rest on it (comparison.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.outbox.comparison import Comparison
from shared.outbox.log import SQL
from shared.postgres.database import Database, Transaction
from shared.registry import Row


@dataclass(slots=True)
class _Seen:
    """How far a source has been looked at, and what the inbox lacked then: the last versions of its streams."""

    position: int
    lacking: Mapping[str, int] = field(default_factory=dict)


class ReplicationLevel:
    """Follows since when one consumer is level with its sources in one other cell."""

    def __init__(self, row: Row, database: Database, comparison: Comparison, clock: Clock) -> None:
        self._row = row
        self._database = database
        self._comparison = comparison
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def probe(self) -> None:
        """Look at what is new, and note whether the consumer is level. Raises Unavailable."""
        for source in self._comparison.sources:
            began = self._clock.now()
            seen = self._seen.setdefault(source, _Seen(self._comparison.position(source)))
            newer, position = self._comparison.newer(source, seen.position)
            seen.lacking = self._comparison.unapplied_of({**seen.lacking, **newer})
            seen.position = position
            if not seen.lacking:
                name = self._comparison.named(source)
                with self._database.transaction() as transaction:
                    SQL.note_level(transaction, consumer=self._row.name, source=name, at=began)


def lags(transaction: Transaction, consumers: Sequence[str], clock: Clock) -> dict[tuple[str, str], float]:
    """By how many seconds consumers may be behind other cells, by consumer and cell, if they ever were level."""
    rows = SQL.find_levels(transaction, consumers=list(consumers), now=clock.now())
    return {(row["consumer"], row["cell"]): row["behind"] / 1_000_000 for row in rows}


def lag_by_cell(
    transaction: Transaction, rows: Sequence[Row], others: Sequence[str], clock: Clock
) -> dict[str, float | None]:
    """By how many seconds some event rows are behind each other cell, at most; None for one that is not known yet."""
    known = lags(transaction, [row.name for row in rows], clock)
    found: dict[str, float | None] = {}
    for cell in others:
        each = [known.get((row.name, cell)) for row in rows]
        found[cell] = None if None in each else max((seconds for seconds in each if seconds is not None), default=0.0)
    return found
