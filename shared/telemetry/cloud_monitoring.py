"""Writes a process's metrics into Managed Service for Prometheus, by the API of Cloud Monitoring: nothing scrapes it.

Instances on Cloud Run come and go, and have no CPU between requests: who scrapes them misses most, and a collector
beside each would be a second container in every service. So a process writes its series by itself, as Google's own
collector does: metric types of `prometheus.googleapis.com`, the resource `prometheus_target`. PromQL finds them by
the names of the catalogue; a rollout compares RPC hosts by the same series (cloudbuild/rollout/metrics.py).

It writes every minute, and once more when it ends, so that short lives count. Counters are cumulative since the
process began: a write that fails loses nothing, the next one says all.
(https://cloud.google.com/stackdriver/docs/managed-prometheus, opentelemetry-operations-go/exporter/collector)
"""

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import REGISTRY, Metric, Sample

from shared.config import Settings
from shared.telemetry.catalogue import BY_NAME

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import MetricServiceClient

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0
SERIES_AT_MOST: Final = 200
"""How many series one request may have (https://cloud.google.com/monitoring/quotas)."""

TIMEOUT_SECONDS: Final = 10.0
PREFIX: Final = "prometheus.googleapis.com/"


class Writer:
    """Writes this process's metrics."""

    def __init__(self, settings: Settings, client: "MetricServiceClient | None" = None) -> None:
        """client: of Cloud Monitoring; by default it is made when it is used first, long after a cold start."""
        self._made = client
        self._project = f"projects/{settings.project}"
        self._began = datetime.now(UTC)
        self._resource = {
            "type": "prometheus_target",
            "labels": {
                "project_id": settings.project,
                "location": settings.region,
                "cluster": settings.cell,
                "namespace": settings.environment,
                "job": settings.cloud_run_name,
                # Of this instance alone, so that nobody else writes to its series; a rollout asks by the revision.
                "instance": f"{settings.cloud_run_revision}/{uuid.uuid4()}",
            },
        }

    @cached_property
    def _client(self) -> "MetricServiceClient":
        if self._made is not None:
            return self._made
        from google.cloud.monitoring_v3 import MetricServiceClient

        return MetricServiceClient()

    def run(self, stop: threading.Event) -> None:
        """Write every minute until `stop` is set, and then once more."""
        while not stop.wait(EVERY_SECONDS):
            self.write()
        self.write()

    def write(self) -> None:
        """Write everything now. What is refused is logged: metrics are no reason to fail."""
        from google.api_core.exceptions import GoogleAPICallError

        series = list(self.series(REGISTRY.collect(), datetime.now(UTC)))
        for first in range(0, len(series), SERIES_AT_MOST):
            request = {"name": self._project, "time_series": series[first : first + SERIES_AT_MOST]}
            try:
                self._client.create_time_series(request=request, timeout=TIMEOUT_SECONDS)
            except GoogleAPICallError as error:
                log.warning("metrics were not written: %s", error)

    def series(self, families: Iterable[Metric], now: datetime) -> Iterator[dict[str, Any]]:
        """The series of the catalogue's metrics, each with one point."""
        for family in families:
            metric = BY_NAME.get(family.name)
            if metric is None:
                continue  # of Python and the process: Cloud Run tells of those
            kind = f"{PREFIX}{metric.exported}/{metric.kind}"
            if metric.kind == "histogram":
                for labels, samples in _by_labels(family.samples):
                    yield self._one(kind, labels, "CUMULATIVE", {"distribution_value": distribution(samples)}, now)
                continue
            how = "CUMULATIVE" if metric.kind == "counter" else "GAUGE"
            for sample in family.samples:
                yield self._one(kind, sample.labels, how, {"double_value": sample.value}, now)

    def _one(
        self, metric: str, labels: Mapping[str, str], kind: str, value: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        interval = {"end_time": now} if kind == "GAUGE" else {"start_time": self._began, "end_time": now}
        return {
            "metric": {"type": metric, "labels": dict(labels)},
            "resource": self._resource,
            "metric_kind": kind,
            "points": [{"interval": interval, "value": value}],
        }


def _by_labels(samples: Sequence[Sample]) -> Iterator[tuple[dict[str, str], list[Sample]]]:
    """The samples of each of a histogram's children, and their labels."""
    found: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        found.setdefault(tuple(sorted(labels.items())), []).append(sample)
    yield from ((dict(labels), each) for labels, each in found.items())


def distribution(samples: Sequence[Sample]) -> dict[str, Any]:
    """A child of a histogram (its cumulative buckets, count and sum) as google.api.Distribution."""
    buckets = [(float(each.labels["le"]), each.value) for each in samples if each.name.endswith("_bucket")]
    count = next(each.value for each in samples if each.name.endswith("_count"))
    total = next(each.value for each in samples if each.name.endswith("_sum"))
    counts = [after - before for before, after in pairwise([0.0, *(value for _, value in buckets)])]
    return {
        "count": int(count),
        "mean": total / count if count else 0.0,
        "bucket_options": {"explicit_buckets": {"bounds": [bound for bound, _ in buckets[:-1]]}},
        "bucket_counts": [int(each) for each in counts],
    }
