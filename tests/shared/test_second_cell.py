"""A second cell in one region is configuration: it has ids, databases, topics and processes of its own."""

from pathlib import Path

import pytest
import yaml

from cloudbuild.rollout import units as rollout
from shared import ids
from shared import registry as registries
from shared.bus.topics import group_name, row_topic, subscription_name, topic_name
from shared.config import read
from shared.rpc.hosts import address_of
from shared.strict_yaml import parse
from tests.shared.test_config import LEAST


def test_us2_is_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry in the registry, and MERIDIAN_CELL; nothing of it is shared with the region's first cell."""
    document = parse(registries.PATH.read_text(encoding="utf-8"))
    document["cells"] = {"us": "us-central1", "us2": "us-central1", "eu": "europe-west1"}
    path = tmp_path / "registry.yaml"
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
    registry = registries.load(path)
    monkeypatch.setattr(registries, "load", lambda: registry)
    monkeypatch.setattr("shared.rpc.hosts.load", lambda: registry)

    addresses = {"us": "10.0.0.1:8080", "us2": "10.0.0.2:8080", "us2@europe-west1": "10.1.0.2:8080"}
    here = {**LEAST, "MERIDIAN_REGION": "us-central1"}
    here["CELL_ADDRESSES"] = ",".join(f"{name}={address}" for name, address in addresses.items())
    first, second = read(here), read({**here, "MERIDIAN_CELL": "us2"})
    assert (first.region, first.cell) == ("us-central1", "us")
    assert (second.region, second.cell, second.cell_addresses) == ("us-central1", "us2", addresses)
    assert registry.regions == ["us-central1", "europe-west1"]
    assert [registry.standby_of(cell) for cell in registry.cells] == ["europe-west1", "europe-west1", "us-central1"]
    released = {unit.name for unit in rollout.parts(registry, ["us-central1"]).pools if unit.serves == "keeper"}
    assert released == {"keeper", "keeper-us2", "keeper-eu"}
    places = (("us", "us-central1"), ("us2", "us-central1"), ("us2", "europe-west1"), ("eu", "us-central1"))
    assert [registry.suffix_of(*place) for place in places] == ["", "-us2", "-us2", "-eu"]
    cloud = read({**here, "RPC_URL": "https://rpc-{service}{suffix}-1.{region}.run.app"})
    assert address_of(cloud, "order", "us2", "us-central1") == "rpc-order-us2-1.us-central1.run.app:443"

    def names(cell: str, database: str) -> list[str]:
        topic = row_topic("order-events", "capture_hold")
        named = (topic_name(topic, cell), subscription_name("capture_hold", "order-events", cell))
        return [database, *named, group_name("capture_hold", cell)]

    assert names(second.cell, second.database_name("order")) == [
        "order_us2",
        "order-events.capture_hold-us2",
        "capture_hold-order-events-us2",
        "capture_hold-us2",
    ]
    received = subscription_name("capture_hold", "order-events", "us2", "us"), group_name("capture_hold", "us2", "us")
    assert received == ("capture_hold-order-events-us-to-us2", "capture_hold-us-to-us2")
    assert topic_name("order-events.capture_hold", "us", "us2") == "order-events.capture_hold-us-to-us2"
    assert subscription_name("capture_hold", "order-events", "us2", "us2") == "capture_hold-order-events-us2"
    assert not set(names(first.cell, first.database_name("order"))) & set(names("us2", "order_us2"))
    order_id = ids.new("ord", second.cell)
    assert (ids.cell_of(order_id), ids.parse(ids.sibling(order_id, "hld"), "hld").cell) == ("us2", "us2")
    elsewhere = read({**here, "MERIDIAN_REGION": "europe-west1", "MERIDIAN_CELL": "us2"})
    assert names(elsewhere.cell, elsewhere.database_name("order")) == names("us2", "order_us2")
