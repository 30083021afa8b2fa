"""What a process counts, in Prometheus's form: how long its operations took, and how its dependencies fare.

    METRICS_PORT=9090    serve it at http://<host>:9090/metrics; in the cloud to the collector beside the container

Labels are names of rows and dependencies, statuses and codes, of which there are few: never an id, or what was sent.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from prometheus_client import Histogram, generate_latest, start_http_server
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.config import Settings
from shared.errors import MeridianError

log = logging.getLogger(__name__)

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

SECONDS: Final = Histogram(
    "meridian_operation_seconds",
    "How long operations took, by row and outcome: an HTTP status, or OK or the code of an RPC.",
    ["operation", "outcome"],
    buckets=BUCKETS,
)

STATES: Final = ("closed", "half_open", "open")


class Reading(Protocol):
    """What a circuit breaker tells of itself (shared/resilience/breaker.py). Counts are since the process began."""

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
    """Count one run of an operation."""
    SECONDS.labels(operation, outcome).observe(seconds)


class BreakerCollector(Collector):
    """The circuit breakers of this process, read when they are asked about."""

    def __init__(self, readings: Callable[[], Iterable[Reading]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """A gauge for each state (1 where a breaker is in it), and what was called, has failed, and was refused."""
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
class Parked:
    """How many events a consumer could not apply for a reason, and for how long the oldest of them has waited."""

    consumer: str
    reason: str
    events: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class FailingItems:
    """How many items a job fails at, and for how long the first of them has failed."""

    job: str
    items: int
    oldest_seconds: float


class CountedCollector(Collector):
    """Things of a database that wait, counted when it is asked about: how many, and for how long the oldest.

    A database that does not answer leaves the counts out, and nothing else: its circuit breaker tells of it.
    """

    def __init__(
        self,
        name: str,
        about: tuple[str, str],
        labels: Sequence[str],
        read: Callable[[], Iterable[tuple[Sequence[str], int, float]]],
    ) -> None:
        """
        name: of the gauge that counts, and about: what it and the oldest one's age tell.
        read: the series, each as (values of the labels, how many, seconds).
        """
        self._name = name
        self._about = about
        self._labels = labels
        self._read = read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The gauges without their values: that they are registered is no reason to count."""
        kind = self._name.rpartition("_")[0]
        yield GaugeMetricFamily(self._name, self._about[0], labels=self._labels)
        yield GaugeMetricFamily(f"{kind}_oldest_seconds", self._about[1], labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """A series for each of the labels' values of which there is something."""
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


class ParkedCollector(CountedCollector):
    """What consumers could not apply."""

    def __init__(self, read: Callable[[], Iterable[Parked]]) -> None:
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


class FailingCollector(CountedCollector):
    """At how many items jobs fail."""

    def __init__(self, read: Callable[[], Iterable[FailingItems]]) -> None:
        about = ("Items that a job fails at, and tries again.", "For how long the first of them has failed.")
        super().__init__(
            "meridian_failing_items",
            about,
            ["job"],
            lambda: [((each.job,), each.items, each.oldest_seconds) for each in read()],
        )


def tell_parked(read: Callable[[], Iterable[Parked]]) -> None:
    """Have this process tell what is parked. To be asked once."""
    REGISTRY.register(ParkedCollector(read))


def tell_failing(read: Callable[[], Iterable[FailingItems]]) -> None:
    """Have this process tell at how many items jobs fail. To be asked once."""
    REGISTRY.register(FailingCollector(read))


def listen(settings: Settings, readings: Callable[[], Iterable[Reading]]) -> None:
    """Count the circuit breakers, too, and serve this process's metrics if it is to have a port for them.

    Once, however often this is asked.
    """
    _register(readings)
    if settings.metrics_port:
        _listen(settings.metrics_port, "127.0.0.1" if settings.local else "0.0.0.0")  # noqa: S104 - its own


def text() -> bytes:
    """What this process counts, at this moment, in Prometheus's text format (version 0.0.4)."""
    return generate_latest(REGISTRY)


_told: Final[list[Callable[[], Iterable[Reading]]]] = []


def _register(readings: Callable[[], Iterable[Reading]]) -> None:
    if not _told:  # where one process plays several, as in tests, the first is told of
        _told.append(readings)
        REGISTRY.register(BreakerCollector(readings))


@cache
def _listen(port: int, host: str) -> None:
    start_http_server(port, host)
