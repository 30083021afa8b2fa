"""Cloud Build's files: valid for the shell, every substitution given, and each step protects the next.

Their schema is checked by `make infra`.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared import strict_yaml
from tests.architecture.codebase import ROOT

FILES = sorted((ROOT / "cloudbuild").glob("*.yaml"))
BUILT_IN = {"PROJECT_ID", "COMMIT_SHA", "TAG_NAME"}
"""Substitutions that Cloud Build makes itself."""

SUBSTITUTION = re.compile(r"(?<!\$)\$(?:\{(\w+)\}|(\w+))")
SCRIPTED = {"bash", "sh"}


def build(name: str) -> dict[str, Any]:
    document: dict[str, Any] = strict_yaml.parse((ROOT / "cloudbuild" / name).read_text(encoding="utf-8"))
    return document


def steps(name: str) -> list[str]:
    return [step["id"] for step in build(name)["steps"]]


def test_there_are_these() -> None:
    assert [path.name for path in FILES] == ["apply.yaml", "check.yaml", "plan.yaml", "release.yaml", "rollout.yaml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_substitution_is_given(path: Path) -> None:
    """By the file or by Cloud Build; and none is given that nothing reads, but for those of the trigger."""
    text = path.read_text(encoding="utf-8")
    read = {braced or bare for braced, bare in SUBSTITUTION.findall(text)}
    given = set(build(path.name).get("substitutions", {}))
    assert read - given - BUILT_IN == set()
    assert given - read == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_script_is_one(path: Path) -> None:
    """The shell accepts it, and ends at the first failure."""
    for step in build(path.name)["steps"]:
        if step.get("entrypoint") in SCRIPTED and step["args"][0].startswith("-"):
            option, script = step["args"]
            assert option == "-euc", step["id"]
            plain = SUBSTITUTION.sub("value", script).replace("$$", "$")
            ended = subprocess.run([step["entrypoint"], "-n", "-c", plain], capture_output=True, text=True, check=False)
            assert (ended.returncode, ended.stderr) == (0, ""), step["id"]


def test_a_release_is_refused_before_it_changes_anything() -> None:
    """Scanned before signed; signed and compatible before migrations; migrations before revisions."""
    order = steps("release.yaml")
    assert order.index("scan") < order.index("sign") < order.index("migrate")
    assert order.index("compatible") < order.index("migrate") < order.index("rollout") < order.index("jobs")


def test_what_is_applied_is_what_was_planned() -> None:
    """Both name the plan by its commit, and apply.yaml plans nothing."""
    kept = "gs://$PROJECT_ID-terraform/plans/$COMMIT_SHA"
    assert kept in (ROOT / "cloudbuild/plan.yaml").read_text(encoding="utf-8")
    applied = (ROOT / "cloudbuild/apply.yaml").read_text(encoding="utf-8")
    assert kept in applied
    assert "terraform plan" not in applied


def test_all_run_the_same_terraform() -> None:
    """A state that a newer one has written is not read by an older one."""
    versions = {build(name)["substitutions"]["_TERRAFORM"] for name in ("check.yaml", "plan.yaml", "apply.yaml")}
    assert len(versions) == 1
