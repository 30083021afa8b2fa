"""The resources of a cluster: Knative Services of functions, Deployments of RPC hosts and workers, and a job.

Scaling, concurrency, pools and timeouts are the registry's.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from cloudbuild.manifests.containers import (
    PORT,
    UNMATCHED,
    Manifest,
    Target,
    container,
    grpc_probes,
    http_probes,
    pod,
    worker_probes,
)
from emulators.stack.services import consumer_services, poller_services, relay_services, rpc_services
from shared.config import RPC_PORT
from shared.container.function import DRAIN_SECONDS
from shared.registry import Registry, Scale, load

PERCENT_OF_CPU: Final = 70
"""The CPU use, of what is requested, at which there are more of a Deployment's Pods."""

MIGRATE: Final = "migrate"

KEEPER: Final = "keeper"
"""The process that keeps the lease of the region's cell, and its account."""

Delivery = Literal["push", "pull"]


def functions(registry: Registry, delivery: Delivery) -> list[Target]:
    """Every row that is a function outside of the local stack, and `unmatched`. With `pull`, event rows are none."""
    events = registry.event_rows() if delivery == "push" else []
    rows = [*registry.http_rows(), *events, *registry.scheduled_rows()]
    names = [row.name for row in rows if row.environment is None]
    return [Target("function", name) for name in (*names, UNMATCHED)]


def deployed(registry: Registry, delivery: Delivery) -> list[Target]:
    """Every RPC host, keeper and worker. delivery: with `pull`, workers take events, as with Kafka."""
    consumers = consumer_services(registry) if delivery == "pull" else []
    return [
        *(Target("rpc", service) for service in rpc_services(registry)),
        Target(KEEPER),
        *(Target("relay", service) for service in relay_services(registry)),
        *(Target("poller", service) for service in poller_services(registry)),
        *(Target("consumer", service) for service in consumers),
    ]


def cluster(image: str, delivery: Delivery = "push") -> Iterator[Manifest]:
    """All resources of a region. image: by digest."""
    registry = load()
    for account in (*registry.services, MIGRATE, KEEPER):
        yield {"apiVersion": "v1", "kind": "ServiceAccount", **_metadata(account, account)}
    yield migration(image)
    for target in functions(registry, delivery):
        yield knative_service(target, image)
    for target in deployed(registry, delivery):
        yield deployment(target, image)
        yield autoscaler(target)
        if target.role == "rpc":
            yield rpc_service(target)


def knative_service(target: Target, image: str) -> Manifest:
    """A function as a Knative Service, which sets PORT itself."""
    scale = scale_of(target)
    serving = {**container(target, image, _pool(scale)), "ports": [{"name": "http1", "containerPort": PORT}]}
    internal = target.of != UNMATCHED and load().rows[target.of].ingress == "internal"
    annotations = {
        "autoscaling.knative.dev/min-scale": str(scale.min_instances),
        "autoscaling.knative.dev/max-scale": str(scale.max_instances),
    }
    metadata = _metadata(target.name, target.service, row=target.of)
    if internal:
        metadata["metadata"]["labels"]["networking.knative.dev/visibility"] = "cluster-local"
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        **metadata,
        "spec": {
            "template": {
                "metadata": {"annotations": annotations, "labels": metadata["metadata"]["labels"]},
                "spec": {
                    **pod(target, [{**serving, **http_probes()}]),
                    "containerConcurrency": scale.concurrency,
                    "timeoutSeconds": scale.timeout_seconds,
                },
            }
        },
    }


def deployment(target: Target, image: str) -> Manifest:
    """An RPC host or a worker as a Deployment, whose number of Pods is its autoscaler's."""
    scale = scale_of(target)
    rpc = target.role == "rpc"
    port = RPC_PORT if rpc else PORT
    running = container(target, image, [("PORT", str(port)), *_pool(scale)])
    running |= {"ports": [{"name": "grpc" if rpc else "probes", "containerPort": port}]}
    running |= grpc_probes(port) if rpc else worker_probes()
    labels = {"app.kubernetes.io/name": target.name}
    metadata = _metadata(target.name, target.service)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **metadata,
        "spec": {
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": metadata["metadata"]["labels"]},
                "spec": {**pod(target, [running]), "terminationGracePeriodSeconds": 3 * DRAIN_SECONDS},
            },
        },
    }


def autoscaler(target: Target) -> Manifest:
    """The autoscaler of a Deployment."""
    scale = scale_of(target)
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": PERCENT_OF_CPU}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        **_metadata(target.name, target.service),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target.name},
            "minReplicas": max(1, scale.min_instances),
            "maxReplicas": scale.max_instances,
            "metrics": [{"type": "Resource", "resource": metric}],
        },
    }


def rpc_service(target: Target) -> Manifest:
    """The address of an RPC host. Without an address of its own: gRPC's clients balance over the Pods themselves."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        **_metadata(target.name, target.service),
        "spec": {
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/name": target.name},
            "ports": [{"name": "grpc", "port": RPC_PORT, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}],
        },
    }


def migration(image: str) -> Manifest:
    """The job that migrates the databases, before a release."""
    target = Target("function", UNMATCHED)
    running = {**container(target, image), "name": MIGRATE, "args": [MIGRATE]}
    running["envFrom"] = [{"configMapRef": {"name": "meridian"}}, {"configMapRef": {"name": f"meridian-{MIGRATE}"}}]
    spec = {**pod(target, [running]), "serviceAccountName": MIGRATE, "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        **_metadata(MIGRATE, MIGRATE),
        "spec": {"backoffLimit": 2, "template": {"metadata": _metadata(MIGRATE, MIGRATE)["metadata"], "spec": spec}},
    }


def scale_of(target: Target) -> Scale:
    """The scale of a target; of `unmatched` the most that an HTTP row has."""
    registry = load()
    if target.role != "function":
        return registry.scales["rpc" if target.role == "rpc" else "worker"]
    if target.of != UNMATCHED:
        return registry.scales[registry.rows[target.of].scale or ""]
    scales = [registry.scales[row.scale] for row in registry.http_rows() if row.scale]
    return max(scales, key=lambda scale: scale.concurrency)


def _pool(scale: Scale) -> list[tuple[str, str]]:
    return [("DATABASE_POOL", str(scale.pool))]


def _metadata(name: str, service: str, **labels: str) -> dict[str, Any]:
    common = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "meridian", "service": service}
    return {"metadata": {"name": name, "labels": {**common, **labels}}}
