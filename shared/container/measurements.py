"""What a worker measures beside its work, for Prometheus: what is in its services' databases, whether their invariants
hold, and what their sending keys have for gas.

A scrape must not wait for a database, nor have it count a million rows: each measurement has a turn of its own, and
after it a pause that grows with how long it took, so that it takes a twentieth of a connection at most. What could not
be measured is not exported, rather than as it was.

Each instance of a worker measures the same: of several the worst counts (shared/telemetry/catalogue.py).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from shared.container.loops import Loop, finish
from shared.errors import MeridianError, Unavailable
from shared.postgres.queries import queries_by_name
from shared.registry import PATH, Row
from shared.resilience.deadline import within
from shared.resources import SENDING, Resources
from shared.telemetry.cloud_monitoring import Writer
from shared.telemetry.collectors import Series, register_gauges

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 15.0
"""How often something is measured: as often as it is scraped."""

INVARIANTS_EVERY_SECONDS: Final = 60.0

AT_MOST_SECONDS: Final = 30.0
"""How long one measurement may take."""

SHARE: Final = 20
"""After a measurement the pause is at least so many times as long as it took."""

HOLDS: Final = "meridian_invariant_holds"
CHECKED: Final = "meridian_invariants_checked_timestamp_seconds"
BALANCE: Final = "meridian_sender_balance_wei"
GAS: Final = "meridian_gas_price_wei"
ALWAYS: Final = (HOLDS, CHECKED, BALANCE, GAS)

Measured = Mapping[str, Series]
"""Series by the name of their metric."""

Check = Callable[[str], Mapping[str, bool]]
"""Whether each invariant of a service holds. Raises Unavailable."""


@dataclass(slots=True)
class _Measurement:
    """One measurement, its metrics, and when it is due, on the monotonic clock."""

    name: str
    measure: Callable[[], Measured]
    every_seconds: float
    due: float


class Measurements:
    """The measurements of one process."""

    def __init__(self) -> None:
        self._all: list[_Measurement] = []
        self._latest: dict[str, Measured] = {}

    def add(self, name: str, measure: Callable[[], Measured], every_seconds: float = EVERY_SECONDS) -> None:
        """Measure something regularly, but not at once: a process that starts has better things to do.

        name: for the log.
        """
        self._all.append(_Measurement(name, measure, every_seconds, time.monotonic() + every_seconds))

    @property
    def some(self) -> bool:
        """Whether there is anything to measure."""
        return bool(self._all)

    def run(self, stop: threading.Event) -> None:
        """Measure until `stop` is set."""
        while self._all and not stop.is_set():
            due = min(self._all, key=lambda each: each.due)
            if not stop.wait(max(0.0, due.due - time.monotonic())):
                self._take(due)

    def _take(self, due: _Measurement) -> None:
        began = time.monotonic()
        try:
            with within(AT_MOST_SECONDS):
                self._latest[due.name] = due.measure()
        except MeridianError as error:
            self._latest.pop(due.name, None)
            log.warning("%s could not be measured: %s", due.name, error)
        except Exception:
            self._latest.pop(due.name, None)
            log.exception("%s could not be measured", due.name)
        ended = time.monotonic()
        due.due = ended + max(due.every_seconds, SHARE * (ended - began))

    def latest(self) -> dict[str, Series]:
        """What was measured last: the series of each metric."""
        series: dict[str, list[tuple[Sequence[str], float]]] = {}
        for measured in list(self._latest.values()):
            for metric, found in measured.items():
                series.setdefault(metric, []).extend(found)
        return dict(series)


def _queries(service: str) -> Mapping[str, Any]:
    """The queries of a service's sql/metrics.sql by the names of their metrics; none if it has no such file."""
    return queries_by_name(PATH.parent / service / "sql" / "metrics.sql")


def stored(service: str, resources: Resources) -> Measured:
    """The metrics of sql/metrics.sql: a query's columns are the labels and, last, the value. Raises Unavailable."""
    with resources.database(service).transaction() as transaction:
        return {
            name: [([str(each) for each in list(row.values())[:-1]], row["value"]) for row in query(transaction)]
            for name, query in _queries(service).items()
        }


def invariants(service: str, check: Check, note: Callable[[Mapping[str, bool]], None] = lambda _: None) -> Measured:
    """Whether a service's invariants hold, and that they were checked now. Raises Unavailable.

    note: is told what was found.
    """
    held = check(service)
    note(held)
    return {
        HOLDS: [((service, name), float(holds)) for name, holds in held.items()],
        CHECKED: [((service,), time.time())],
    }


def keep_for_operators(service: str, resources: Resources, held: Mapping[str, bool]) -> None:
    """Have operators see what was found of a service's invariants; while Redis is down they do not."""
    from shared.redis import last_checks

    found = last_checks.LastCheck(resources.clock.now(), dict(held))
    try:
        last_checks.note(resources.pipeline(), resources.settings.database_name(service), found)
    except Unavailable as error:
        log.warning("operators do not see the invariants of %s: %s", service, error)


def sender(name: str, chain_id: int, resources: Resources) -> Measured:
    """What a sending key has for gas, and what gas costs. Raises Unavailable."""
    chain = resources.chain(chain_id)
    block = chain.block()
    if block is None:
        return {}
    balance = chain.balance(resources.signer(name).address, block.number)
    return {BALANCE: [((name,), float(balance))], GAS: [((str(chain_id),), float(block.base_fee))]}


def senders_of(rows: Sequence[Row]) -> frozenset[str]:
    """The keys with which these rows send transactions."""
    return frozenset(secret.removesuffix("_key") for row in rows for secret in row.secrets) & SENDING


def measurements(relays: Sequence[str], pollers: Sequence[str], resources: Resources, check: Check) -> Measurements:
    """What the relays and pollers of a process measure, and it exports. To be called once per process.

    relays, pollers: their services.
    """
    from shared.registry import load
    from shared.requirements import rows_of

    made, settings = Measurements(), resources.settings
    for service in relays:
        if load().services[service].database:
            if _queries(service):
                made.add(f"{service}'s data", partial(stored, service, resources))
            checked = partial(invariants, service, check, partial(keep_for_operators, service, resources))
            made.add(f"{service}'s invariants", checked, INVARIANTS_EVERY_SECONDS)
    chains = {"treasury": settings.custody_chain_id, "relayer": settings.claim_chain_id}
    for name in sorted(senders_of([row for service in pollers for row in rows_of("poller", service)])):
        if chains[name] in settings.chain_urls:
            made.add(f"the {name}'s balance", partial(sender, name, chains[name], resources))
    if made.some:
        register_gauges([*(name for service in relays for name in _queries(service)), *ALWAYS], made.latest)
    return made


@contextmanager
def measuring(
    relays: Sequence[str], pollers: Sequence[str], resources: Resources, check: Check, stop: threading.Event
) -> Iterator[None]:
    """Measure, and write metrics where they are written, beside a block that ends when `stop` is set.

    Once per process; parameters as of measurements.
    """
    loops = [Loop("measurements", partial(measurements(relays, pollers, resources, check).run, stop), stop)]
    if resources.settings.metrics_written:
        loops.append(Loop("metrics", partial(Writer(resources.settings).run, stop), stop))
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        stop.set()
        finish(loops)
