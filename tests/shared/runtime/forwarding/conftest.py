"""Two functions hosts, of the cells us and eu, without a stack."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from emulators.stack import secrets
from shared import ids
from shared.config import Settings, read
from tests.shared.runtime.forwarding.hosts import Cell, Client, Functions, served
from tests.shared.test_config import LEAST

US, EU = "us-central1", "europe-west1"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of secrets that all cells share."""
    folder = tmp_path_factory.mktemp("secrets")
    secrets.ensure(folder, [])
    return folder


@pytest.fixture
def base(keys: Path) -> Settings:
    """Settings of a process on the local stack, in us-central1."""
    local = {**LEAST, "MERIDIAN_ENVIRONMENT": "local", "PUBLIC_URL": "http://127.0.0.1:8080", "PROXIES": "1"}
    return read({**local, "MERIDIAN_REGION": US, "SECRETS_DIR": str(keys)})


@dataclass
class World:
    """Two cells that reach one another."""

    us: Cell
    eu: Cell
    addresses: dict[str, str]
    ports: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, Functions] = field(default_factory=dict)

    def client(self, cell: str = "us", home: str = "us") -> Client:
        """A user of one cell at the door of another."""
        return Client.at(self.ports[cell], self.us.settings, ids.new("usr", home))


@pytest.fixture
def world(base: Settings) -> Iterator[World]:
    """Both hosts, running."""
    addresses: dict[str, str] = {}
    us = Cell(replace(base, cell_addresses=addresses))
    eu = Cell(replace(base, cell_addresses=addresses, cell="eu", region=EU))
    found = World(us, eu, addresses)
    for cell, name in ((us, "us"), (eu, "eu")):
        found.hosts[name] = Functions(cell.operations(), cell.settings)
    with served(found.hosts["us"]) as first, served(found.hosts["eu"]) as second:
        for name, server in (("us", first), ("eu", second)):
            found.ports[name] = server.server_port
            addresses[name] = f"127.0.0.1:{server.server_port}"
        yield found


@pytest.fixture
def order() -> Callable[[str], str]:
    """A new order id of a cell."""
    return lambda cell: ids.new("ord", cell)
