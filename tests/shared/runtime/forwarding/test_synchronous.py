"""In a synchronous cell nothing is shown that a failover can undo: answers wait at the gate, whatever they rest on."""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest
from msgspec.structs import replace

from shared import ids
from shared.cells.words import Standbys
from shared.config import Settings
from shared.errors import Unavailable
from tests.shared.runtime.forwarding.hosts import Cell, Client, Functions, served


@dataclass
class Behind:
    """The gate of a cell whose standby is behind."""

    waiting: list[str] = field(default_factory=list)

    def wait(self, kind: str) -> None:
        self.waiting.append(kind)
        raise Unavailable("the standby is behind")


@pytest.mark.parametrize(("standbys", "status"), [("synchronous", 503), ("asynchronous", 200)])
def test_an_answer_waits_for_a_synchronous_standby(
    base: Settings, order: Callable[[str], str], standbys: Standbys, status: int
) -> None:
    """What was read, and what was done."""
    gate, settings = Behind(), replace(base, standbys=standbys)
    with served(Functions(Cell(settings, gate=gate).operations(), settings)) as host:
        client = Client.at(host.server_port, settings, ids.new("usr", "us"))
        thing = order("us")
        found = [client.ask("GET", f"/v1/things/{thing}"), client.ask("POST", f"/v1/things/{thing}/change", json={})]
        assert [each.status_code for each in found] == [status, status]
        assert gate.waiting == ["read", "read"] * (status == httpx.codes.SERVICE_UNAVAILABLE)
