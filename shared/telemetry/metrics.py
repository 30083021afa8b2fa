"""Prometheus metrics of a process, which the catalogue describes, and where they are served.

METRICS_PORT=9090    serve them at http://<host>:9090/metrics; in the cloud for the collector beside the process
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import REGISTRY

from shared.config import Settings
from shared.telemetry.catalogue import BY_NAME
from shared.telemetry.collectors import BreakerCollector, BreakerMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each child was made: half of all series, and nobody asks for them


def histogram(name: str) -> Histogram:
    """A histogram of the catalogue. To be made once per process."""
    metric = BY_NAME[name]
    return Histogram(metric.name, metric.about, metric.labels, buckets=metric.buckets)


def counter(name: str) -> Counter:
    """A counter of the catalogue. To be made once per process."""
    metric = BY_NAME[name]
    return Counter(metric.name, metric.about, metric.labels)


def gauge(name: str) -> Gauge:
    """A gauge of the catalogue. To be made once per process."""
    metric = BY_NAME[name]
    return Gauge(metric.name, metric.about, metric.labels)


SECONDS: Final = histogram("meridian_operation_duration_seconds")
LAST_SUCCESS: Final = gauge("meridian_last_success_timestamp_seconds")
START: Final = gauge("meridian_start_seconds")
DEPENDENCY: Final = histogram("meridian_dependency_duration_seconds")
CACHE_READS: Final = counter("meridian_cache_reads")
RATE_LIMITS: Final = counter("meridian_rate_limit_decisions")
RATE_LIMIT_FALLBACKS: Final = counter("meridian_rate_limit_fallbacks")
PUBLISHED: Final = counter("meridian_events_published")
STAGE: Final = histogram("meridian_event_stage_seconds")
RECEIVED: Final = counter("meridian_events_received")
HANDLED: Final = histogram("meridian_event_handled_seconds")
DELIVERY: Final = histogram("meridian_delivery_duration_seconds")


def observe(kind: str, operation: str, outcome: str, seconds: float) -> None:
    """Record one run of an operation. kind: http, event, schedule, rpc or poll."""
    SECONDS.labels(kind, operation, outcome).observe(seconds)


def expect_success(operation: str) -> None:
    """Export that a polling operation has not succeeded yet, so that one that never does is noticed."""
    LAST_SUCCESS.labels(operation)


def note_success(operation: str) -> None:
    """Record that a polling operation has succeeded now."""
    LAST_SUCCESS.labels(operation).set_to_current_time()


def note_start(role: str, seconds: float) -> None:
    """Record that this process is ready, so long after it was started."""
    START.labels(role).set(seconds)


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
