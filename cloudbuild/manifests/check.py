"""Generates all manifests, and validates them by the schemas of Kubernetes and Knative.

    python -m cloudbuild.manifests.check [FOLDER]

Kubernetes' schemas are checked strictly: an unknown field is an error. Knative's npm package overlooks unknown fields,
so the Pod in each Knative Service is checked as one of Kubernetes, too. They are written to the folder, by default
.local/manifests.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from cloudbuild.manifests.containers import Manifest
from cloudbuild.manifests.resources import Delivery, cluster

FOLDER: Final = Path(".local/manifests")
HERE: Final = Path(__file__).parent
VALIDATE: Final = Path(".venv-image/bin/kubernetes-validate")

EXAMPLE: Final = f"registry.example/meridian@sha256:{'0' * 64}"

KNATIVE: Final = "serving.knative.dev/v1"
OF_REVISIONS: Final = ("containerConcurrency", "timeoutSeconds")
"""What Knative adds to a Pod's spec."""

DELIVERIES: Final[tuple[Delivery, ...]] = ("push", "pull")


def main(folder: Path) -> int:
    """Returns 0 if every manifest is valid."""
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[tuple[str, str], Manifest] = {}
    for delivery in DELIVERIES:
        manifests = list(cluster(EXAMPLE, delivery))
        file = folder / f"{delivery}.yaml"
        file.write_text(written(manifests), encoding="utf-8")
        known |= {(each["kind"], each["metadata"]["name"]): each for each in manifests}
        print(f"{file}: {len(manifests)} resources, {len(knative_of(manifests))} of them Knative Services")
    return validate(list(known.values()), folder / "validated.yaml")


def validate(manifests: Sequence[Manifest], file: Path) -> int:
    """Returns 0 if manifests are valid. file: where to write them for the validator."""
    knative = knative_of(manifests)
    native = [each for each in manifests if each["apiVersion"] != KNATIVE]
    file.write_text(written([*native, *map(pod_of, knative)]), encoding="utf-8")
    invalid = _run([str(VALIDATE), "--strict", "--quiet", str(file)])
    return invalid | _run(["node", str(HERE / "validate.js")], json.dumps(knative))


def knative_of(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The Knative Services among manifests."""
    return [each for each in manifests if each["apiVersion"] == KNATIVE]


def written(manifests: Sequence[Manifest]) -> str:
    """Manifests as one YAML stream, without anchors."""

    class Dumper(yaml.SafeDumper):
        """Writes repeated values again."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump_all(manifests, Dumper=Dumper, sort_keys=False, explicit_start=True)
    return text


def pod_of(service: Manifest) -> Manifest:
    """The Pod that a Knative Service describes."""
    template: Any = service["spec"]["template"]
    spec = {name: value for name, value in template["spec"].items() if name not in OF_REVISIONS}
    metadata = {**template["metadata"], "name": service["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _run(command: Sequence[str], given: str = "") -> int:
    """Run a check, whose output is shown if it fails."""
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(ended.stdout, ended.stderr, sep="", file=sys.stderr)
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER))
