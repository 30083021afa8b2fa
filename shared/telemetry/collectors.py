"""Collectors: metrics that are read when they are asked for, from breakers and databases.

If a database does not respond, only its series are missing; its circuit breaker's metrics show it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.errors import MeridianError
from shared.telemetry.catalogue import BY_NAME

log = logging.getLogger(__name__)

STATES: Final = ("closed", "half_open", "open")

Series = Iterable[tuple[Sequence[str], float]]
"""The series of a gauge, each as (label values, value)."""


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
    @property
    def places(self) -> int: ...


def family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    """The family of a gauge or counter of the catalogue, without values."""
    metric = BY_NAME[name]
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.about, labels=metric.labels)


class BreakerCollector(Collector):
    """Collects the circuit breakers of this process, read at each scrape."""

    def __init__(self, readings: Callable[[], Iterable[BreakerMetrics]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """A gauge for each state (1 if a breaker is in it), and what each has counted."""
        readings = list(self._readings())
        states = family("meridian_breaker_state")
        for reading in readings:
            for state in STATES:
                states.add_metric([reading.name, state], reading.state == state)
        yield states
        for what in ("calls", "failures", "refused", "under_way", "places"):
            counts = family(f"meridian_breaker_{what}")
            for reading in readings:
                counts.add_metric([reading.name], getattr(reading, what))
            yield counts


class GaugeCollector(Collector):
    """Collects gauges that are read together at each scrape."""

    def __init__(self, names: Sequence[str], read: Callable[[], Sequence[Series]]) -> None:
        """names: of the gauges, as in the catalogue. read: the series of each."""
        self._names = names
        self._read = read

    def describe(self) -> Iterator[Metric]:
        """The gauges without values, so that registering them reads nothing."""
        yield from map(family, self._names)

    def collect(self) -> Iterator[Metric]:
        """What there is to tell of each."""
        families = [family(name) for name in self._names]
        try:
            for gauge, series in zip(families, self._read(), strict=True):
                for labels, value in series:
                    gauge.add_metric(labels, value)
        except MeridianError as error:
            log.warning("%s could not be read: %s", self._names[0], error)
        except Exception:
            log.exception("%s could not be read", self._names[0])
        yield from families


class ParkedEventCount(msgspec.Struct, frozen=True):
    """How many events a consumer has parked for a reason, and for how long the oldest of them has waited."""

    consumer: str
    reason: str
    events: int
    oldest_seconds: float


class FailingItemCount(msgspec.Struct, frozen=True):
    """How many items of a job are failing, and for how long the oldest of them has."""

    job: str
    items: int
    oldest_seconds: float


class ParkedEventsCollector(GaugeCollector):
    """Collects parked events."""

    def __init__(self, read: Callable[[], Iterable[ParkedEventCount]]) -> None:
        def series() -> Sequence[Series]:
            found = [((each.consumer, each.reason), each) for each in read()]
            return [(labels, each.events) for labels, each in found], [
                (labels, each.oldest_seconds) for labels, each in found
            ]

        super().__init__(["meridian_parked_events", "meridian_parked_oldest_seconds"], series)


class FailingItemsCollector(GaugeCollector):
    """Collects failing items of jobs."""

    def __init__(self, read: Callable[[], Iterable[FailingItemCount]]) -> None:
        def series() -> Sequence[Series]:
            found = list(read())
            return [((each.job,), each.items) for each in found], [((each.job,), each.oldest_seconds) for each in found]

        super().__init__(["meridian_failing_items", "meridian_failing_oldest_seconds"], series)


def register_replication_lags(read: Callable[[], Mapping[tuple[str, str], float]]) -> None:
    """Have this process export how far consumers are behind other cells. To be called once.

    read: the seconds, by consumer and cell.
    """
    REGISTRY.register(GaugeCollector(["meridian_replication_lag_seconds"], lambda: [read().items()]))


def register_unsent_events(read: Callable[[], tuple[int, float]]) -> None:
    """Have this process export its outbox's backlog. To be called once. read: the count, and the oldest's seconds."""

    def series() -> Sequence[Series]:
        return [[((), each)] for each in read()]

    REGISTRY.register(GaugeCollector(["meridian_unsent_events", "meridian_unsent_oldest_seconds"], series))


def register_parked_events(read: Callable[[], Iterable[ParkedEventCount]]) -> None:
    """Have this process export parked events. To be called once."""
    REGISTRY.register(ParkedEventsCollector(read))


def register_failing_items(read: Callable[[], Iterable[FailingItemCount]]) -> None:
    """Have this process export failing items. To be called once."""
    REGISTRY.register(FailingItemsCollector(read))


def register_gauges(names: Sequence[str], read: Callable[[], Mapping[str, Series]]) -> None:
    """Have this process export gauges whose series are kept by name. To be called once."""

    def series() -> Sequence[Series]:
        kept = read()
        return [kept.get(name, ()) for name in names]

    REGISTRY.register(GaugeCollector(names, series))
