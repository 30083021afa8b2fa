"""Prometheus metrics of a process: operations, circuit breakers, parked events, failing items.

    METRICS_PORT=9090    serve them at http://<host>:9090/metrics; in the cloud for the collector sidecar

Labels have few values: names of rows and dependencies, statuses and codes; never an id or user input.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from prometheus_client import Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.config import Settings
from shared.errors import MeridianError

log = logging.getLogger(__name__)

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

SECONDS: Final = Histogram(
    "meridian_operation_duration_seconds",
    "How long operations took, by row and outcome: an HTTP status, or OK or the code of an RPC or a polling row.",
    ["operation", "outcome"],
    buckets=BUCKETS,
)

LAST_SUCCESS: Final = Gauge(
    "meridian_last_success_timestamp_seconds",
    "When a polling operation last succeeded in this process, in Unix time; 0 if it has not yet.",
    ["operation"],
)

STATES: Final = ("closed", "half_open", "open")


class BreakerMetrics(Protocol):
    """A circuit breaker's state and counts since the process began (shared/resilience/breaker.py)."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def under_way(self) -> int: ...


def observe(operation: str, outcome: str, seconds: float) -> None:
    """Record one run of an operation."""
    SECONDS.labels(operation, outcome).observe(seconds)


def expect_success(operation: str) -> None:
    """Export that a polling operation has not succeeded yet, so that one that never does is noticed."""
    LAST_SUCCESS.labels(operation)


def note_success(operation: str) -> None:
    """Record that a polling operation has succeeded now."""
    LAST_SUCCESS.labels(operation).set_to_current_time()


class BreakerCollector(Collector):
    """Collects the circuit breakers of this process, read at each scrape."""

    def __init__(self, readings: Callable[[], Iterable[BreakerMetrics]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """A gauge for each state (1 if a breaker is in it), and counters of calls, failures and refused calls."""
        readings = list(self._readings())
        states = GaugeMetricFamily("meridian_breaker_state", "1 in the state.", labels=["dependency", "state"])
        for reading in readings:
            for state in STATES:
                states.add_metric([reading.name, state], reading.state == state)
        yield states
        counts: Sequence[tuple[str, str]] = (
            ("calls", "Calls that were made."),
            ("failures", "Calls that failed or were slow."),
            ("refused", "Calls that were not made."),
        )
        for name, about in counts:
            family = CounterMetricFamily(f"meridian_breaker_{name}", about, labels=["dependency"])
            for reading in readings:
                family.add_metric([reading.name], getattr(reading, name))
            yield family
        under_way = GaugeMetricFamily("meridian_breaker_under_way", "Calls at this moment.", labels=["dependency"])
        for reading in readings:
            under_way.add_metric([reading.name], reading.under_way)
        yield under_way


@dataclass(frozen=True, slots=True)
class ParkedEventCount:
    """How many events a consumer has parked for a reason, and for how long the oldest of them has waited."""

    consumer: str
    reason: str
    events: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class FailingItemCount:
    """How many items of a job are failing, and for how long the oldest of them has."""

    job: str
    items: int
    oldest_seconds: float


class BacklogCollector(Collector):
    """Counts a backlog in a database at each scrape: how many items, and the age of the oldest.

    If the database does not respond, only these series are missing; its circuit breaker's metrics show it.
    """

    def __init__(
        self,
        name: str,
        about: tuple[str, str],
        labels: Sequence[str],
        read: Callable[[], Iterable[tuple[Sequence[str], int, float]]],
    ) -> None:
        """
        name: of the gauge that counts. about: the help texts of that gauge and of the oldest item's age.
        read: the series, each as (label values, count, seconds).
        """
        self._name = name
        self._about = about
        self._labels = labels
        self._read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The gauges without values, so that registering them does not query the database."""
        kind = self._name.rpartition("_")[0]
        yield GaugeMetricFamily(self._name, self._about[0], labels=self._labels)
        yield GaugeMetricFamily(f"{kind}_oldest_seconds", self._about[1], labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """A series for each combination of label values with a backlog."""
        counts, oldest = self.describe()
        try:
            for values, number, seconds in self._read():
                counts.add_metric(values, number)
                oldest.add_metric(values, seconds)
        except MeridianError as error:
            log.warning("%s could not be counted: %s", self._name, error)
        except Exception:
            log.exception("%s could not be counted", self._name)
        yield counts
        yield oldest


class ParkedEventsCollector(BacklogCollector):
    """Collects parked events."""

    def __init__(self, read: Callable[[], Iterable[ParkedEventCount]]) -> None:
        about = (
            "Events that wait, by consumer and by why: a failed one waits for a person.",
            "For how long the oldest of them has waited.",
        )
        super().__init__(
            "meridian_parked_events",
            about,
            ["consumer", "reason"],
            lambda: [((each.consumer, each.reason), each.events, each.oldest_seconds) for each in read()],
        )


class FailingItemsCollector(BacklogCollector):
    """Collects failing items of jobs."""

    def __init__(self, read: Callable[[], Iterable[FailingItemCount]]) -> None:
        about = ("Items that a job fails at, and tries again.", "For how long the first of them has failed.")
        super().__init__(
            "meridian_failing_items",
            about,
            ["job"],
            lambda: [((each.job,), each.items, each.oldest_seconds) for each in read()],
        )


class UnsentEventsCollector(BacklogCollector):
    """Collects the events of an outbox that are not published yet."""

    def __init__(self, read: Callable[[], tuple[int, float]]) -> None:
        about = ("Events that wait to be published.", "For how long the oldest of them has waited.")

        def series() -> Iterator[tuple[Sequence[str], int, float]]:
            yield ((), *read())

        super().__init__("meridian_unsent_events", about, [], series)


class ReplicationLagCollector(Collector):
    """Collects how far consumers are behind other cells, read from the database at each scrape."""

    def __init__(self, read: Callable[[], Mapping[tuple[str, str], float]]) -> None:
        self._read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The gauge without values, so that registering it does not query the database."""
        about = "For how long a consumer may lack events of another cell."
        yield GaugeMetricFamily("meridian_replication_lag_seconds", about, labels=["consumer", "cell"])

    def collect(self) -> Iterator[Metric]:
        """A series for each consumer and source cell that it was ever level with."""
        (gauge,) = self.describe()
        try:
            for labels, seconds in self._read().items():
                gauge.add_metric(labels, seconds)
        except MeridianError as error:
            log.warning("replication lags could not be read: %s", error)
        yield gauge


def register_replication_lags(read: Callable[[], Mapping[tuple[str, str], float]]) -> None:
    """Have this process export how far consumers are behind other cells. To be called once.

    read: the seconds, by consumer and cell.
    """
    REGISTRY.register(ReplicationLagCollector(read))


def register_unsent_events(read: Callable[[], tuple[int, float]]) -> None:
    """Have this process export its outbox's backlog. To be called once. read: the count, and the oldest's seconds."""
    REGISTRY.register(UnsentEventsCollector(read))


def register_parked_events(read: Callable[[], Iterable[ParkedEventCount]]) -> None:
    """Have this process export parked events. To be called once."""
    REGISTRY.register(ParkedEventsCollector(read))


def register_failing_items(read: Callable[[], Iterable[FailingItemCount]]) -> None:
    """Have this process export failing items. To be called once."""
    REGISTRY.register(FailingItemsCollector(read))


def listen(settings: Settings, readings: Callable[[], Iterable[BreakerMetrics]]) -> None:
    """Export the circuit breakers as well, and serve this process's metrics if it has a port for them.

    Idempotent.
    """
    _register(readings)
    if settings.metrics_port:
        _listen(settings.metrics_port, "127.0.0.1" if settings.local else "0.0.0.0")  # noqa: S104 - its own


def text() -> bytes:
    """This process's current metrics in Prometheus's text format (version 0.0.4)."""
    return generate_latest(REGISTRY)


_registered: Final[list[Callable[[], Iterable[BreakerMetrics]]]] = []


def _register(readings: Callable[[], Iterable[BreakerMetrics]]) -> None:
    if not _registered:  # if one process plays several, as in tests, the first one counts
        _registered.append(readings)
        REGISTRY.register(BreakerCollector(readings))


@cache
def _listen(port: int, host: str) -> None:
    start_http_server(port, host)
