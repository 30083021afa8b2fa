"""Prometheus metrics of cells: the lease, what the fence refuses, and the gate (shared/cells)."""

import time
from collections.abc import Callable
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

from shared.telemetry.metrics import BUCKETS

_REMAINING: Final = Gauge(
    "meridian_lease_remaining_seconds",
    "For how long the cell may be written if its lease is not renewed again; 0 once it has ended.",
)
_RENEWALS: Final = Counter(
    "meridian_lease_renewals", "Rounds of a keeper: held, failed, or lost to another region or epoch.", ["outcome"]
)
_FENCED: Final = Counter(
    "meridian_fenced",
    "Commits and strong reads that the lease did not cover: refused by the database, or answered too late to say so.",
    ["outcome"],
)
_WAITED: Final = Histogram(
    "meridian_gate_wait_seconds",
    "How long something waited for the designated standby before it left, by kind.",
    ["kind"],
    buckets=BUCKETS,
)
_LAG: Final = Gauge(
    "meridian_gate_lag_bytes", "How much WAL the designated standby has still to flush; 0 if none is designated."
)
_DESIGNATED: Final = Gauge("meridian_gate_designated", "1 while a standby is designated, 0 while none is.")


def note_renewal(
    outcome: Literal["held", "failed", "lost"],
    until: float | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Record a round of the keeper. until: when the lease that it has written ends, by this process's own clock."""
    _RENEWALS.labels(outcome).inc()
    if until is not None:
        _REMAINING.set_function(lambda: max(0.0, until - monotonic()))


def note_fenced(outcome: Literal["refused", "late"]) -> None:
    """Record what the fence did not let pass: refused by the database, or answered too late to be acknowledged."""
    _FENCED.labels(outcome).inc()


def observe_gate(kind: str, seconds: float) -> None:
    """Record how long something waited before it left."""
    _WAITED.labels(kind).observe(seconds)


def note_gate(designated: bool, lag: int) -> None:
    """Record what the keeper has seen of the gate. lag: in bytes."""
    _DESIGNATED.set(designated)
    _LAG.set(lag)
