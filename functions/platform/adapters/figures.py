"""The figures of a service: measured in its own RPC host, and asked for over gRPC."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final

from functions.platform.domain.figures import Breaker, CheckedInvariants, Count, Figures, Money, Stock
from shared.contracts.gen.operators_pb2 import MeasureRequest, MeasureResponse
from shared.errors import Unavailable
from shared.outbox.log import SQL
from shared.postgres.queries import queries_by_name
from shared.postgres.transaction import SNAPSHOT_SECONDS
from shared.redis import last_checks
from shared.resilience.deadline import time_left
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

log = logging.getLogger(__name__)

SERVICES: Final = Path(__file__).parent.parent.parent

KINDS: Final = {"meridian_orders": "orders", "meridian_claims": "claims", "meridian_deliveries": "deliveries"}
"""What is counted by status, by the name of its metric in sql/metrics.sql."""

KEPT_SECONDS: Final = 1.0
SHARE: Final = 20
"""Figures are kept for so many times as long as it took to measure them, so that whoever watches costs little."""

ASK_SECONDS: Final = 5.0


class KeptFigures:
    """The last figures of a process, for all who ask at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds."""
        self._clock = clock
        self._measuring = threading.Lock()
        self._latest: Figures | None = None
        self._until = 0.0

    def get(self, measure: Callable[[], Figures]) -> Figures:
        """The figures: the last ones, or measured now. Raises what `measure` raises."""
        with self._measuring:
            if self._latest is None or self._clock() >= self._until:
                began = self._clock()
                self._latest = measure()
                self._until = self._clock() + max(KEPT_SECONDS, SHARE * (self._clock() - began))
            return self._latest


class MeasuredFigures:
    """The figures of the service whose host this runs in: sql/figures.sql, and the counts of sql/metrics.sql."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def read(self) -> Figures:
        kept = self._work.resources.once(f"figures of {self._work.service}", KeptFigures)
        return kept.get(self._measure)

    def _measure(self) -> Figures:
        folder = SERVICES / self._work.service / "sql"
        figures, counted = queries_by_name(folder / "figures.sql"), queries_by_name(folder / "metrics.sql")
        with self._work.transaction() as work:
            transaction, now = work.current_transaction, work.now()
            transaction.snapshot()
            transaction.limit(time_left(SNAPSHOT_SECONDS))
            counts = [
                Count(kind, row["status"], row["value"])
                for name, kind in KINDS.items()
                for row in (counted[name](transaction) if name in counted else ())
            ]
            money = [Money(**row) for row in figures["money"](transaction)] if "money" in figures else []
            stock = [Stock(**row) for row in figures["stock"](transaction)] if "stock" in figures else []
            unsent = SQL.measure_unsent(transaction, now=now)
            parked = sum(row["events"] for row in SQL.count_parked(transaction, now=now))
        return Figures(
            measured_at=now,
            counts=counts,
            money=money,
            stock=stock,
            breakers=[Breaker(reading.name, reading.state) for reading in self._work.resources.breakers()],
            unsent_events=unsent["events"],
            unsent_seconds=unsent["oldest"] / 1_000_000,
            parked_events=parked,
            invariants=self._invariants(),
        )

    def _invariants(self) -> CheckedInvariants | None:
        """What the service's relay found last; None while Redis is down, too."""
        resources = self._work.resources
        try:
            found = last_checks.last(resources.pipeline(), resources.settings.database_name(self._work.service))
        except Unavailable as error:
            log.warning("the invariants of %s are not known: %s", self._work.service, error)
            return None
        if found is None:
            return None
        violated = [name for name, held in found.held.items() if not held]
        return CheckedInvariants(found.at, len(found.held) - len(violated), violated)


class GrpcFigures:
    """The figures of this cell's services, over gRPC."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", services: Sequence[str]) -> None:
        """
        channel: opens the channel to a service.
        services: those that have a database.
        """
        self._channel = channel
        self._services = services

    def read_all(self) -> tuple[Mapping[str, Figures], Sequence[str]]:
        found, unreachable = dict[str, Figures](), list[str]()
        for service in self._services:
            channel = self._channel(service)
            try:
                answer = channel.call("Operators.Measure", MeasureRequest(), MeasureResponse, ASK_SECONDS)
            except Unavailable:
                unreachable.append(service)
            else:
                found[service] = _figures(answer)
        return found, unreachable


def _figures(answer: MeasureResponse) -> Figures:
    known = answer.invariants
    return Figures(
        measured_at=answer.measured_at.ToDatetime(UTC),
        counts=[Count(each.kind, each.status, each.count) for each in answer.counts],
        money=[Money(each.kind, each.currency, each.amount) for each in answer.money],
        stock=[
            Stock(each.supply_id, each.title, each.quantity, each.available, each.reserved, each.sold)
            for each in answer.stock
        ],
        breakers=[Breaker(each.name, each.state) for each in answer.breakers],
        unsent_events=answer.unsent_events,
        unsent_seconds=answer.unsent_seconds,
        parked_events=answer.parked_events,
        invariants=CheckedInvariants(known.checked_at.ToDatetime(UTC), known.holding, list(known.violated))
        if answer.HasField("invariants")
        else None,
    )
