"""The container of a role, and the Pod around it: what every kind of manifest has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.container.probes import LIVE, READY, STARTUP
from shared.registry import load
from shared.requirements import Role, rows_of, secrets_of

Manifest = dict[str, Any]

UNMATCHED: Final = "unmatched"
ACCOUNT: Final = 65532
"""The user and group that containers run as (cloudbuild/Dockerfile)."""

PORT: Final = 8080
SECRETS: Final = "/secrets"

IN_KMS: Final = ("voucher_key", "treasury_key", "relayer_key")
"""Secrets that may be keys in Cloud KMS instead; then the cluster has none of that name."""

RESTRICTED: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsGroup": ACCOUNT,
    "runAsNonRoot": True,
    "runAsUser": ACCOUNT,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The restricted profile of Kubernetes' Pod Security Standards, and a root that nobody writes to."""

RESOURCES: Final[Manifest] = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}


@dataclass(frozen=True, slots=True)
class Target:
    """What a container runs: a role, and the function or service that it is for; a keeper is for the region's cell."""

    role: Role
    of: str = ""

    @property
    def name(self) -> str:
        """Its name in the cluster, as on Cloud Run."""
        named = self.of if self.role == "function" else "-".join(self.arguments)
        return named.replace("_", "-")

    @property
    def arguments(self) -> list[str]:
        """The arguments that start it."""
        return [self.role, self.of] if self.of else [self.role]

    @property
    def service(self) -> str:
        """The service whose account it runs as."""
        if self.role != "function":
            return self.of or self.role
        return "platform" if self.of == UNMATCHED else load().rows[self.of].service

    @property
    def secrets(self) -> list[str]:
        """The secrets that it needs."""
        return [] if self.of in ("", UNMATCHED) else secrets_of(rows_of(self.role, self.of))


def object_name(secret: str) -> str:
    """The name of a secret's object in the cluster."""
    return secret.replace("_", "-").replace(".", "-")


def container(target: Target, image: str, environment: Sequence[tuple[str, str]] = ()) -> Manifest:
    """The container of a target, without ports and probes.

    environment: variables beside those of the cluster's ConfigMaps: `meridian` for all, and one for each service.
    """
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the only folder that it may write to
    mounts += [
        {"name": object_name(name), "mountPath": f"{SECRETS}/{name}", "readOnly": True} for name in target.secrets
    ]
    return {
        "name": target.role,
        "image": image,
        "args": target.arguments,
        "envFrom": [
            {"configMapRef": {"name": "meridian"}},
            {"configMapRef": {"name": f"meridian-{target.service}", "optional": True}},
        ],
        "env": [{"name": name, "value": value} for name, value in [("SECRETS_DIR", SECRETS), *environment]],
        "resources": RESOURCES,
        "securityContext": RESTRICTED,
        "volumeMounts": mounts,
    }


def pod(target: Target, containers: Sequence[Manifest]) -> Manifest:
    """The Pod of a target's containers: as the account of its service, with its secrets."""
    return {
        "serviceAccountName": target.service,
        "containers": list(containers),
        "volumes": [{"name": "tmp", "emptyDir": {}}, *(_volume(name) for name in target.secrets)],
    }


def http_probes() -> Manifest:
    """The probes of a function's container."""
    return {
        "startupProbe": {**_get(STARTUP), "periodSeconds": 1, "failureThreshold": 30},
        "livenessProbe": {**_get(LIVE), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        "readinessProbe": {**_get(READY), "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 1},
    }


def worker_probes() -> Manifest:
    """The probes of a worker: nobody sends it requests, so it is never unready."""
    return {name: probe for name, probe in http_probes().items() if name != "readinessProbe"}


def grpc_probes(port: int) -> Manifest:
    """The probes of an RPC host, by gRPC's health service. It is alive while it accepts connections."""
    health = {"grpc": {"port": port}}
    return {
        "startupProbe": {**health, "periodSeconds": 1, "failureThreshold": 30},
        "livenessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 10, "timeoutSeconds": 5},
        "readinessProbe": {**health, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 1},
    }


def _get(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": PORT}}


def _volume(secret: str) -> Manifest:
    name = object_name(secret)
    return {"name": name, "secret": {"secretName": name, "optional": secret in IN_KMS, "defaultMode": 0o440}}
