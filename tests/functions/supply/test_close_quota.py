"""Deleting a supply that several cells sell: it is paused, every cell closes, and only then is it gone."""

from collections.abc import Callable

from functions.supply.delete_supply import DeleteSupply
from functions.supply.requests import UpdateSupply
from functions.supply.views import SupplyView
from shared.contracts.gen.supply_pb2 import CloseQuotaRequest
from shared.contracts.operations import Match
from shared.errors import MeridianError
from tests.functions.supply.cells import Cells
from tests.functions.supply.stock import an_order, release, reserve
from tests.functions.supply.test_credit_units import sell
from tests.functions.supply.test_request_units import comes
from tests.isolated_services import IsolatedUser


def delete(shop: Cells, merchant: IsolatedUser, supply: SupplyView) -> str:
    """Delete a supply at its home, and tell every cell its terms; the error's code, empty for none."""
    try:
        shop["us"].run("delete_supply", request=DeleteSupply(supply.id), caller=merchant.caller)
    except MeridianError as error:
        return error.code
    finally:
        shop.publish(supply.id)
    return ""


def status(shop: Cells, supply: SupplyView) -> str:
    """A supply's status at home."""
    (row,) = shop["us"].probe.rows("supply", "SELECT status FROM supplies WHERE id = :id", id=supply.id)
    return str(row["status"])


def activate(shop: Cells, merchant: IsolatedUser, supply: SupplyView) -> None:
    """Have it sell again."""
    request = UpdateSupply(supply.id, status="active")
    shop["us"].run("update_supply", request=request, caller=merchant.caller, match=Match(None))
    shop.publish(supply.id)


def test_every_cell_closes_and_returns_what_it_has(shop: Cells) -> None:
    """The home has it all, sold units stay where they are, and nothing sells any more; again changes nothing."""
    merchant, supply = sell(shop, quantity=30)
    shop.carry()
    assert [delete(shop, merchant, supply) for _ in range(2)] == ["", ""]
    assert status(shop, supply) == "archived"
    shop.carry()
    assert shop.left(supply) == {"us": (30, 0, 0), "eu": (0, 0, 0), "as": (0, 0, 0)}
    types = [event.type for event in shop["us"].stream(supply.id)]
    assert types == ["supply.created", "supply.updated", "supply.archived"]
    for name in shop:
        assert reserve(shop[name], an_order(shop[name].new_user(), (supply, 1))) == ["NOT_ON_SALE"]
    assert shop.violations() == []


def test_a_reservation_anywhere_keeps_it(shop: Cells) -> None:
    """409; it stays paused, so that it can be deleted once the order has ended, or go on being sold."""
    merchant, supply = sell(shop, quantity=30)
    shop.carry()
    order = an_order(shop["as"].new_user(), (supply, 1))
    assert reserve(shop["as"], order) == [""]
    assert delete(shop, merchant, supply) == "SUPPLY_IN_USE"
    assert status(shop, supply) == "paused"
    release(shop["as"], order)
    assert delete(shop, merchant, supply) == ""
    assert sum(shop.account(name, supply.id).quota for name in shop) == 30


def test_a_reservation_that_the_home_knows_of_changes_nothing(shop: Cells) -> None:
    """Its own, or a reported one: then the supply goes on being sold."""
    merchant, supply = sell(shop, quantity=30)
    shop.carry()
    order = an_order(shop["as"].new_user(), (supply, 1))
    reserve(shop["as"], order)
    shop["as"].run("report_sales")
    shop.carry()
    assert delete(shop, merchant, supply) == "SUPPLY_IN_USE"
    assert status(shop, supply) == "active"
    release(shop["as"], order)


def test_an_unreachable_cell_leaves_it_paused(shop: Cells) -> None:
    """503; what has closed stays closed until it is active again, wherever the news of that has come."""
    merchant, supply = sell(shop, quantity=30)
    shop.carry()
    with shop.cut("as"):
        assert delete(shop, merchant, supply) == "UNAVAILABLE"
    assert status(shop, supply) == "paused"
    assert shop.account("eu", supply.id).closed
    activate(shop, merchant, supply)
    assert not shop.account("eu", supply.id).closed
    order = an_order(shop["as"].new_user(), (supply, 2))
    assert reserve(shop["as"], order) == [""]
    release(shop["as"], order)
    assert delete(shop, merchant, supply) == ""
    assert shop.violations() == []


def test_a_late_request_to_close_closes_nothing(shop: Cells) -> None:
    """One of a deletion that was given up: the units go home, and come back when they are wanted."""
    merchant, supply = sell(shop, quantity=30)
    shop.carry()
    with shop.cut("eu"):
        assert delete(shop, merchant, supply) == "UNAVAILABLE"
    activate(shop, merchant, supply)
    late = CloseQuotaRequest(supply_id=supply.id, version=supply.version + 1)
    assert shop["eu"].run("close_quota", request=late).closed
    shop.carry()
    assert (shop.account("eu", supply.id).closed, shop.account("eu", supply.id).available) == (False, 0)
    order = an_order(shop["eu"].new_user(), (supply, 1))
    assert comes(shop["eu"], order)
    assert reserve(shop["eu"], order) == [""]
    assert shop.total(supply.id) == 30


def test_units_under_way_do_not_sell_in_a_closed_cell(shop: Cells) -> None:
    """They arrive after it has closed; a repeat returns them."""
    merchant, supply = sell(shop, quantity=30)
    assert delete(shop, merchant, supply) == ""
    shop.carry()
    assert shop.account("eu", supply.id).available == 10
    assert reserve(shop["eu"], an_order(shop["eu"].new_user(), (supply, 1))) == ["NOT_ON_SALE"]
    again = CloseQuotaRequest(supply_id=supply.id, version=9, received=0)
    assert len(shop["eu"].run("close_quota", request=again).grants) == 1
    assert shop.total(supply.id) == 30
    assert shop.violations() == []


def test_only_the_supply_service_may(only_for_callers: Callable[[str], None]) -> None:
    """That of the home."""
    only_for_callers("close_quota")
