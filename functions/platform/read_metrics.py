"""Tell Prometheus what the process that answers has counted."""

from functions.platform.ports import MetricsWork
from shared.contracts.operations import Request


class ReadMetrics(Request):
    """Asks for nothing."""


def read_metrics(request: ReadMetrics, work: MetricsWork) -> bytes:
    """What each process counts by itself: a scraper sums over the instances. Nothing in it is of a user."""
    return work.metrics()
