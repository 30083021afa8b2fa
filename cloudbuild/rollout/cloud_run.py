"""The platform in the cloud: the Cloud Run Admin API. Traps of it that are dealt with here:

- A service's traffic may be on `LATEST`, as Terraform's first apply leaves it: then any new revision would get all of
  it. Every write pins revisions by name, in the same request that creates one.
- A revision that does not start leaves its service failed, and its template in place: both are put back.
- A write names the etag that it has read, so that a repeated one does nothing twice, and two rollouts meet.
- Revisions are named by Cloud Run: a name of ours would stay in the template, and the next apply of Terraform would
  create a second revision of that name. A release is known by its image's digest instead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from google.api_core import exceptions, retry
from google.api_core.future.polling import DEFAULT_POLLING
from google.cloud import monitoring_v3, run_v2

from cloudbuild.rollout.analysis import Sample
from cloudbuild.rollout.metrics import Metrics
from cloudbuild.rollout.port import Absent, Conflict, Failed
from cloudbuild.rollout.throttle import Throttle
from cloudbuild.rollout.traffic import BLUE, GREEN, Split, Target
from cloudbuild.rollout.units import Kind, Unit

T = TypeVar("T")

WRITES_A_MINUTE: Final = 100.0
"""Cloud Run admits 180 a minute and region; others write as well."""

OPERATION_SECONDS: Final = 600.0
"""How long a write may take: a new revision's startup probe is part of it."""

RETRIES: Final = retry.Retry(
    predicate=retry.if_exception_type(exceptions.ResourceExhausted, exceptions.ServiceUnavailable),
    initial=2.0,
    maximum=60.0,
    timeout=600.0,
)
"""For what is refused for a while: quotas are counted by the minute."""

POLLING: Final = DEFAULT_POLLING.with_delay(initial=1.0, maximum=5.0).with_timeout(OPERATION_SECONDS)
"""How often to look whether a write has ended."""

_PINNED: Final = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
_LATEST: Final = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST


class _AtWork(Exception):
    """Cloud Run is reconciling."""


@dataclass(frozen=True)
class Clients:
    """Google's clients."""

    services: run_v2.ServicesClient
    revisions: run_v2.RevisionsClient
    pools: run_v2.WorkerPoolsClient
    metrics: monitoring_v3.MetricServiceClient

    @classmethod
    def default(cls) -> "Clients":
        """With the credentials of the environment."""
        return cls(
            run_v2.ServicesClient(),
            run_v2.RevisionsClient(),
            run_v2.WorkerPoolsClient(),
            monitoring_v3.MetricServiceClient(),
        )


class CloudRun:
    """Units as Cloud Run services and worker pools of one project."""

    def __init__(
        self,
        project: str,
        clients: Clients,
        ask: Callable[[Unit, str], str],
        throttle: Throttle | None = None,
        retries: retry.Retry = RETRIES,
        polling: retry.Retry = POLLING,
    ) -> None:
        """
        ask: why a unit at its tag's URL does not respond as it should (probe.py).
        throttle: spaces writes. retries: of requests that are refused for a while. polling: how often
        to look whether Cloud Run has finished a write.
        """
        self._project = project
        self._clients = clients
        self._ask = ask
        self._throttle = throttle or Throttle(WRITES_A_MINUTE)
        self._retries = retries
        self._polling = polling
        self._metrics = Metrics(clients.metrics, project, retries)
        self._images: dict[str, str] = {}

    def split(self, unit: Unit) -> Split:
        """As Platform.split."""
        service = self._service(unit)
        targets = tuple(
            Target(_revision_of(target, service), target.percent, target.tag)
            for target in service.traffic
            if not _never_started(target, service)
        )
        urls = {status.tag: status.uri for status in service.traffic_statuses if status.tag}
        images = {each.revision: self._image(service.name, each.revision) for each in targets}
        return Split(targets, images, service.etag, urls.get(GREEN, ""))

    def deploy(self, unit: Unit, split: Split, image: str) -> None:
        """As Platform.deploy."""
        service = self._service(unit)
        blue = split.blue.revision
        service.etag = split.etag
        service.template.revision = ""
        service.template.containers[0].image = image
        service.traffic = [_pinned(blue, 100, BLUE), run_v2.TrafficTarget(type_=_LATEST, percent=0, tag=GREEN)]
        try:
            made = self._write_service(service, "template", "traffic")
        except Failed:
            self._put_back(unit, blue, split.images[blue])
            raise
        green = _last(made.latest_created_revision)
        self.route(unit, Split(split.targets, {}, made.etag), (Target(blue, 100, BLUE), Target(green, 0, GREEN)))

    def route(self, unit: Unit, split: Split, targets: Sequence[Target]) -> None:
        """As Platform.route."""
        service = run_v2.Service(
            name=self._name(unit),
            etag=split.etag,
            traffic=[_pinned(each.revision, each.percent, each.tag) for each in targets],
        )
        self._write_service(service, "traffic")

    def smoke(self, unit: Unit, split: Split) -> str:
        """As Platform.smoke."""
        return self._ask(unit, split.green_url)

    def samples(self, units: Sequence[Unit], start: datetime, end: datetime) -> Mapping[tuple[Unit, str], Sample]:
        """As Platform.samples."""
        return self._metrics.samples(units, start, end)

    def image(self, pool: Unit) -> str:
        """As Platform.image."""
        return str(self._pool(pool).template.containers[0].image)

    def replace(self, pool: Unit, image: str) -> None:
        """As Platform.replace."""
        found = self._pool(pool)
        before = found.template.containers[0].image
        try:
            self._write_pool(found, image)
        except Failed:
            self._write_pool(self._pool(pool), before)
            raise

    # Reading

    def _service(self, unit: Unit) -> run_v2.Service:
        """A service that is at rest. Raises Failed."""
        return self._at_rest(unit, lambda name: self._clients.services.get_service(name=name, retry=self._retries))

    def _pool(self, unit: Unit) -> run_v2.WorkerPool:
        return self._at_rest(unit, lambda name: self._clients.pools.get_worker_pool(name=name, retry=self._retries))

    def _at_rest(self, unit: Unit, read: Callable[[str], T]) -> T:
        def look() -> T:
            found = _translated(lambda: read(self._name(unit)))
            state: Any = found
            if state.reconciling:
                raise _AtWork
            return found

        wait: Any = self._polling.with_predicate(retry.if_exception_type(_AtWork))
        at_rest: Callable[[], T] = wait(look)
        return _translated(at_rest)

    def _image(self, service: str, revision: str) -> str:
        """A revision's image. Revisions never change."""
        name = f"{service}/revisions/{revision}"
        if name not in self._images:
            found = _translated(lambda: self._clients.revisions.get_revision(name=name, retry=self._retries))
            self._images[name] = found.containers[0].image
        return self._images[name]

    def _name(self, unit: Unit) -> str:
        kind = "workerPools" if unit.kind is Kind.POOL else "services"
        return f"projects/{self._project}/locations/{unit.region}/{kind}/{unit.name}"

    # Writing

    def _write_service(self, service: run_v2.Service, *paths: str) -> run_v2.Service:
        request = run_v2.UpdateServiceRequest(service=service, update_mask={"paths": paths})
        return self._written(lambda: self._clients.services.update_service(request=request, retry=self._retries))

    def _write_pool(self, pool: run_v2.WorkerPool, image: str) -> None:
        pool.template.revision = ""
        pool.template.containers[0].image = image
        pool.instance_splits = []  # all instances are of the latest revision that is ready
        request = run_v2.UpdateWorkerPoolRequest(
            worker_pool=pool, update_mask={"paths": ["template", "instance_splits"]}
        )
        self._written(lambda: self._clients.pools.update_worker_pool(request=request, retry=self._retries))

    def _written(self, begin: Callable[[], Any]) -> Any:
        """What a write has made, when its operation has ended. Raises Conflict, Failed."""
        self._throttle.wait()
        made = _translated(lambda: begin().result(timeout=OPERATION_SECONDS, polling=self._polling))
        if made.terminal_condition.state is run_v2.Condition.State.CONDITION_FAILED:
            raise Failed(made.terminal_condition.message)
        return made

    def _put_back(self, unit: Unit, blue: str, image: str) -> None:
        """All traffic on blue, and a template that starts again, after one that did not."""
        service = self._service(unit)
        service.template.revision = ""
        service.template.containers[0].image = image
        service.traffic = [_pinned(blue, 100, BLUE)]
        self._write_service(service, "template", "traffic")


def _pinned(revision: str, percent: int, tag: str) -> run_v2.TrafficTarget:
    return run_v2.TrafficTarget(type_=_PINNED, revision=revision, percent=percent, tag=tag)


def _revision_of(target: run_v2.TrafficTarget, service: run_v2.Service) -> str:
    """The revision that a target means. Green is on LATEST when a deployment crashed before it was pinned."""
    if target.revision:
        return _last(target.revision)
    return _last(service.latest_created_revision if target.tag == GREEN else service.latest_ready_revision)


def _never_started(target: run_v2.TrafficTarget, service: run_v2.Service) -> bool:
    """Whether a target is what a deployment left that crashed: green on LATEST, whose revision is not ready."""
    unready = service.latest_created_revision != service.latest_ready_revision
    return target.tag == GREEN and not target.revision and unready


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _translated(call: Callable[[], T]) -> T:
    """What a call returns, its errors in the rollout's terms. Raises Conflict, Absent, Failed."""
    try:
        return call()
    except exceptions.Aborted as error:
        raise Conflict(str(error)) from error
    except exceptions.NotFound as error:
        raise Absent("there is no such thing in Cloud Run: apply Terraform first") from error
    except (exceptions.GoogleAPICallError, exceptions.RetryError, exceptions.GoogleAPIError, TimeoutError) as error:
        raise Failed(getattr(error, "message", "") or str(error)) from error
