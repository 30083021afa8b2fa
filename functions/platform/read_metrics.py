"""Export this process's metrics to Prometheus."""

from functions.platform.ports import MetricsWork
from shared.contracts.operations import Request


class ReadMetrics(Request):
    """No parameters."""


def read_metrics(request: ReadMetrics, work: MetricsWork) -> bytes:
    """Metrics of this process alone: sum over the instances when scraping. They contain no user data."""
    return work.metrics()
