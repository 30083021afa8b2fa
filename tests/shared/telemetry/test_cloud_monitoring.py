"""A process writes its metrics into Managed Prometheus, here to a fake of its API over gRPC."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.api.metric_pb2 import MetricDescriptor
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf.empty_pb2 import Empty
from msgspec.structs import replace

from shared.config import read
from shared.telemetry import cloud_monitoring, metrics
from shared.telemetry.catalogue import METRICS
from shared.telemetry.cloud_monitoring import SERIES_AT_MOST, Writer
from tests.shared.test_config import LEAST

DURATION = "prometheus.googleapis.com/meridian_operation_duration_seconds/histogram"


@dataclass
class FakeMonitoring:
    """The server. `refusals`: how many requests it answers with UNAVAILABLE first."""

    refusals: int = 0
    requests: list[Any] = field(default_factory=list)

    def create_time_series(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Accept series as the real one does: each metric once for its labels and resource, a sane interval."""
        if self.refusals:
            self.refusals -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if not 0 < len(request.time_series) <= SERIES_AT_MOST:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "too many series")
        keys = [(each.metric.type, *sorted(each.metric.labels.items())) for each in request.time_series]
        if len(set(keys)) != len(keys):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a series is there twice")
        for each in request.time_series:
            (point,) = each.points
            cumulative = each.metric_kind == MetricDescriptor.CUMULATIVE
            if cumulative and not point.interval.start_time < point.interval.end_time:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an interval that ends before it begins")
            found = point.value.distribution_value
            if found.count != sum(found.bucket_counts):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a count that is not that of the buckets")
        self.requests.append(request)
        return Empty()

    def series(self, metric: str) -> list[Any]:
        """What was written last of each series of a metric: a write takes several requests where there are many."""
        written = [each for request in self.requests for each in request.time_series if each.metric.type == metric]
        return list({tuple(sorted(each.metric.labels.items())): each for each in written}.values())


@pytest.fixture
def fake() -> FakeMonitoring:
    return FakeMonitoring()


@pytest.fixture
def writer(fake: FakeMonitoring) -> Iterator[Writer]:
    handler = grpc.unary_unary_rpc_method_handler(
        fake.create_time_series,
        request_deserializer=monitoring_v3.CreateTimeSeriesRequest.deserialize,
        response_serializer=Empty.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(2))
    methods = {"CreateTimeSeries": handler}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("google.monitoring.v3.MetricService", methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        client = monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
        here = replace(read(LEAST), cloud_run_name="rpc-wallet", cloud_run_revision="rpc-wallet-00002-abc")
        yield Writer(here, client)
    server.stop(grace=None).wait()


def test_what_an_operation_ended_with_is_written(fake: FakeMonitoring, writer: Writer) -> None:
    """As a distribution since the process began, of one instance of a revision; another write says more, not less."""
    operation = "test_what_is_written"
    for seconds in (0.004, 0.02, 99.0):
        metrics.observe("rpc", operation, "OK", seconds)
    writer.write()
    metrics.observe("rpc", operation, "OK", 0.02)
    writer.write()
    (series,) = [each for each in fake.series(DURATION) if each.metric.labels["operation"] == operation]
    assert (series.resource.type, series.resource.labels["job"]) == ("prometheus_target", "rpc-wallet")
    assert series.resource.labels["instance"].startswith("rpc-wallet-00002-abc/")
    found = series.points[0].value.distribution_value
    assert (found.count, round(found.mean * found.count, 3)) == (4, 99.044)
    counts = dict(zip([*found.bucket_options.explicit_buckets.bounds, "more"], found.bucket_counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {0.005: 1, 0.025: 2, "more": 1}


def test_each_kind_is_as_prometheus_has_it(fake: FakeMonitoring, writer: Writer) -> None:
    """A counter is cumulative and a gauge is not; nothing but the catalogue's metrics is written, and paid for."""
    metrics.PUBLISHED.labels("test.kinds").inc(3)
    metrics.note_start("test", 0.5)
    writer.write()
    written = {each.metric.type: each for request in fake.requests for each in request.time_series}
    counter = written["prometheus.googleapis.com/meridian_events_published_total/counter"]
    gauge = written["prometheus.googleapis.com/meridian_start_seconds/gauge"]
    assert (counter.metric_kind, gauge.metric_kind) == (MetricDescriptor.CUMULATIVE, MetricDescriptor.GAUGE)
    names = {each.removeprefix(cloud_monitoring.PREFIX).split("/")[0] for each in written}
    assert names <= {metric.exported for metric in METRICS}


def test_a_short_life_counts(fake: FakeMonitoring, writer: Writer) -> None:
    """A process that ends before its first minute writes when it ends; many series go in several requests."""
    for number in range(SERIES_AT_MOST + 1):
        metrics.observe("rpc", f"test_short_{number}", "OK", 0.1)
    stop = threading.Event()
    stop.set()
    writer.run(stop)
    assert len(fake.requests) > 1
    written = [each.metric.labels["operation"] for request in fake.requests for each in request.time_series]
    assert {f"test_short_{number}" for number in range(SERIES_AT_MOST + 1)} <= set(written)


def test_a_refused_write_loses_nothing(fake: FakeMonitoring, writer: Writer) -> None:
    """Counts are since the beginning."""
    fake.refusals = 100
    metrics.observe("rpc", "test_refused", "OK", 0.1)
    writer.write()
    assert not fake.requests
    fake.refusals = 0
    writer.write()
    assert any(
        each.metric.labels["operation"] == "test_refused" for request in fake.requests for each in request.time_series
    )
