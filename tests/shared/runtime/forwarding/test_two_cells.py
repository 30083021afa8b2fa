"""Two real cells, us and eu, each with databases of its own: whichever door one takes, the result is the same."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from emulators.demo.api_user import fresh_key
from emulators.stack.stack import Stack
from functions.supply.requests import CreateSupply
from functions.supply.views import SupplyView
from shared import ids
from shared.firestore.cells import CellMap
from shared.registry import load
from shared.resources import Resources
from shared.runtime.forwarding.parts import forwarding
from shared.runtime.http import HttpOperation
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import all_at_once
from tests.shared.runtime.forwarding.hosts import Client, EverySession, FakeMap, Functions, served

CELLS = ("us", "eu")


@dataclass
class TwoCells:
    """Isolated services of each cell, with a functions host each."""

    services: dict[str, IsolatedServices]
    ports: dict[str, int]

    def client(self, door: str, user: IsolatedUser) -> Client:
        """A user at a door."""
        scopes = sorted(user.caller.scopes)
        return Client.at(self.ports[door], self.services["us"].settings, user.user_id, scopes)

    def orders(self) -> dict[str, set[str]]:
        """The ids of all orders by the cell in whose database they are."""
        sql = "SELECT id FROM orders"
        return {cell: {row["id"] for row in each.probe.rows("order", sql)} for cell, each in self.services.items()}

    def sell(self, cell: str, merchant: IsolatedUser, **terms: Any) -> SupplyView:
        """A supply of a cell, on sale."""
        request = CreateSupply(
            **{"title": "A thing", "currency": "USDC", "unit_price": "5", "quantity": 100, "status": "active", **terms}
        )
        supply: SupplyView = self.services[cell].run("create_supply", request=request, caller=merchant.caller)
        return supply


@pytest.fixture(scope="module")
def cells(stack: Stack) -> Iterator[TwoCells]:
    """Both, running; the map is that of the registry."""
    addresses: dict[str, str] = {}
    with ExitStack() as opened:
        services = {cell: opened.enter_context(IsolatedServices.within(stack, cell)) for cell in CELLS}
        ports = {}
        for cell, each in services.items():
            host = Functions(operations(each, addresses), each.settings)
            ports[cell] = opened.enter_context(served(host)).server_port
            addresses[cell] = f"127.0.0.1:{ports[cell]}"
        yield TwoCells(services, ports)


def operations(services: IsolatedServices, addresses: dict[str, str]) -> dict[str, HttpOperation]:
    """The functions of all rows of one cell."""
    settings = replace(services.settings, cell_addresses=addresses)
    addresses.setdefault("eu" if settings.cell == "us" else "us", "127.0.0.1:1")  # until the other one runs
    parts = Resources(settings, services.resources.clock)
    parts.once("cells", lambda: CellMap(FakeMap(), load().cells))
    sessions: Any = EverySession()
    return {
        row.name: HttpOperation(
            services.bound(row.name),
            settings,
            parts.clock,
            sessions,
            parts.limits(),
            parts.cache(),
            forwarding(row, parts),
        )
        for row in load().http_rows()
        if row.service in ("wallet", "supply", "order", "claiming")
    }


def order_of(client: Client, user: IsolatedUser, supply: SupplyView, key: str) -> Any:
    """Order one unit."""
    body = {"wallet_id": user.wallet_id, "items": [{"supply_id": supply.id, "quantity": 1}]}
    return client.ask("POST", "/v1/orders", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("home", CELLS)
def test_a_purchase_is_made_at_home_through_any_door(cells: TwoCells, home: str) -> None:
    """Its order is in the buyer's cell, named by it, and shown by both doors; the other cell has nothing of it."""
    services = cells.services[home]
    buyer, supply = services.new_user(USDC=1000), cells.sell(home, services.new_user())
    for door in CELLS:
        answer = order_of(cells.client(door, buyer), buyer, supply, fresh_key())
        assert answer.status_code == 201, answer.text
        order = answer.json()
        assert ids.cell_of(order["id"]) == home
        assert answer.headers["X-Served-By"] == services.settings.region
        for other in CELLS:
            client = cells.client(other, buyer)
            shown = client.ask("GET", f"/v1/orders/{order['id']}")
            assert (shown.status_code, shown.json()["id"]) == (200, order["id"])
            known = client.ask("GET", f"/v1/orders/{order['id']}", headers={"If-None-Match": shown.headers["ETag"]})
            assert (known.status_code, known.content) == (304, b"")
            assert order["id"] in [each["id"] for each in client.ask("GET", "/v1/orders").json()["items"]]
            wallets = client.ask("GET", "/v1/wallets").json()["items"]
            assert [each["id"] for each in wallets] == [buyer.wallet_id]
    found = cells.orders()
    assert all(ids.cell_of(each) == cell for cell, orders in found.items() for each in orders)


@pytest.mark.parametrize("home", CELLS)
def test_one_key_is_one_order_at_both_doors(cells: TwoCells, home: str) -> None:
    """Sent eight times at once, four at each door, and again later: one effect, and one answer to the byte."""
    services = cells.services[home]
    buyer, supply = services.new_user(USDC=1000), cells.sell(home, services.new_user())
    key, before = fresh_key(), cells.orders()
    clients = [cells.client(door, buyer) for door in CELLS] * 4

    def ask(client: Client) -> Callable[[], Any]:
        return lambda: order_of(client, buyer, supply, key)

    answers = all_at_once([ask(client) for client in clients])
    assert {answer.status_code for answer in answers} <= {201, 409}
    busy = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert set(busy) <= {"IDEMPOTENCY_IN_PROGRESS"}
    later = [order_of(client, buyer, supply, key) for client in clients[:2]]
    assert [answer.status_code for answer in later] == [201, 201]
    assert [answer.headers["Idempotent-Replayed"] for answer in later] == ["true", "true"]
    assert len({answer.content for answer in (*answers, *later) if answer.status_code == 201}) == 1
    made = {cell: orders - before[cell] for cell, orders in cells.orders().items()}
    assert {cell: len(orders) for cell, orders in made.items()} == {cell: int(cell == home) for cell in CELLS}
    other = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply.id, "quantity": 2}]}
    for client in clients[:2]:
        reused = client.ask("POST", "/v1/orders", json=other, headers={"Idempotency-Key": key})
        assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_what_is_refused_is_refused_alike_at_both_doors(cells: TwoCells) -> None:
    """The same status and code, whatever is wrong: of the body, the key, the owner or the state."""
    eu = cells.services["eu"]
    buyer, stranger = eu.new_user(USDC=1000), eu.new_user()
    supply = cells.sell("eu", eu.new_user())
    placed = order_of(cells.client("eu", buyer), buyer, supply, fresh_key()).json()["id"]
    tries: list[tuple[IsolatedUser, str, str, dict[str, Any]]] = [
        (stranger, "GET", f"/v1/orders/{placed}", {}),
        (buyer, "GET", f"/v1/orders/{ids.new('ord', 'eu')}", {}),
        (buyer, "GET", f"/v1/orders/{placed}?x=1", {}),
        (buyer, "POST", "/v1/orders", {"json": {}}),
        (buyer, "POST", "/v1/orders", {"json": {"a": 1}, "headers": {"Idempotency-Key": "short"}}),
        (buyer, "POST", "/v1/orders", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        (buyer, "POST", "/v1/orders", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
        (stranger, "POST", f"/v1/orders/{placed}/cancel", {}),
        (buyer, "PATCH", f"/v1/supplies/{supply.id}", {"json": {"title": "x"}}),
        (buyer, "DELETE", f"/v1/wallets/{buyer.wallet_id}", {}),
    ]
    for user, method, path, more in tries:
        found = [cells.client(door, user).ask(method, path, **more) for door in CELLS]
        first, second = ((each.status_code, each.json()["code"], each.json().get("errors")) for each in found)
        assert first == second
        assert first[0] >= 400


def test_supplies_of_all_cells_are_one_list(cells: TwoCells) -> None:
    """At both doors, newest first; so are a merchant's orders, while a buyer's own are in one cell."""
    merchants = {cell: cells.services[cell].new_user() for cell in CELLS}
    made = [cells.sell(cell, merchants[cell]).id for cell in ("eu", "us", "eu", "us", "us", "eu")]
    for door in CELLS:
        client = cells.client(door, merchants["us"])
        shown: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while len(shown) < len(made):
            answer = client.ask("GET", "/v1/supplies", params=query)
            assert answer.status_code == 200, answer.text
            shown += [each["id"] for each in answer.json()["items"]]
            query["cursor"] = answer.json()["next_cursor"]
        assert shown == made[::-1]
        assert client.ask("GET", "/v1/orders", params={"merchant": "me"}).json()["items"] == []
