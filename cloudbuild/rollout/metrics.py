"""What revisions served, from the metrics that Cloud Run writes to Cloud Monitoring by itself, and from our own.

They are sampled every minute and visible up to three minutes later.
(https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-run)

gRPC's errors are trailers of a response 200, which Cloud Run takes for a success: of RPC hosts the calls are counted by
what the hosts say of them (shared/telemetry/cloud_monitoring.py). What Cloud Run itself answers, 5xx in place of a host
that crashed or hangs, no host has counted: it comes on top.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from google.api_core import exceptions, retry
from google.cloud import monitoring_v3

from cloudbuild.rollout.analysis import Bucket, Sample
from cloudbuild.rollout.port import Failed
from cloudbuild.rollout.units import Kind, Unit
from shared.contracts.problems import error_classes, status_of

COUNT: Final = "run.googleapis.com/request_count"
LATENCIES: Final = "run.googleapis.com/request_latencies"
REVISION: Final = ("resource.labels.service_name", "resource.labels.revision_name")
CLASS: Final = "metric.labels.response_code_class"
SERVED: Final = 'resource.type = "cloud_run_revision"'

CALLS: Final = "prometheus.googleapis.com/meridian_operation_duration_seconds/histogram"
INSTANCE: Final = ("resource.labels.job", "resource.labels.instance")
OUTCOME: Final = "metric.labels.outcome"
CALLED: Final = 'resource.type = "prometheus_target" AND metric.labels.kind = "rpc"'

SAMPLED: Final = timedelta(seconds=60)
"""How often Cloud Run writes; no window is shorter."""


FAILURES: Final = frozenset(kind.code for kind in error_classes() if status_of(kind()) >= 500)
"""The outcomes of calls that are the host's failure, as 5xx is a function's; all others are refusals."""


class Metrics:
    """Reads them for the units of one region at a time."""

    def __init__(self, client: monitoring_v3.MetricServiceClient, project: str, retries: retry.Retry) -> None:
        """retries: for requests that are refused for a while."""
        self._client = client
        self._project = project
        self._retries = retries

    def samples(self, units: Sequence[Unit], start: datetime, end: datetime) -> Mapping[tuple[Unit, str], Sample]:
        """As Platform.samples."""
        by_name = {unit.name: unit for unit in units}
        (region,) = {unit.region for unit in units}
        start = min(start, end - SAMPLED)
        requests: dict[tuple[Unit, str], int] = {}
        errors: dict[tuple[Unit, str], int] = {}
        latencies: dict[tuple[Unit, str], tuple[Bucket, ...]] = {}
        for series in self._series(COUNT, SERVED, region, start, end, (*REVISION, CLASS)):
            key = _revision(series, by_name)
            if key:
                count = sum(point.value.int64_value for point in series.points)
                requests[key] = requests.get(key, 0) + count
                if series.metric.labels["response_code_class"] == "5xx":
                    errors[key] = errors.get(key, 0) + count
        for key, (calls, failed) in self._calls(units, region, start, end).items():
            requests[key] = max(requests.get(key, 0), calls + errors.get(key, 0))
            errors[key] = errors.get(key, 0) + failed
        for series in self._series(LATENCIES, SERVED, region, start, end, REVISION):
            key = _revision(series, by_name)
            if key:
                found = (bucket for point in series.points for bucket in buckets(point.value.distribution_value))
                latencies[key] = (*latencies.get(key, ()), *found)
        return {
            key: Sample(requests.get(key, 0), errors.get(key, 0), latencies.get(key, ()))
            for key in requests | latencies
        }

    def _calls(
        self, units: Sequence[Unit], region: str, start: datetime, end: datetime
    ) -> Mapping[tuple[Unit, str], tuple[int, int]]:
        """How many calls the RPC hosts among some units have answered, and how many of these failed."""
        hosts = {unit.name: unit for unit in units if unit.kind is Kind.RPC}
        found: dict[tuple[Unit, str], tuple[int, int]] = {}
        for series in self._series(CALLS, CALLED, region, start, end, (*INSTANCE, OUTCOME)) if hosts else ():
            host = hosts.get(series.resource.labels["job"])
            if host:
                key = host, series.resource.labels["instance"].partition("/")[0]
                count = sum(point.value.distribution_value.count for point in series.points)
                failed = count if series.metric.labels["outcome"] in FAILURES else 0
                calls, before = found.get(key, (0, 0))
                found[key] = calls + count, before + failed
        return found

    def _series(
        self, metric: str, of: str, region: str, start: datetime, end: datetime, fields: Sequence[str]
    ) -> Iterator[Any]:
        """The sums of a metric over a window by some fields. of: which resources and labels, as a filter."""
        request = monitoring_v3.ListTimeSeriesRequest(
            name=f"projects/{self._project}",
            filter=f'metric.type = "{metric}" AND {of} AND resource.labels.location = "{region}"',
            interval=monitoring_v3.TimeInterval(start_time=start, end_time=end),
            aggregation=monitoring_v3.Aggregation(
                alignment_period=end - start,
                per_series_aligner=monitoring_v3.Aggregation.Aligner.ALIGN_DELTA,
                cross_series_reducer=monitoring_v3.Aggregation.Reducer.REDUCE_SUM,
                group_by_fields=list(fields),
            ),
        )
        try:
            yield from self._client.list_time_series(request=request, retry=self._retries)
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
            raise Failed(f"metrics: {error}") from error


def _revision(series: Any, by_name: Mapping[str, Unit]) -> tuple[Unit, str] | None:
    unit = by_name.get(series.resource.labels["service_name"])
    return (unit, series.resource.labels["revision_name"]) if unit else None


def buckets(distribution: Any) -> Iterator[Bucket]:
    """The buckets of a distribution that contain anything. Raises ValueError for options that are not known."""
    bounds = list(_bounds(distribution.bucket_options))
    edges = [0.0, *bounds, math.inf]
    for index, count in enumerate(distribution.bucket_counts):
        if count:
            yield Bucket(edges[index], edges[index + 1], count)


def _bounds(options: Any) -> Iterator[float]:
    """The finite bounds (google.api.Distribution.BucketOptions): N finite buckets have N + 1 of them."""
    if options.exponential_buckets.num_finite_buckets:
        chosen = options.exponential_buckets
        yield from (chosen.scale * chosen.growth_factor**i for i in range(chosen.num_finite_buckets + 1))
    elif options.linear_buckets.num_finite_buckets:
        chosen = options.linear_buckets
        yield from (chosen.offset + chosen.width * i for i in range(chosen.num_finite_buckets + 1))
    elif options.explicit_buckets.bounds:
        yield from options.explicit_buckets.bounds
    else:
        raise ValueError("a distribution without buckets")
