"""The job that promotes a cell's standby in the region where it runs: its exit code is 0 only if the cell is open.

    python -m functions.main promote

MERIDIAN_REGION and MERIDIAN_CELL say what is promoted where, and the databases are those of the standby. It waits until
the cell's lease has ended, so it may be started as soon as a region seems dead; while the lease is renewed, and where
the designated standby is in another region, it does nothing. It may be started again at any time.
"""

import argparse
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from shared.cells.keeper import keepers_databases
from shared.cells.promoter import Promoter, PromotionResult
from shared.cells.promotion import PATIENCE_SECONDS
from shared.cells.streams import unknown_to_store
from shared.config import Settings, settings
from shared.contracts.gen.events_pb2 import KnownRequest, KnownResponse
from shared.contracts.invariants import named
from shared.outbox.addressing import stores_of
from shared.outbox.comparison import Comparison
from shared.outbox.known import stored_versions
from shared.outbox.source import Sources
from shared.postgres.promotion import promote_server
from shared.registry import Row, load
from shared.requirements import check_keeper
from shared.resilience.deadline import within
from shared.resources import Resources
from shared.runtime.promotion.opening import Bind, OpeningCell
from shared.runtime.receiver import inbox

log = logging.getLogger(__name__)

AUDIT_SECONDS: Final = 60

WAITING: Final = ("_do_not_wait", "_for_long", "events_are_applied", "entries_are_sealed")
"""How the names of invariants end that say how long something may wait: nothing moved while nobody served the cell.

For the same reason its services' records are not compared with the orders; the next audit does both.
"""

FAILED: Final = 1


class CellPromotion:
    """The steps of a promotion on the parts of a cell (promoter.PromotionSteps)."""

    def __init__(self, cell: OpeningCell, prepared: Future[None]) -> None:
        """prepared: ends once the code of the steps is imported."""
        self._cell = cell
        self._prepared = prepared
        self._keepers = keepers_databases(cell)

    def promote_server(self, epoch: int, generation: int) -> None:
        self._prepared.result()
        promote_server(self._keepers, epoch, generation, asks=self._cell.settings.local)

    def compare(self, source: str) -> None:
        with within(PATIENCE_SECONDS):  # of all rows together: what another cell's gate holds back is asked for again
            self._compare(source)

    def _compare(self, source: str) -> None:
        for row in _receiving(self._cell.settings, source):
            bound = self._cell.bound(row)
            sources = Sources(row.service, self._cell, source)
            own, clock = self._cell.settings.cell, self._cell.clock
            compared = Comparison(row, bound.database(), sources.list, clock, own, source)
            for stream, event_type in compared.catch_up():
                inbox(bound, clock, own).mend(stream, event_type, sources.read)

    def ask_known(self, peer: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        beyond: dict[str, int] = {}
        reached: dict[str, int] = {}
        for row in _receiving(self._cell.settings, self._cell.settings.cell, at=peer):
            owners = {load().owner_of(event_type) for event_type in row.event or ()}
            for known in self._known(row, peer):
                stored: dict[str, int] = {}
                for owner in sorted(each for each in owners if load().services[each].database):
                    with self._cell.database(owner).transaction() as transaction:
                        stored |= stored_versions(transaction, list(known))
                for stream, version in unknown_to_store(known, stored).items():
                    beyond[stream] = max(version, beyond.get(stream, 0))
                    reached[stream] = stored.get(stream, 0)
        return beyond, reached

    def audit(self) -> list[str]:
        work = self._cell.bound(load().rows["audit"]).work(None, None)
        with within(AUDIT_SECONDS):
            found = work.services.check_invariants(None)
        lines = {each: f"{each.invariant}: {each.subject}: {each.detail}" for each in found.violations}
        for each, line in lines.items():
            if named(each.invariant, WAITING):
                log.warning("what waited while nobody served the cell: %s", line)
        return [line for each, line in lines.items() if not named(each.invariant, WAITING)]

    def _known(self, row: Row, peer: str) -> Iterator[dict[str, int]]:
        """How far a consumer in another cell knows this one's streams, page by page."""
        request = KnownRequest(consumer=row.name, cell=self._cell.settings.cell)
        more = True
        while more:
            channel = self._cell.channel(row.service, "platform", peer)
            answer = channel.call("Events.Known", request, KnownResponse)
            if answer.streams:
                yield {each.stream: each.version for each in answer.streams}
                request.after = answer.streams[-1].stream
            more = answer.more


def _receiving(settings: Settings, source: str, at: str | None = None) -> list[Row]:
    """The event rows that receive a cell's events in another one, with an inbox in PostgreSQL.

    at: where they are, if not in this process's cell.
    """
    own = at or settings.cell
    others = [cell for cell in (settings.cell, *settings.other_cells) if cell != own]
    return [
        row
        for row in load().event_rows()
        if load().services[row.service].database and source in stores_of(row, own, others)
    ]


def promote(parts: Resources, bind: Bind) -> PromotionResult:
    """Promote this process's cell to this region. Raises NotPromotable."""
    config = parts.settings
    check_keeper(config)
    cell, records = OpeningCell(config, bind), parts.cell_records()
    holder = f"{socket.gethostname()}/{os.getpid()}"
    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as pool:
        steps = CellPromotion(cell, pool.submit(cell.prepare))
        return Promoter(records, config.cell, config.region, config.other_cells, steps, holder=holder).run()


def main(arguments: Sequence[str], bind: Bind) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="functions.main promote", description="Promote a cell's standby, here.")
    parser.parse_args(arguments)
    config = settings()
    result = promote(Resources(config), bind)
    for stream, version in sorted(result.contradictions.items()):
        print(f"{stream}: another cell knows version {version}, which this store lacks.")
    for violation in result.violations:
        print(violation)
    for cell in result.unchecked:
        print(f"{cell} did not answer in time: it is compared later.")
    took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in result.seconds.items())
    state = "is open" if result.serving else "stays closed"
    print(f"{config.cell} {state} in {config.region} under epoch {result.epoch}: {took}.")
    return 0 if result.serving else FAILED
