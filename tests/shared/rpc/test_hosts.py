"""The RPC hosts of another cell are called where that is served at the moment, each behind a breaker of its own."""

from collections.abc import Mapping
from typing import Final

import pytest

from shared.config import read
from shared.errors import CellUnreachable
from shared.firestore.cells import CellMap, ServedCell
from shared.registry import load
from shared.resources import Resources
from shared.rpc.hosts import address_of

LOCAL: Final = {
    "MERIDIAN_ENVIRONMENT": "local",
    "MERIDIAN_REGION": "us-central1",
    "GOOGLE_CLOUD_PROJECT": "shop",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "SECRETS_DIR": "/secrets",
    "RPC_ADDRESSES": "wallet=a:1,wallet@eu=b:1,wallet@eu@asia-east1=c:1",
}


class Served:
    """A cell map in memory."""

    def __init__(self) -> None:
        self.cells: dict[str, ServedCell] = {}

    def read(self) -> Mapping[str, ServedCell]:
        return self.cells


def resources_of(served: Served, clock: list[float]) -> Resources:
    """Resources of the cell us with a map of their own."""
    made = Resources(read(LOCAL))
    made.once("cells", lambda: CellMap(served, load().cells, lambda: clock[0]))
    return made


def test_a_host_has_an_address_by_cell_and_region() -> None:
    """Locally one for each region that may serve the cell, in the cloud a URL that its region is put into."""
    local = read(LOCAL)
    assert address_of(local, "wallet", "eu", "europe-west1") == "b:1"
    assert address_of(local, "wallet", "eu", "asia-east1") == "c:1"
    assert address_of(local, "wallet", "eu", "us-central1") is None
    assert address_of(local, "order", "eu", "europe-west1") is None
    cloud = read({**LOCAL, "RPC_URL": "https://rpc-{service}{suffix}-123.{region}.run.app"})
    assert address_of(cloud, "wallet", "eu", "europe-west1") == "rpc-wallet-123.europe-west1.run.app:443"
    assert address_of(cloud, "wallet", "eu", "asia-east1") == "rpc-wallet-eu-123.asia-east1.run.app:443"


def test_a_channel_follows_its_cell() -> None:
    """After a promotion another host is called, behind another breaker; the first one's failures do not count there."""
    served, clock = Served(), [0.0]
    resources = resources_of(served, clock)
    first = resources.channel("wallet", "order", "eu")
    assert first is resources.channel("wallet", "order", "eu")
    assert first is not resources.channel("wallet", "supply", "eu")
    served.cells["eu"], clock[0] = ServedCell("eu", "asia-east1", 2), 60.0
    assert resources.channel("wallet", "order", "eu") is not first
    names = {reading.name for reading in resources.breakers() if "rpc" in reading.name}
    assert names == {"cell rpc wallet of eu in europe-west1", "cell rpc wallet of eu in asia-east1"}


def test_the_own_cell_is_called_directly() -> None:
    """By the service's own address and breaker, as without a cell."""
    resources = resources_of(Served(), [0.0])
    assert resources.channel("wallet", "order", "us") is resources.channel("wallet", "order")


def test_a_cell_without_hosts_cannot_be_reached() -> None:
    """That is a 503 like any other; a cell that nobody knows is a defect."""
    resources = resources_of(Served(), [0.0])
    with pytest.raises(CellUnreachable, match="The cell as cannot be reached"):
        resources.channel("wallet", "order", "as")
    with pytest.raises(KeyError, match="mars"):
        resources.channel("wallet", "order", "mars")
