"""The stand-in provider and the fake cloud, on a configuration of a page: what they let pass is not checked at all."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.infrastructure.offline import schema
from tests.infrastructure.terraform import Failed, Workspace, full_schema

ROOT: Final = "tests/infrastructure/small"

DEFECTS: Final = {
    "a misspelled argument": ("network_endpoint_type", "network_endpoint_typ", "not expected here"),
    "a missing argument": ('  name            = "edge"\n', "", 'argument "name" is required'),
    "a wrong type": ("deletion_protection = false", "deletion_protection = []", "bool required"),
    "an unknown value of an enumeration": (
        '"EXTERNAL_MANAGED"',
        '"EXTERNAL_MANAGE"',
        "Invalid value for load_balancing",
    ),
    "an unknown block": ("cloud_run {", "cloud_runs {", "Unsupported block type"),
    "an unknown resource": ("neg[each.key].id", "nog[each.key].id", "Reference to undeclared resource"),
    "an unknown attribute": ("google_project.this.number", "google_project.this.nmber", "Unsupported attribute"),
    "an argument that the cloud decides": (
        '  name            = "edge"\n',
        '  name = "edge"\n  self_link = "x"\n',
        "unconfigur",
    ),
    "a type that does not exist": ('"google_compute_url_map"', '"google_compute_urlmap"', "Invalid resource type"),
    "a second block of one": ("cloud_run {", 'cloud_run { service = "x" }\n  cloud_run {', "Too many cloud_run blocks"),
    "a misspelled argument deep inside": ("full_path_match", "full_path_matches", "not expected here"),
}


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """The configuration, initialised."""
    made = Workspace(tmp_path, [ROOT])
    made.initialise(ROOT)
    return made


def change(workspace: Workspace, old: str, new: str) -> None:
    """Change the configuration in the copy."""
    path = workspace.folder / ROOT / "main.tf"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_schema_is_the_whole_one() -> None:
    """All types of the version that terraform/ pins, with their nested blocks."""
    content = full_schema()["provider_schemas"][schema.SOURCE]
    assert full_schema()["version"] == "8.7.0"
    assert len(content["resource_schemas"]) > 1300
    assert len(content["data_source_schemas"]) > 400
    rule = content["resource_schemas"]["google_compute_url_map"]["block"]["block_types"]["path_matcher"]["block"]
    match = rule["block_types"]["route_rules"]["block"]["block_types"]["match_rules"]["block"]["attributes"]
    assert match["path_template_match"] == {"type": "string", "optional": True}


@pytest.mark.timeout(120)
def test_a_defect_is_refused(small: Workspace, subtests: pytest.Subtests) -> None:
    """A provider of the schema alone catches what the real one would when it validates."""
    small.run(ROOT, "validate")
    good = (small.folder / ROOT / "main.tf").read_text(encoding="utf-8")
    for name, (old, new, says) in DEFECTS.items():
        with subtests.test(name):
            change(small, old, new)
            with pytest.raises(Failed) as refused:
                small.run(ROOT, "validate", "-no-color")
            assert re.search(says, " ".join(str(refused.value).split()))
        (small.folder / ROOT / "main.tf").write_text(good, encoding="utf-8")


def test_what_is_applied_stays(small: Workspace) -> None:
    """A second plan finds nothing to do, and what the cloud decides is known."""
    small.run(ROOT, "apply", "-auto-approve")
    small.run(ROOT, "plan", "-detailed-exitcode")
    found = small.show(ROOT)["values"]["root_module"]["resources"]
    uris = {each["values"]["uri"] for each in found if each["type"] == "google_cloud_run_v2_service"}
    assert uris == {f"https://{name}-123456789012.us-central1.run.app" for name in ("create-order", "get-order")}


def test_what_is_in_use_is_not_removed(small: Workspace) -> None:
    """Without create_before_destroy Terraform removes a row's backend while the URL map still names it."""
    change(small, "create_before_destroy = true", "create_before_destroy = false")
    small.run(ROOT, "apply", "-auto-approve")
    assert "resourceInUseByAnotherResource" in refusal(small, *removal())


def test_what_is_no_longer_in_use_is_removed(small: Workspace) -> None:
    """With create_before_destroy the URL map lets go first."""
    small.run(ROOT, "apply", "-auto-approve")
    assert "1 changed, 3 destroyed" in small.run(ROOT, *removal())
    assert "get-order" not in json.dumps(small.show(ROOT))


def test_what_is_protected_is_not_removed(small: Workspace) -> None:
    """A Cloud Run service is protected unless the configuration says otherwise."""
    change(small, "  deletion_protection = false\n", "")
    small.run(ROOT, "apply", "-auto-approve")
    assert "without setting deletion_protection=false" in refusal(small, *removal())


def test_a_name_is_taken_once(small: Workspace) -> None:
    """Two resources of a type with one name in one place are refused when the second is applied."""
    change(small, "  name                = each.key\n", '  name                = "same"\n')
    assert "exists already" in refusal(small, "apply", "-auto-approve")


def removal() -> tuple[str, ...]:
    """The arguments that apply the configuration without its second row."""
    return "apply", "-auto-approve", "-no-color", "-var", 'rows=["create-order"]'


def refusal(workspace: Workspace, *arguments: str) -> str:
    """What Terraform says when it fails."""
    with pytest.raises(Failed) as failed:
        workspace.run(ROOT, *arguments)
    return " ".join(str(failed.value).split())
