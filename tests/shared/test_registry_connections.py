"""However busy a region is, its processes stay within the share of the database server's connections that is theirs.

Cloud Run starts instances until a scale's maximum, and each holds its connections: a server that refuses some would
fail requests of every service. So the worst case is added up here, from the registry, before anything is deployed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from shared.registry import PATH, Registry, Row, load

NOTIFIER = 1
"""The connection by which what appends events wakes the relay (shared/postgres/notify.py)."""

LEADER = 1
"""The relay's session that holds the leader lock and listens (shared/outbox/relay.py)."""

JOBS = 16
"""Migrations, audits and people, at most."""


@dataclass(frozen=True)
class Connections:
    """The most connections to a cell's server, by the kind of process."""

    functions: int
    rpc_hosts: int
    relays: int
    pollers: int
    consumers: int
    keepers: int

    @property
    def total(self) -> int:
        """All of them, and those of jobs."""
        return self.functions + self.rpc_hosts + self.relays + self.pollers + self.consumers + self.keepers + JOBS


def connections(registry: Registry) -> Connections:
    """The worst case of a region: every process with all its instances."""
    owning = [name for name, service in registry.services.items() if service.database]
    rpc, worker = registry.scales["rpc"], registry.scales["worker"]

    def function(row: Row) -> int:
        scale = registry.scales[row.scale or ""]
        if row.name == "ready":  # asks every service's database
            return scale.max_instances * scale.pool * len(owning)
        if row.service not in owning:
            return 0
        return scale.max_instances * (scale.pool + (NOTIFIER if row.emits else 0))

    def polling(kind: str, service: str) -> int:
        """The sessions of the locks that polling rows hold (shared/postgres/session_lock.py)."""
        return len([row for row in registry.of(service) if row.worker == kind])

    rows = [row for row in registry.rows.values() if row.scale and row.environment is None]
    polled = [name for name in owning if polling("poller", name)]
    consuming = [name for name in owning if any(row.event for row in registry.of(name))]
    return Connections(
        functions=sum(map(function, rows)),
        rpc_hosts=len(owning) * rpc.max_instances * (rpc.pool + NOTIFIER),
        relays=worker.max_instances
        * sum(worker.pool + LEADER + NOTIFIER + polling("relay", service) for service in owning),
        pollers=worker.max_instances * sum(worker.pool + NOTIFIER + polling("poller", service) for service in polled),
        consumers=worker.max_instances * len(consuming) * (worker.pool + NOTIFIER),
        keepers=worker.max_instances * len(owning) * 2,  # its lease and its gate
    )


def test_a_region_stays_within_its_share() -> None:
    """The rest of the server's connections is for a rollout's overlap, replication and people."""
    registry = load()
    assert connections(registry).total <= registry.database.connections * registry.database.share


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["scales"]["purchase"].update(max_instances=100),
        lambda d: d["scales"]["read"].update(max_instances=100),
        lambda d: d["scales"]["event"].update(max_instances=50),
        lambda d: d["scales"]["rpc"].update(max_instances=40),
        lambda d: d["database"].update(connections=1000),
    ],
)
def test_more_than_that_is_noticed(change: Callable[[dict[str, Any]], Any], tmp_path: Any) -> None:
    """Scales as they were before there was a budget, or a smaller server, do not pass."""
    document: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    change(document)
    path = tmp_path / "registry.yaml"
    path.write_text(yaml.dump(document), encoding="utf-8")
    registry = load(path)
    assert connections(registry).total > registry.database.connections * registry.database.share


def test_every_kind_of_process_is_counted() -> None:
    """None of the parts is empty, and the largest is that of the functions."""
    parts: Mapping[str, int] = vars(connections(load()))
    assert min(parts.values()) > 0
    assert max(parts, key=lambda name: parts[name]) == "functions"


def test_what_moves_users_is_what_a_sale_takes() -> None:
    """Each failover row keeps an instance in every region, so they are few: those between sign-in and claim."""
    rows = {row.name for row in load().rows.values() if row.failover}
    assert {"health", "sign_in", "create_order", "create_claim"} < rows
    assert len(rows) <= 20
