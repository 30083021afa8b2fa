"""Asking other cells for units: for so long, of whom, and what an order gets of it."""

import time
from collections.abc import Callable

import pytest

from emulators.waiting import until
from functions.order.create_order import CreateOrder
from functions.order.pricing import OrderLine
from functions.order.views import OrderView
from functions.supply.views import SupplyView
from shared.cells.asker import DRY_SECONDS, WAIT_SECONDS
from shared.contracts.gen.supply_pb2 import (
    GrantUnitsRequest,
    RequestUnitsRequest,
    RequestUnitsResponse,
    ReserveRequest,
    ReserveResponse,
)
from shared.errors import Refusal
from shared.money import Amount
from tests.functions.supply.cells import Cells
from tests.functions.supply.phases import open_phase
from tests.functions.supply.stock import an_order, release, reserve
from tests.functions.supply.test_credit_units import sell
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.stall_proxy import StallProxy


def gather(isolated: IsolatedServices, order: ReserveRequest.Order) -> tuple[bool, float]:
    """Wait for an order's units. Returns whether they came, and how many seconds it took."""
    lines = [RequestUnitsRequest.Line(supply_id=each.supply_id, quantity=each.quantity) for each in order.lines]
    request = RequestUnitsRequest(order_id=order.order_id, lines=lines)
    began = time.monotonic()
    answer = isolated.rpc("supply", "order").call("Supply.RequestUnits", request, RequestUnitsResponse)
    return answer.ready, time.monotonic() - began


def comes(isolated: IsolatedServices, order: ReserveRequest.Order) -> bool:
    """Whether an order's units come while its buyer insists: a busy machine may take longer than a request waits."""
    return until(lambda: gather(isolated, order)[0], bool, within_seconds=30)


def insist(isolated: IsolatedServices, buyer: IsolatedUser, *lines: tuple[SupplyView, int]) -> str:
    """Buy, and again as long as it is sold out here, for the same reason."""
    return until(lambda: buy(isolated, buyer, *lines), lambda code: code != "SOLD_OUT", within_seconds=30)


def buy(isolated: IsolatedServices, buyer: IsolatedUser, *lines: tuple[SupplyView, int]) -> str:
    """Buy by the whole saga of the order service; the code of a refusal, or `confirmed`."""
    items = [OrderLine(supply.id, quantity) for supply, quantity in lines]
    try:
        view: OrderView = isolated.run("create_order", request=CreateOrder(buyer.wallet_id, items), caller=buyer.caller)
    except Refusal as refusal:
        return refusal.code
    return view.status


def test_a_buyer_elsewhere_is_given_what_the_home_has(shop: Cells) -> None:
    """Order and reservation are in the buyer's cell, of units that came from the home by the answer, not by the bus."""
    _, supply = sell(shop, quantity=5, unit_price=Amount(0))
    buyer = shop["eu"].new_user()
    assert insist(shop["eu"], buyer, (supply, 3)) == "paid"
    left = shop.left(supply)
    assert [left[name][1:] for name in shop] == [(0, 0), (3, 0), (0, 0)]
    assert shop.total(supply.id) == 5  # where the other two are: a busy machine may ask twice
    assert buy(shop["eu"], buyer, (supply, 3)) == "SOLD_OUT"
    assert insist(shop["as"], shop["as"].new_user(), (supply, 2)) == "paid"
    shop.carry()  # what has come is known when it comes again
    assert sum(sum(units) for units in shop.left(supply).values()) == 5
    assert shop.contradictions() == []


def test_only_a_lack_of_units_is_worth_asking_for(shop: Cells) -> None:
    """A refusal for any other reason is none that other cells could change; in a deployment of one cell none is."""
    _, supply = sell(shop, quantity=5, per_user_limit=1)
    buyer = shop["eu"].new_user()

    def outcome(isolated: IsolatedServices, order: ReserveRequest.Order) -> tuple[str, bool]:
        request = ReserveRequest(orders=[order])
        (found,) = isolated.rpc("supply", "order").call("Supply.Reserve", request, ReserveResponse).outcomes
        return found.refusal, found.short

    assert outcome(shop["eu"], an_order(buyer, (supply, 1))) == ("SOLD_OUT", True)
    assert outcome(shop["eu"], an_order(buyer, (supply, 2))) == ("USER_LIMIT", False)


def test_one_cell_is_never_short(isolated: IsolatedServices, sell: Callable[..., SupplyView]) -> None:
    """It is sold out at once."""
    supply = sell(quantity=1)
    request = ReserveRequest(orders=[an_order(isolated.new_user(), (supply, 2))])
    (found,) = isolated.rpc("supply", "order").call("Supply.Reserve", request, ReserveResponse).outcomes
    assert (found.refusal, found.short) == ("SOLD_OUT", False)
    assert gather(isolated, request.orders[0])[0] is False


def test_a_limit_is_kept_in_the_buyers_cell(shop: Cells) -> None:
    """Whatever other cells would give."""
    _, supply = sell(shop, quantity=9, per_user_limit=2, unit_price=Amount(0))
    buyer = shop["eu"].new_user()
    assert [buy(shop["eu"], buyer, (supply, 1)) for _ in range(3)] == ["paid", "paid", "USER_LIMIT"]


def test_the_dry_are_not_asked_again_for_a_while(shop: Cells) -> None:
    """Who has nothing says so at once; for a second a request is told without another call."""
    _, supply = sell(shop, quantity=1)
    assert reserve(shop["us"], an_order(shop["us"].new_user(), (supply, 1))) == [""]
    order = an_order(shop["eu"].new_user(), (supply, 1))
    ready, seconds = gather(shop["eu"], order)
    assert not ready
    assert seconds < WAIT_SECONDS
    with shop.cut("us"), shop.cut("as"):  # nobody is called
        assert gather(shop["eu"], order)[0] is False


def test_units_that_come_back_are_found_again(shop: Cells) -> None:
    """Once it is no longer remembered that everybody was dry."""
    _, supply = sell(shop, quantity=1)
    first = an_order(shop["us"].new_user(), (supply, 1))
    reserve(shop["us"], first)
    order = an_order(shop["eu"].new_user(), (supply, 1))
    assert gather(shop["eu"], order)[0] is False
    release(shop["us"], first)
    began = time.monotonic()
    while not gather(shop["eu"], order)[0]:
        assert time.monotonic() - began < DRY_SECONDS + 2
    assert reserve(shop["eu"], order) == [""]


def test_an_unreachable_cell_is_as_a_dry_one(shop: Cells) -> None:
    """Nobody waits for it for a second; what the others have comes."""
    _, supply = sell(shop, quantity=30)
    shop.carry()
    with shop.cut("us"):
        order = an_order(shop["eu"].new_user(), (supply, 15))
        assert comes(shop["eu"], order)  # from as
        assert reserve(shop["eu"], order) == [""]
        more = an_order(shop["eu"].new_user(), (supply, 10))
        ready, seconds = gather(shop["eu"], more)
        assert not ready
        assert seconds < WAIT_SECONDS + 0.2
    assert shop.total(supply.id) == 30


def test_who_does_not_answer_is_waited_for_so_long(shop: Cells) -> None:
    """300 ms, whatever hangs."""
    _, supply = sell(shop, quantity=5)
    address = shop["us"].settings.rpc_addresses["supply"]
    with StallProxy(int(address.rpartition(":")[2])) as proxy:
        shop.link("us", f"127.0.0.1:{proxy.port}")
        try:
            order = an_order(shop["eu"].new_user(), (supply, 1))
            proxy.stall()
            ready, seconds = gather(shop["eu"], order)
        finally:
            shop.link("us")
    assert not ready
    assert WAIT_SECONDS - 0.05 < seconds < WAIT_SECONDS + 0.4


def test_a_lost_answer_costs_nothing(shop: Cells) -> None:
    """The grant is a debit and an event; the next answer brings it too, and so does the bus."""
    _, supply = sell(shop, quantity=10)
    ask = GrantUnitsRequest(supply_id=supply.id, asker="eu", units=2)
    lost = shop["us"].run("grant_units", request=ask)
    assert len(lost.grants) == 1
    assert shop.left(supply) == {"us": (8, 0, 0), "eu": (0, 0, 0), "as": (0, 0, 0)}
    order = an_order(shop["eu"].new_user(), (supply, 3))
    assert comes(shop["eu"], order)  # both grants are in one answer
    assert reserve(shop["eu"], order) == [""]
    assert shop.total(supply.id) == 10
    assert shop.violations() == []


def test_rights_in_a_phase_move_with_units(shop: Cells) -> None:
    """A cell with units and no rights in the open phase asks for those, and the cap holds over all cells."""
    _, supply = sell(shop, quantity=30, unit_price=Amount(0), phases=[open_phase("Early", cap=2)])
    shop.carry()
    assert shop.account("eu", supply.id).rights == {"Early": 0}
    assert insist(shop["eu"], shop["eu"].new_user(), (supply, 2)) == "paid"
    assert {name: shop.account(name, supply.id).rights["Early"] for name in shop} == {"us": 0, "eu": 0, "as": 0}
    assert buy(shop["us"], shop["us"].new_user(), (supply, 1)) == "SOLD_OUT"
    assert buy(shop["as"], shop["as"].new_user(), (supply, 1)) == "SOLD_OUT"
    assert shop.violations() == []


def test_orders_of_several_supplies_wait_for_all_of_them(shop: Cells) -> None:
    """All lines or none, and the units that came stay where they are wanted."""
    (_, one), (_, two) = sell(shop, quantity=2, unit_price=Amount(0)), sell(shop, quantity=2, unit_price=Amount(0))
    buyer = shop["eu"].new_user()
    order = an_order(buyer, (one, 1), (two, 2))
    assert comes(shop["eu"], order)
    assert reserve(shop["eu"], order) == [""]
    assert gather(shop["eu"], an_order(buyer, (one, 1), (two, 1)))[0] is False


def test_nobody_is_asked_for_what_the_home_has_never_given(shop: Cells) -> None:
    """The home of a small supply that is sold out knows it, and says so without a call."""
    _, supply = sell(shop, quantity=1)
    reserve(shop["us"], an_order(shop["us"].new_user(), (supply, 1)))
    with shop.cut("eu"), shop.cut("as"):
        ready, seconds = gather(shop["us"], an_order(shop["us"].new_user(), (supply, 1)))
    assert not ready
    assert seconds < WAIT_SECONDS


@pytest.mark.parametrize("name", ["request_units", "grant_units"])
def test_only_those_may(only_for_callers: Callable[[str], None], name: str) -> None:
    """The order service asks for units, and the supply service of another cell."""
    only_for_callers(name)
