"""What cells report of their sales, and what the home makes of it."""

from functions.supply.get_supply import GetSupply
from functions.supply.views import SupplyView
from shared.money import Amount
from tests.functions.supply.cells import Cells
from tests.functions.supply.stock import an_order, release, reserve
from tests.functions.supply.test_credit_units import sell
from tests.functions.supply.test_request_units import buy
from tests.isolated_services import IsolatedServices


def shown(shop: Cells, supply: SupplyView) -> tuple[int, int, int, int, str]:
    """What the home shows of a supply: (quantity, available, reserved, sold, status)."""
    caller = shop["us"].new_user().caller
    view: SupplyView = shop["us"].run("get_supply", request=GetSupply(supply.id), caller=caller)
    return view.quantity, view.available, view.reserved, view.sold, view.status


def pay_for(isolated: IsolatedServices, supply: SupplyView, units: int) -> None:
    """Sell units of a free supply, up to the event that commits them."""
    buyer = isolated.new_user()
    assert buy(isolated, buyer, (supply, units)) == "paid"
    (order,) = isolated.probe.rows("order", "SELECT id FROM orders WHERE user_id = :id", id=buyer.user_id)
    isolated.deliver("commit_stock", order["id"])


def test_the_home_shows_the_sum_of_what_it_knows(shop: Cells) -> None:
    """What cells reported, whatever is under way; every cell reports once, however much it has sold since."""
    shop["eu"].run("report_sales")
    _, supply = sell(shop, quantity=30, unit_price=Amount(0))
    assert shown(shop, supply) == (30, 30, 0, 0, "active")
    shop.carry()
    assert shown(shop, supply) == (30, 30, 0, 0, "active")
    pay_for(shop["eu"], supply, 4)
    for _ in range(3):
        reserve(shop["eu"], an_order(shop["eu"].new_user(), (supply, 1)))
    pay_for(shop["us"], supply, 2)
    before = len(shop.events("eu", ["supply.counted"]))
    assert [shop["eu"].run("report_sales") for _ in range(2)] == [{"reported": 1}, {"reported": 0}]
    assert len(shop.events("eu", ["supply.counted"])) == before + 1
    shop.carry()
    assert shown(shop, supply) == (30, 21, 3, 6, "active")
    assert shop["us"].run("report_sales") == {"reported": 0}  # the home has nobody to report to


def test_only_the_home_says_sold_out(shop: Cells) -> None:
    """Once the last unit is sold, in whichever cell, and once for each time that it is."""
    _, supply = sell(shop, quantity=30, unit_price=Amount(0))
    shop.carry()
    pay_for(shop["us"], supply, 10)
    pay_for(shop["as"], supply, 10)
    pay_for(shop["eu"], supply, 10)
    for name in ("eu", "as"):
        shop[name].run("report_sales")
        assert [event.type for event in shop["us"].stream(supply.id)] == ["supply.created"]
        assert shop[name].stream(supply.id) == []
        shop.carry()
    _, sold_out = shop["us"].stream(supply.id)
    assert (sold_out.type, sold_out.version, sold_out.data["quantity"]) == ("supply.sold_out", 2, 30)
    assert shown(shop, supply) == (30, 0, 0, 30, "sold_out")
    for event in shop.events("eu") + shop.events("as"):
        assert shop.hand(event) == "known"
    assert shop.violations() == []


def test_the_home_itself_may_sell_the_last_one(shop: Cells) -> None:
    """After the others have reported theirs."""
    _, supply = sell(shop, quantity=30, unit_price=Amount(0))
    shop.carry()
    for name in ("eu", "as"):
        pay_for(shop[name], supply, 10)
        shop[name].run("report_sales")
    shop.carry()
    pay_for(shop["us"], supply, 10)
    assert [event.type for event in shop["us"].stream(supply.id)] == ["supply.created", "supply.sold_out"]


def test_an_older_report_changes_nothing(shop: Cells) -> None:
    """The inbox keeps the order; whatever gets past it counts by the changes of the stock that it is of."""
    _, supply = sell(shop, quantity=30)
    shop.carry()
    order = an_order(shop["eu"].new_user(), (supply, 2))
    reserve(shop["eu"], order)
    shop["eu"].run("report_sales")
    release(shop["eu"], order)
    shop["eu"].run("report_sales")
    older, newer = [e for e in shop.events("eu", ["supply.counted"]) if e.data["supply_id"] == supply.id]
    for event in (newer, older):
        shop["us"].handle("count_sales", event)
    assert shown(shop, supply) == (30, 30, 0, 0, "active")
    shop["as"].handle("count_sales", older)  # it is for the home alone
    assert shop["as"].probe.rows("supply", "SELECT * FROM counted") == []
