"""Money between cells in PostgreSQL, and the wallet services of other cells over gRPC."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from functions.wallet.domain import events
from functions.wallet.domain.transit import Incoming, Movement, RemoteWallet, Sums, stream_of
from shared import ids
from shared.cells.streams import step
from shared.contracts.gen.wallet_pb2 import (
    DescribeRequest,
    DescribeResponse,
    SumTransitsRequest,
    SumTransitsResponse,
)
from shared.errors import Contended, Unavailable
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "transit.sql")

MOVEMENT: Final = tuple(Movement.__dataclass_fields__)

DESCRIBE_SECONDS: Final = 2.0
"""How long a payer waits for the payee's cell, in seconds: a database connection waits with them."""

SUM_SECONDS: Final = 10.0
"""The timeout of SumTransits, in seconds: it reads all that was ever sent."""


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


class GrpcOtherCells:
    """The wallet services of other cells."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", cell: str, cells: Sequence[str]) -> None:
        """
        channel: opens the channel to the wallet service of a cell.
        cell: this one. cells: the other cells of this deployment.
        """
        self._channel = channel
        self._cell = cell
        self._cells = cells

    def wallet(self, wallet_id: str) -> RemoteWallet | None:
        cell = ids.parse(wallet_id, "wal").cell
        if cell not in self._cells:
            return None
        request = DescribeRequest(wallet_ids=[wallet_id])
        found = self._channel(cell).call("Wallet.Describe", request, DescribeResponse, DESCRIBE_SECONDS).wallets
        return RemoteWallet(found[0].wallet_id, found[0].user_id, found[0].open) if found else None

    def sent(self, giver: str, through: int) -> Sums:
        request = SumTransitsRequest(receiver=self._cell, through=through)
        answer = self._channel(giver).call("Wallet.SumTransits", request, SumTransitsResponse, SUM_SECONDS)
        return Sums(answer.movements, answer.digest)


def _arrival(row: Row) -> Incoming:
    movement = Movement(**{name: row[name] for name in MOVEMENT})
    return Incoming(row["giver"], row["version"], movement, row["status"])
