"""What a release consists of is what the registry says, in the order that both releases survive."""

import pytest

from cloudbuild.rollout.smoke import expected
from cloudbuild.rollout.units import Kind, Unit, parts
from shared.registry import load

REGISTRY = load()


def test_every_function_is_in_each_region_once() -> None:
    """Rows of HTTP, events and schedules, but for those of the local environment; and the one of unknown paths.

    And once more for the cell that may be promoted to the region, unless cells have no standbys.
    """
    rows = {
        row.name for row in REGISTRY.rows.values() if (row.http or row.event or row.schedule) and not row.environment
    }
    for standbys in (True, False):
        found = parts(REGISTRY, standbys=standbys)
        for region in REGISTRY.regions:
            guests = [f"-{cell}" for cell in REGISTRY.cells if standbys and REGISTRY.standby_of(cell) == region]
            functions = [unit for unit in found.units if unit.region == region and unit.kind is Kind.FUNCTION]
            wanted = [(f"{row.replace('_', '-')}{of}", row) for row in (*rows, "unmatched") for of in ("", *guests)]
            assert sorted((unit.name, unit.serves) for unit in functions) == sorted(wanted)
        assert len(found.pools) == (2 if standbys else 1) * len(parts(REGISTRY, standbys=False).pools)


def test_the_order_is_one_that_both_releases_survive() -> None:
    """The primary last; RPC hosts before functions; consumers before relays, in every region."""
    found = parts(REGISTRY, consumers=True)
    primary = next(iter(REGISTRY.regions))
    assert [group.name for group in found.groups] == ["RPC hosts", "functions"] * len(REGISTRY.regions)
    assert [group.region for group in found.groups][-2:] == [primary, primary]
    roles = [unit.name.partition("-")[0] for unit in found.pools]
    assert roles == sorted(roles, key=["consumer", "relay", "poller", "keeper"].index)
    assert {unit.name for unit in found.pools} >= {"relay-wallet", "poller-claiming", "consumer-order"}
    assert [unit.region for unit in found.pools if unit.serves == "keeper"][-1] == primary


def test_a_release_may_go_to_some_regions() -> None:
    """In the order given; a region that is not there is an error."""
    found = parts(REGISTRY, ["europe-west1"])
    assert {unit.region for unit in (*found.units, *found.pools)} == {"europe-west1"}
    with pytest.raises(ValueError, match="mars"):
        parts(REGISTRY, ["mars"])


def test_a_smoke_test_expects_what_the_row_says() -> None:
    """Of what is public its success, of the rest a refusal; RPC hosts are asked for their health instead."""

    def statuses(row: str, kind: Kind = Kind.FUNCTION) -> object:
        asked = expected(Unit("r", kind, row, row), REGISTRY)
        return asked and set(asked.statuses)

    assert statuses("health") == {200}
    assert statuses("create_order") == {401}
    assert statuses("capture_hold") == {401, 403}
    assert statuses("unmatched") == {404}
    assert statuses("wallet", Kind.RPC) is None
