"""What is made of the order service's events, and can be rebuilt from them."""

from collections.abc import Callable, Sequence

from functions.order.adapters.postgres import SQL_FOLDER
from functions.order.adapters.work import Work
from shared.contracts.events import StoredEvent
from shared.outbox.verify import OwnStreams, Projection, ProjectionTable
from shared.postgres.database import Transaction
from shared.postgres.queries import queries


def projections(work: Callable[[Transaction], Work]) -> list[Projection]:
    """The projections of this service's events."""

    def project(transaction: Transaction, history: Sequence[StoredEvent]) -> None:
        work(transaction).orders.project(history)

    return [ProjectionTable("orders", OwnStreams("ord"), queries(SQL_FOLDER / "projections.sql"), project)]
