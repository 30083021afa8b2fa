"""Prometheus metrics of cells: the lease, what the fence refuses, and the gate (shared/cells)."""

import time
from collections.abc import Callable
from typing import Final, Literal

from shared.telemetry.metrics import counter, gauge, histogram

_REMAINING: Final = gauge("meridian_lease_remaining_seconds")
_RENEWALS: Final = counter("meridian_lease_renewals")
_FENCED: Final = counter("meridian_fenced")
_WAITED: Final = histogram("meridian_gate_wait_seconds")
_LAG: Final = gauge("meridian_gate_lag_bytes")
_DESIGNATED: Final = gauge("meridian_gate_designated")


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
