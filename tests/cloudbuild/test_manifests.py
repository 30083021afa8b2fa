"""The Kubernetes manifests are complete: each row and worker once, with its scaling, its secrets and its probes."""

from collections import Counter
from typing import Any, Final

import pytest

from cloudbuild.manifests.check import EXAMPLE, KNATIVE, pod_of
from cloudbuild.manifests.containers import IN_KMS, RESTRICTED, UNMATCHED, Manifest, object_name
from cloudbuild.manifests.resources import Delivery, cluster
from emulators.stack.services import consumer_services, poller_services, relay_services, rpc_services
from shared.container.function import DRAIN_SECONDS
from shared.container.probes import LIVE, READY, STARTUP
from shared.registry import load
from shared.requirements import Role, rows_of, secrets_of

REGISTRY: Final = load()
PUSH: Final = list(cluster(EXAMPLE))
PULL: Final = list(cluster(EXAMPLE, "pull"))
BOTH: Final[list[tuple[Delivery, list[Manifest]]]] = [("push", PUSH), ("pull", PULL)]


def named(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of a kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def knative(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The Knative Services by name."""
    return named([each for each in manifests if each["apiVersion"] == KNATIVE], "Service")


def pods() -> list[tuple[str, Any]]:
    """Every Pod's spec, with the name of what it belongs to."""
    templates = [(name, each["spec"]["template"]["spec"]) for name, each in named(PULL, "Deployment").items()]
    jobs = [(name, each["spec"]["template"]["spec"]) for name, each in named(PULL, "Job").items()]
    return [*templates, *jobs, *((name, pod_of(each)["spec"]) for name, each in knative(PUSH).items())]


def test_every_function_is_a_knative_service_once() -> None:
    """With its row's scale; where workers pull events, event rows are no functions."""
    rows = [row for row in REGISTRY.rows.values() if row.scale and row.environment is None]
    assert set(knative(PUSH)) == {row.name.replace("_", "-") for row in rows} | {UNMATCHED}
    assert set(knative(PUSH)) - set(knative(PULL)) == {row.name.replace("_", "-") for row in rows if row.event}
    for row in rows:
        service = knative(PUSH)[row.name.replace("_", "-")]
        template, scale = service["spec"]["template"], REGISTRY.scales[row.scale or ""]
        assert template["spec"]["containers"][0]["args"] == ["function", row.name]
        assert template["metadata"]["annotations"] == {
            "autoscaling.knative.dev/min-scale": str(scale.min_instances),
            "autoscaling.knative.dev/max-scale": str(scale.max_instances),
        }
        assert template["spec"]["containerConcurrency"] == scale.concurrency
        assert template["spec"]["timeoutSeconds"] == scale.timeout_seconds
        assert template["spec"]["serviceAccountName"] == service["metadata"]["labels"]["service"] == row.service
        local = service["metadata"]["labels"].get("networking.knative.dev/visibility") == "cluster-local"
        assert local == (row.ingress == "internal")


@pytest.mark.parametrize(("delivery", "manifests"), BOTH)
def test_every_host_and_worker_is_a_deployment_with_an_autoscaler(delivery: str, manifests: list[Manifest]) -> None:
    """RPC hosts have an address, too."""
    expected = {
        *(f"rpc-{service}" for service in rpc_services(REGISTRY)),
        *(f"relay-{service}" for service in relay_services(REGISTRY)),
        *(f"poller-{service}" for service in poller_services(REGISTRY)),
        "keeper",
        *(f"consumer-{service}" for service in (consumer_services(REGISTRY) if delivery == "pull" else ())),
    }
    deployments, scalers = named(manifests, "Deployment"), named(manifests, "HorizontalPodAutoscaler")
    assert set(deployments) == set(scalers) == expected
    for name, scaler in scalers.items():
        scale = REGISTRY.scales["rpc" if name.startswith("rpc-") else "worker"]
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (
            max(1, scale.min_instances),
            scale.max_instances,
        )
        selector = deployments[name]["spec"]["selector"]["matchLabels"].items()
        assert selector <= deployments[name]["spec"]["template"]["metadata"]["labels"].items()
    addresses = named([each for each in manifests if each["apiVersion"] == "v1"], "Service")
    assert set(addresses) == {f"rpc-{service}" for service in rpc_services(REGISTRY)}


def test_every_container_is_restricted() -> None:
    """No root, no capabilities, nothing to write to but /tmp, and an image by digest."""
    for name, spec in pods():
        (container,) = spec["containers"]
        assert container["securityContext"] == RESTRICTED, name
        assert "@sha256:" in container["image"], name
        assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]
        assert [volume["name"] for volume in spec["volumes"] if "emptyDir" in volume] == ["tmp"]


def test_every_container_has_the_secrets_that_it_needs() -> None:
    """Each in a directory of its own, and no others; those of KMS may be absent."""
    for name, spec in pods():
        (container,) = spec["containers"]
        role, of = (*container["args"], "")[:2]
        needed = [] if of in ("", UNMATCHED) else secrets_of(rows_of(role_of(role), of))
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"] if mount.get("readOnly")}
        assert mounted == {f"/secrets/{secret}": object_name(secret) for secret in needed}, name
        volumes = {each["name"]: each["secret"] for each in spec["volumes"] if "secret" in each}
        assert {each: volume["optional"] for each, volume in volumes.items()} == {
            object_name(secret): secret in IN_KMS for secret in needed
        }


def role_of(text: str) -> Role:
    """A role, as its name in a container's arguments."""
    roles: list[Role] = ["function", "rpc", "relay", "poller", "consumer", "keeper"]
    return roles[roles.index(text)]  # type: ignore[arg-type]


def test_every_container_is_probed_as_it_answers() -> None:
    """Functions over HTTP, RPC hosts by gRPC's health, workers without readiness; a job not at all."""
    for name, spec in pods():
        (container,) = spec["containers"]
        probes = {each: container.get(f"{each}Probe") for each in ("startup", "liveness", "readiness")}
        if container["args"][0] == "migrate":
            assert not any(probes.values())
        elif container["args"][0] == "rpc":
            port = container["ports"][0]["containerPort"]
            assert {"name": "PORT", "value": str(port)} in container["env"]
            assert probes["startup"]["grpc"] == probes["readiness"]["grpc"] == {"port": port}
            assert probes["liveness"]["tcpSocket"] == {"port": port}
        else:
            paths = {each: probe["httpGet"]["path"] for each, probe in probes.items() if probe}
            ready = {"readiness": READY} if container["args"][0] == "function" else {}
            assert paths == {"startup": STARTUP, "liveness": LIVE, **ready}, name
        if name in named(PULL, "Deployment"):
            assert spec["terminationGracePeriodSeconds"] > DRAIN_SECONDS


def test_names_are_unique_and_accounts_exist() -> None:
    """In one namespace."""
    for _, manifests in BOTH:
        names = Counter((each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in manifests)
        assert max(names.values()) == 1
        accounts = set(named(manifests, "ServiceAccount"))
        assert accounts == {*REGISTRY.services, "migrate", "keeper"}
        assert {spec["serviceAccountName"] for _, spec in pods()} <= accounts
