"""What a person does to an environment: apply it, apply it again, roll out a release, add a row, remove one."""

import re
from typing import Final

import pytest

from tests.infrastructure.deployment import REGISTRY, Deployment

ADDED: Final = (
    '  read_weather:  {service: platform, http: "GET /v1/weather/{place}", scope: public, transaction: none, '
    "limit: read, scale: read}\n"
)
"""A row that there is not."""

BUILT_ON: Final = "google_compute_url_map"


@pytest.mark.timeout(300)
def test_a_second_plan_is_empty(one_region: Deployment) -> None:
    """What was applied is what the configuration says: no value differs on every run."""
    assert one_region.planned() == {}


@pytest.mark.timeout(300)
def test_a_second_plan_is_empty_after_a_rollout(production: Deployment) -> None:
    """The rollout has changed image, revision, traffic and client of everything: the next plan undoes none of it."""
    state = production.state
    changed = 0
    for resource in state["resources"]:
        if resource["type"] not in ("google_cloud_run_v2_service", "google_cloud_run_v2_worker_pool"):
            continue
        for instance in resource["instances"]:
            values, revision = instance["attributes"], "green-2"
            values |= {"client": "rollout", "client_version": "2"}
            values["template"][0]["revision"] = revision
            values["template"][0]["containers"][0]["image"] = f"registry/meridian@sha256:{'2' * 64}"
            share = {"percent": 100, "revision": revision, "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}
            if "traffic" in values:
                values["traffic"] = [{**share, "tag": "green"}]
            else:
                values["instance_splits"] = [{**share, "type": "INSTANCE_SPLIT_ALLOCATION_TYPE_REVISION"}]
            changed += 1
    assert changed > 50
    state["serial"] += 1
    production.write_state(state)
    assert production.planned() == {}


@pytest.mark.timeout(300)
def test_a_row_is_added_and_removed(one_region: Deployment) -> None:
    """A row's line is all that it takes: its parts come and go in one apply each, and nothing else is replaced."""
    path = one_region.workspace.folder / REGISTRY
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("operations:\n", f"operations:\n{ADDED}"), encoding="utf-8")
    added = one_region.change()
    assert {action for address, action in added.items() if "weather" in address} == {"create"}
    assert {action for address, action in added.items() if "weather" not in address} <= {"update"}
    assert len([address for address in added if "weather" in address]) >= 3  # service, endpoint group, backend
    path.write_text(before, encoding="utf-8")
    removed = one_region.change()
    assert {action for address, action in removed.items() if "weather" in address} == {"delete"}
    assert {action for address, action in removed.items() if "weather" not in address} <= {"update"}
    assert removed.keys() == added.keys()
    assert any(re.search(BUILT_ON, address) for address in removed)
