"""What is made of the events of other cells' supply services, and can be rebuilt from them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from functions.supply.adapters.work import Work
from functions.supply.replicate_supply import replicate_supply
from shared import ids
from shared.contracts.events import StoredEvent, decode_event
from shared.outbox.log import StreamPart
from shared.outbox.source import Sources
from shared.outbox.verify import ConsumedStreams, Projection, ProjectionTable
from shared.postgres.database import Transaction
from shared.postgres.queries import queries
from shared.registry import load

CONSUMER: Final = "replicate_supply"
SQL_FOLDER: Final = Path(__file__).parent.parent / "sql"


def projections(work: Callable[[Transaction | None], Work]) -> list[Projection]:
    """The copies of other cells' supplies. With one cell there are none."""
    row = load().rows[CONSUMER]

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        sources = Sources(row.service, work(None).resources, ids.source_of(stream))
        return sources.read(event_type, stream, from_version, types)

    def project(transaction: Transaction, history: Sequence[StoredEvent]) -> None:
        for stored in history:
            if stored.type in (row.event or ()):
                replicate_supply(decode_event(stored), work(transaction))

    return [
        ProjectionTable(
            "copies of supplies", ConsumedStreams(row, read), queries(SQL_FOLDER / "projections.sql"), project
        )
    ]
