"""Money between cells in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from functions.wallet.domain import events
from functions.wallet.domain.transit import Incoming, Movement, Sums, stream_of
from shared import ids
from shared.cells.streams import step
from shared.errors import Contended, Unavailable
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "transit.sql")

MOVEMENT: Final = tuple(Movement.__dataclass_fields__)


class PostgresTransits:
    """What was sent to other cells, and what has arrived from them."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._cell = work.settings.cell

    def send(self, movements: Sequence[Movement]) -> None:
        def receiver(movement: Movement) -> str:
            return ids.parse(movement.to_wallet_id, "wal").cell

        facts: list[tuple[str, int, events.TransitSent]] = []
        for cell, group in groupby(sorted(movements, key=receiver), receiver):
            sent = list(group)
            last = int(SQL.next_versions(self._work.current_transaction, receiver=cell, count=len(sent)))
            for version, movement in enumerate(sent, last - len(sent) + 1):
                facts.append((stream_of(self._cell, cell), version, self._fact(movement, cell)))
        self._work.events.append_all(facts)

    def _fact(self, movement: Movement, receiver: str) -> events.TransitSent:
        fields = {name: getattr(movement, name) for name in MOVEMENT}
        return events.TransitSent(giver=self._cell, receiver=receiver, **{**fields, "amount": Amount(movement.amount)})

    def record(self, arrival: Incoming) -> bool:
        have = int(SQL.last_arrival(self._work.current_transaction, giver=arrival.giver))
        known = step(have, arrival.version)
        if known == "gap":
            raise Unavailable(f"what {arrival.giver} sent before its version {arrival.version} has not arrived")
        if known == "apply":
            fields = {name: getattr(arrival.movement, name) for name in MOVEMENT}
            place = {"giver": arrival.giver, "version": arrival.version}
            SQL.insert_arrival(self._work.current_transaction, **place, **fields, at=self._work.now())
        return known == "apply"

    def end(self, arrival: Incoming, transfer_id: str) -> None:
        if not SQL.mark_credited(
            self._work.current_transaction,
            giver=arrival.giver,
            version=arrival.version,
            credited_transfer=transfer_id,
            at=self._work.now(),
        ):
            raise Contended

    def lock_uncredited(self, giver: str, version: int) -> Incoming | None:
        row = SQL.lock_uncredited(self._work.current_transaction, giver=giver, version=version)
        return _arrival(row) if row else None

    def uncredited(self, most: int) -> list[tuple[str, int]]:
        found = SQL.find_uncredited(self._work.current_transaction, now=self._work.now(), most=most)
        return [(row["giver"], row["version"]) for row in found]

    def arrived(self, at: datetime | None) -> Mapping[str, tuple[int, Sums]]:
        reached = SQL.arrived_through(self._work.current_transaction, at=at)
        return {row["giver"]: (row["version"], self._arrived(row["giver"], row["version"])) for row in reached}

    def _arrived(self, giver: str, through: int) -> Sums:
        return Sums(**SQL.sum_arrived(self._work.current_transaction, giver=giver, through=through))

    def sent(self, receiver: str, through: int) -> Sums:
        stream = stream_of(self._cell, receiver)
        return Sums(**SQL.sum_sent(self._work.current_transaction, stream_id=stream, through=through))


def _arrival(row: Row) -> Incoming:
    movement = Movement(**{name: row[name] for name in MOVEMENT})
    return Incoming(row["giver"], row["version"], movement, row["status"])
