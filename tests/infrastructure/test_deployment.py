"""What a person does to an environment: apply it, apply it again, roll out a release, add a row, remove one."""

import re
from typing import Final

import pytest

from tests.infrastructure.deployment import REGISTRY, Deployment
from tests.infrastructure.terraform import ROOT
from tests.infrastructure.world import World

ADDED: Final = (
    '  read_weather:  {service: platform, http: "GET /v1/weather/{place}", scope: public, transaction: none, '
    "limit: read, scale: read}\n"
)
"""A row that there is not."""

PROMOTED: Final = '-var=promoted={"as":"us-central1"}'

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
def test_a_second_cell_in_a_region_replaces_nothing(two_cells: Deployment, production: Deployment) -> None:
    """What the first one has keeps its names, and the second one has all of the same beside it."""
    before, after = ({(each.type, each.address) for each in of.world.resources} for of in (production, two_cells))
    assert before <= after
    more = {address for _, address in after - before}
    assert {address for address in more if "us2" not in address} == set()
    sites = [site for site in two_cells.world.sites() if site.cell == "us2"]
    assert [(site.region, site.serves) for site in sites] == [("us-central1", True), ("europe-west1", False)]

    def roles(world: World, cell: str, region: str) -> list[tuple[str, str, str]]:
        of = [each for each in world.processes() if (each.cell, each.region) == (cell, region)]
        return sorted((each.kind, each.role, "" if each.kind == "job" else each.of) for each in of)

    first = roles(production.world, "us", "us-central1")
    assert [roles(two_cells.world, site.cell, site.region) for site in sites] == [first, first]


@pytest.mark.timeout(300)
def test_a_promotion_makes_and_destroys_nothing(production: Deployment) -> None:
    """Workers, schedules and pushes move: all that serves the cell in the other region was there before."""
    moved = production.planned(PROMOTED)
    assert set(moved.values()) == {"update"}
    cell = production.world.registry.cells["as"]
    sites = (f'module.functions["{cell}"]', 'module.functions["us-central1-as"]')
    kinds = {
        re.sub(r"\[[^]]*\]$", "", address.partition(each)[2]) for address in moved for each in sites if each in address
    }
    assert kinds == {
        ".google_cloud_run_v2_worker_pool.this",
        ".google_cloud_run_v2_service.rpc",
        ".google_cloud_run_v2_job.this",
    }
    elsewhere = {address.partition("[")[0] for address in moved if not address.startswith("module.functions")}
    assert elsewhere == {
        "module.database.google_sql_database_instance.standby",
        "module.events.google_pubsub_subscription.row",
        "module.schedules",
    }


@pytest.mark.timeout(300)
def test_what_the_runbook_applies_does_not_ask_the_lost_region(production: Deployment) -> None:
    """Only where events are pushed to; nothing that the rollout changes too, of which the state knows an old image."""
    text = (ROOT / "terraform" / "README.md").read_text(encoding="utf-8")
    command = next(line for line in text.splitlines() if "-refresh=false" in line)
    options = [each.strip("'") for each in command.split() if each.startswith(("-refresh", "-target", "'-target"))]
    moved = production.planned(PROMOTED, *options)
    assert moved
    assert {address.partition("[")[0] for address in moved} == {"module.events.google_pubsub_subscription.row"}


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
