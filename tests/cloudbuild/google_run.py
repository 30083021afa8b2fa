"""A fake of Cloud Run and Cloud Monitoring with Google's gRPC APIs: revisions, traffic, etags, operations, metrics.

It keeps what the real ones keep and refuses what they refuse: shares that are not 100 percent, etags that are not the
present one, traffic to a revision that is not ready, two targets with one tag. Metrics are what the traffic of the past
would have given, and become visible late.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.cloud import monitoring_v3, run_v2
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.cloud.run_v2.services.worker_pools.transports import WorkerPoolsGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2

from cloudbuild.rollout.cloud_run import Clients
from cloudbuild.rollout.metrics import CALLS, COUNT
from cloudbuild.rollout.units import Kind, Unit
from tests.cloudbuild.clock import TestClock

PROJECT = "meridian-test"
OLD = "repository/meridian@sha256:old"
LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
SUCCEEDED = run_v2.Condition.State.CONDITION_SUCCEEDED
FAILED = run_v2.Condition.State.CONDITION_FAILED


@dataclass(frozen=True)
class Behaviour:
    """How revisions of an image serve: the share of 5xx, and how long responses take.

    outcomes: of an RPC host, the share of its calls that end in each code, which gRPC hides behind a response 200.
    """

    errors: float = 0.0
    outcomes: Mapping[str, float] = field(default_factory=dict)
    milliseconds: float = 40.0
    starts: bool = True
    responds: bool = True


@dataclass
class FakeGoogle:
    """The servers. Faults are what the fields say; each is zero at first.

    behaviours: by image; those that are not named are good. rates: requests a second of each service, by name. lag: how
    late metrics are. conflicts: how many of the next writes somebody else comes before. refused: how many of the next
    writes meet the quota. pending: how often an operation is looked at before it is done. blind: whether there are no
    metrics at all. denied: whether reading them is not permitted.
    """

    clock: TestClock
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    lag: timedelta = timedelta(minutes=3)
    conflicts: int = 0
    refused: int = 0
    pending: int = 0
    blind: bool = False
    denied: bool = False
    services: dict[str, run_v2.Service] = field(default_factory=dict)
    pools: dict[str, run_v2.WorkerPool] = field(default_factory=dict)
    revisions: dict[str, run_v2.Revision] = field(default_factory=dict)
    operations: dict[str, tuple[int, operations_pb2.Operation]] = field(default_factory=dict)
    traffic: list[tuple[datetime, str, dict[str, int]]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, unit: Unit, image: str = OLD) -> None:
        """Create a unit as Terraform does: all traffic on LATEST, nothing tagged."""
        parent = f"projects/{PROJECT}/locations/{unit.region}"
        if unit.kind is Kind.POOL:
            name = f"{parent}/workerPools/{unit.name}"
            self.pools[name] = run_v2.WorkerPool(name=name, etag="1", template={"containers": [{"image": image}]})
            return
        name = f"{parent}/services/{unit.name}"
        service = run_v2.Service(name=name, etag="1", template={"containers": [{"image": image}]})
        service.traffic = [run_v2.TrafficTarget(type_=LATEST, percent=100)]
        self.services[name] = service
        self._revise(service)
        self._settle(service)

    # Services

    def get_service(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            return self._known(self.services, request.name, context)

    def update_service(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            now = self._known(self.services, request.service.name, context)
            self._admit(now, request.service.etag, context)
            paths = set(request.update_mask.paths)
            made = run_v2.Service(now)
            if "traffic" in paths:
                made.traffic = request.service.traffic
            if "template" in paths and request.service.template != now.template:
                made.template = request.service.template
                self._revise(made)
            self._check_traffic(made, context)
            return self._operation(self._settle(made))

    def get_revision(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            return self._known(self.revisions, request.name, context)

    def _revise(self, service: run_v2.Service) -> None:
        """Create a revision of the template, under a name that Cloud Run chooses."""
        number = 1 + sum(name.startswith(f"{service.name}/") for name in self.revisions)
        short = f"{service.name.rpartition('/')[2]}-{number:05}-abc"
        image = service.template.containers[0].image
        name = f"{service.name}/revisions/{short}"
        self.revisions[name] = run_v2.Revision(name=name, containers=[{"image": image}])
        service.latest_created_revision = name
        if self.behaviour(image).starts:
            service.latest_ready_revision = name

    def _settle(self, service: run_v2.Service) -> run_v2.Service:
        """What a write leaves: a new etag, statuses, and the traffic, unless its revisions are not ready."""
        service.etag = str(int(service.etag) + 1)
        region, name = service.name.split("/")[3], service.name.rpartition("/")[2]
        ready = service.latest_ready_revision == service.latest_created_revision
        message = "" if ready else "the container failed to start and listen on the port"
        service.terminal_condition = run_v2.Condition(state=SUCCEEDED if ready else FAILED, message=message)
        service.traffic_statuses = [
            run_v2.TrafficTargetStatus(
                percent=each.percent, tag=each.tag, uri=f"https://{each.tag}---{name}-{region}.test" if each.tag else ""
            )
            for each in service.traffic
        ]
        self.services[service.name] = service
        shares = {
            (each.revision or service.latest_ready_revision.rpartition("/")[2]): each.percent
            for each in service.traffic
            if each.percent
        }
        self.traffic.append((self.clock.now(), service.name, shares))
        self.writes.append(f"{service.name.rpartition('/')[2]} {sorted(shares.values())}")
        return service

    def _check_traffic(self, service: run_v2.Service, context: grpc.ServicerContext) -> None:
        tags = [each.tag for each in service.traffic if each.tag]
        if sum(each.percent for each in service.traffic) != 100 or len(set(tags)) < len(tags):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the traffic does not sum to 100, or a tag is used twice")
        for each in service.traffic:
            name = f"{service.name}/revisions/{each.revision}"
            if each.revision and not self._starts(name):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"revision {each.revision} is not ready")

    def _starts(self, name: str) -> bool:
        return name in self.revisions and self.behaviour(self.revisions[name].containers[0].image).starts

    # Worker pools

    def get_worker_pool(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            return self._known(self.pools, request.name, context)

    def update_worker_pool(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            now = self._known(self.pools, request.worker_pool.name, context)
            self._admit(now, request.worker_pool.etag, context)
            made = run_v2.WorkerPool(request.worker_pool)
            made.etag = str(int(now.etag) + 1)
            image = made.template.containers[0].image
            starts = self.behaviour(image).starts
            made.terminal_condition = run_v2.Condition(state=SUCCEEDED if starts else FAILED, message="it exits")
            self.pools[made.name] = made
            self.writes.append(f"{made.name.rpartition('/')[2]} {image[-3:]}")
            return self._operation(made)

    # What they have in common

    def behaviour(self, image: str) -> Behaviour:
        """How an image serves."""
        return self.behaviours.get(image, Behaviour())

    def ask(self, unit: Unit, url: str) -> str:
        """A smoke test of the revision tagged green."""
        with self.lock:
            service = self.services[f"projects/{PROJECT}/locations/{unit.region}/services/{unit.name}"]
            assert url == f"https://green---{unit.name}-{unit.region}.test"
            (green,) = (each.revision for each in service.traffic if each.tag == "green")
            name = f"{service.name}/revisions/{green}" if green else service.latest_created_revision
            image = self.revisions[name].containers[0].image
            return "" if self.behaviour(image).responds else "GET /: 500"

    def _known(self, known: dict[str, Any], name: str, context: grpc.ServicerContext) -> Any:
        if name not in known:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{name} does not exist")
        return known[name]

    def _admit(self, now: Any, etag: str, context: grpc.ServicerContext) -> None:
        if self.refused:
            self.refused -= 1
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for write requests per minute")
        if self.conflicts:
            self.conflicts -= 1
            now.etag = str(int(now.etag) + 1)
        if etag != now.etag:
            context.abort(grpc.StatusCode.ABORTED, f"Conflict for resource: version {etag} is not {now.etag}")

    def _operation(self, made: Any) -> operations_pb2.Operation:
        name = f"operations/{len(self.operations) + 1}"
        packed = any_pb2.Any()
        packed.Pack(type(made).pb(made))
        done = operations_pb2.Operation(name=name, done=True, response=packed)
        if made.terminal_condition.state is FAILED:
            error = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message=made.terminal_condition.message)
            done = operations_pb2.Operation(name=name, done=True, error=error)
        self.operations[name] = (self.pending, done)
        return self._looked_at(name)

    def get_operation(self, request: operations_pb2.GetOperationRequest, context: grpc.ServicerContext) -> Any:
        with self.lock:
            return self._looked_at(request.name)

    def _looked_at(self, name: str) -> operations_pb2.Operation:
        left, done = self.operations[name]
        self.operations[name] = (left - 1, done)
        return done if left <= 0 else operations_pb2.Operation(name=name)

    # Monitoring

    def list_time_series(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self.lock:
            if self.refused:
                self.refused -= 1
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for time series queries")
            if self.denied:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "monitoring.timeSeries.list is denied")
            start, end = request.interval.start_time, min(request.interval.end_time, self.clock.now() - self.lag)
            region = request.filter.rpartition('location = "')[2].rstrip('"')
            metric = request.filter.split('"')[1]
            answer = monitoring_v3.ListTimeSeriesResponse()
            for name in self.services if not self.blind else ():
                if name.split("/")[3] == region:
                    for revision, count in self._served(name, start, end).items():
                        answer.time_series.extend(self._series(metric, name, revision, count))
            return answer

    def _served(self, name: str, start: datetime, end: datetime) -> dict[str, float]:
        """The requests of each revision in a window, by the splits that held in it."""
        rate = self.rates.get(name.rpartition("/")[2], 10.0)
        changes = [(at, shares) for at, service, shares in self.traffic if service == name]
        served: dict[str, float] = {}
        for (at, shares), until in zip(changes, [*(at for at, _ in changes[1:]), end], strict=True):
            seconds = (min(until, end) - max(at, start)).total_seconds()
            for revision, percent in shares.items() if seconds > 0 else ():
                served[revision] = served.get(revision, 0.0) + rate * seconds * percent / 100
        return served

    def _series(self, metric: str, name: str, revision: str, count: float) -> Iterator[Any]:
        behaviour = self.behaviour(self.revisions[f"{name}/revisions/{revision}"].containers[0].image)
        errors = round(count * behaviour.errors)
        if metric == CALLS:
            if "/rpc-" in name:
                yield from _calls(name, revision, round(count) - errors, behaviour.outcomes)
            return
        if metric == COUNT:
            for kind, amount in (("2xx", round(count) - errors), ("5xx", errors)):
                if amount:
                    yield _one(metric, name, revision, {"int64_value": amount}, {"response_code_class": kind})
            return
        growth, finite = 1.1, 100
        index = next(i for i in range(finite + 1) if growth**i > behaviour.milliseconds)
        counts = [0] * (finite + 2)
        counts[index] = round(count)
        options = {"exponential_buckets": {"num_finite_buckets": finite, "growth_factor": growth, "scale": 1.0}}
        distribution = {"count": round(count), "bucket_options": options, "bucket_counts": counts}
        yield _one(metric, name, revision, {"distribution_value": distribution}, {})


def _calls(name: str, revision: str, count: int, outcomes: Mapping[str, float]) -> Iterator[Any]:
    """What the two instances of a host have counted, which it writes itself."""
    counts = {outcome: round(count * share) for outcome, share in outcomes.items()}
    counts["OK"] = count - sum(counts.values())
    for outcome, amount in counts.items():
        for instance, part in (("1", amount // 2), ("2", amount - amount // 2)):
            yield monitoring_v3.TimeSeries(
                metric={"type": CALLS, "labels": {"outcome": outcome}},
                resource={
                    "type": "prometheus_target",
                    "labels": {"job": name.rpartition("/")[2], "instance": f"{revision}/{instance}"},
                },
                points=[{"value": {"distribution_value": {"count": part}}}],
            )


def _one(metric: str, name: str, revision: str, value: dict[str, Any], labels: dict[str, str]) -> Any:
    resource = {"service_name": name.rpartition("/")[2], "revision_name": revision}
    return monitoring_v3.TimeSeries(
        metric={"type": metric, "labels": labels},
        resource={"type": "cloud_run_revision", "labels": resource},
        points=[{"value": value}],
    )


@contextmanager
def serving(fake: FakeGoogle) -> Iterator[Clients]:
    """Serve a fake on a loopback port, and yield clients of it."""

    def handler(method: Callable[..., Any], request: Any, serialize: Callable[[Any], bytes]) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=request.deserialize, response_serializer=serialize
        )

    operation = operations_pb2.Operation.SerializeToString
    get_operation = grpc.unary_unary_rpc_method_handler(
        fake.get_operation,
        request_deserializer=operations_pb2.GetOperationRequest.FromString,
        response_serializer=operation,
    )
    run, monitoring = "google.cloud.run.v2", "google.monitoring.v3"
    methods = {
        f"{run}.Services": {
            "GetService": handler(fake.get_service, run_v2.GetServiceRequest, run_v2.Service.serialize),
            "UpdateService": handler(fake.update_service, run_v2.UpdateServiceRequest, operation),
        },
        f"{run}.Revisions": {
            "GetRevision": handler(fake.get_revision, run_v2.GetRevisionRequest, run_v2.Revision.serialize)
        },
        f"{run}.WorkerPools": {
            "GetWorkerPool": handler(fake.get_worker_pool, run_v2.GetWorkerPoolRequest, run_v2.WorkerPool.serialize),
            "UpdateWorkerPool": handler(fake.update_worker_pool, run_v2.UpdateWorkerPoolRequest, operation),
        },
        f"{monitoring}.MetricService": {
            "ListTimeSeries": handler(
                fake.list_time_series,
                monitoring_v3.ListTimeSeriesRequest,
                monitoring_v3.ListTimeSeriesResponse.serialize,
            )
        },
        "google.longrunning.Operations": {"GetOperation": get_operation},
    }
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, known) for service, known in methods.items()]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
    try:
        yield Clients(
            run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel)),
            run_v2.RevisionsClient(transport=RevisionsGrpcTransport(channel=channel)),
            run_v2.WorkerPoolsClient(transport=WorkerPoolsGrpcTransport(channel=channel)),
            monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel)),
        )
    finally:
        channel.close()
        server.stop(grace=None).wait()
