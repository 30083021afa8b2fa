"""The arithmetic of `make cost`, against sums that were made by hand."""

import msgspec
import pytest

from shared.registry import load
from terraform.cost.model import Sizes, cells, instance, month, read_sizes, sizes, tier

SMALL = Sizes(server=(2, 8), replica=(2, 8), disk_gb=100, node="REDIS_STANDARD_SMALL", shards=3, replicas=1)


def test_an_idle_instance_costs_what_the_list_says() -> None:
    """1 vCPU and 512 MiB for 730 hours: 2,628,000 s of 0.0000025 for the one and half of that for the other."""
    assert instance("idle vCPU", "idle memory") == pytest.approx(9.855)
    assert instance("instance vCPU", "instance memory") == pytest.approx(49.93, abs=0.01)


def test_failover_rows_are_kept_in_every_region() -> None:
    """And `unmatched`, which answers for all others."""
    registry = load()
    rows = sum(row.failover for row in registry.rows.values())
    kept = month(registry, SMALL, 0)["functions: kept for failover"]
    assert kept == pytest.approx((rows + 1) * 3 * 9.855)


def test_a_cell_is_a_server_in_two_zones_a_replica_and_a_standby() -> None:
    """Four machines and four disks for each of three cells."""
    machine = 730 * (2 * 0.0413 + 8 * 0.0070) + 100 * 0.17
    assert month(load(), SMALL, 0)["Cloud SQL"] == pytest.approx(3 * 4 * machine)


def test_a_second_cell_in_a_region_costs_its_own_server_hosts_and_workers() -> None:
    """And shares the region's Redis, and the functions that are kept for the edge."""
    registry = load()
    grown = msgspec.structs.replace(registry, cells={**registry.cells, "us2": registry.regions[0]})
    three, four = month(registry, SMALL, 0), month(grown, SMALL, 0)
    for part in ("Cloud SQL", "RPC hosts", "workers: relays, pollers, keepers", "functions: schedules"):
        assert four[part] == pytest.approx(three[part] * 4 / 3)
    for part in ("Redis", "functions: kept for failover"):
        assert four[part] == three[part]


def test_events_are_counted_by_deliveries() -> None:
    """14 an order, published and delivered, 1.5 kB each: a million orders a day are 1.16 TiB a month."""
    tib = 1e6 * (730 / 24) * 14 * 2 * 1500 / 2**40
    assert tib == pytest.approx(1.16, abs=0.01)
    assert month(load(), SMALL, 1e6)["Pub/Sub"] == pytest.approx(40 * tib)


def test_cells_grow_with_the_peak() -> None:
    """3 x 100 M a day are 3,472 orders/s, 53.8 s of PostgreSQL's CPU a second; a server of 16 gives 9.6."""
    large = Sizes((16, 64), (8, 32), 500, "REDIS_HIGHMEM_MEDIUM", 3, 1)
    assert [cells(orders, large, load()) for orders in (0, 1e6, 1e8)] == [3, 3, 6]


def test_more_orders_cost_more_and_each_costs_less() -> None:
    """Every part grows or stays; what is kept is shared by more."""
    registry, of = load(), read_sizes("production")
    idle, million, hundred = (month(registry, of, orders) for orders in (0, 1e6, 1e8))
    assert all(idle[part] <= million[part] <= hundred[part] for part in idle)
    assert sum(hundred.values()) / 100 < sum(million.values())


def test_sizes_are_those_of_the_variables() -> None:
    """What is not said is as terraform/variables.tf has it: the replica as large as the server."""
    database = 'database = {\n  tier = "db-custom-4-16384"\n  disk_gb = 200\n}\n'
    text = f'{database}cache = {{\n  node_type = "A"\n  shards = 3\n  replicas = 1\n}}\n'
    assert sizes(text) == Sizes((4, 16.0), (4, 16.0), 200, "A", 3, 1)
    with pytest.raises(ValueError, match="db-f1-micro"):
        tier("db-f1-micro")
