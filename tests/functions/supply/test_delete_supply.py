"""Archiving a supply."""

from collections.abc import Callable
from functools import partial
from typing import Any

from emulators.demo.api_user import ApiUser, fresh_key
from functions.supply.delete_supply import DeleteSupply
from functions.supply.restock_supply import RestockSupply
from functions.supply.views import SupplyView
from shared import ids
from shared.errors import Refusal
from tests.functions.supply.stock import an_order, left, release, reserve
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import absent, refused
from tests.races import at_once

OnSale = Callable[..., dict[str, Any]]
Sell = Callable[..., SupplyView]


def path(supply: dict[str, Any]) -> str:
    return f"/v1/supplies/{supply['id']}"


def archive(isolated: IsolatedServices, seller: IsolatedUser, supply: SupplyView) -> str:
    """Archive a supply; the error code of a refusal, empty for none."""
    try:
        isolated.run("delete_supply", request=DeleteSupply(supply.id), caller=seller.caller)
    except Refusal as refusal:
        return refusal.code
    return ""


def test_it_is_archived_and_stays_to_be_seen(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """Everybody sees that it is over; nobody can buy it; archiving it again is answered alike."""
    supply = on_sale()
    for _ in range(3):
        answer = merchant.request("DELETE", path(supply))
        assert (answer.status_code, answer.content) == (204, b"")
    seen = buyer.get(path(supply))
    assert (seen["status"], seen["version"]) == ("archived", supply["version"] + 1)
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
    refused(buyer.request("POST", "/v1/orders", body, fresh_key()), 409, "NOT_ON_SALE")


def test_a_draft_that_is_archived_stays_its_merchants_own(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """What nobody has seen, nobody sees by its end: not by its id, and not in a list."""
    supply = on_sale(status="draft")
    assert merchant.request("DELETE", path(supply)).status_code == 204
    assert merchant.get(path(supply))["status"] == "archived"
    absent(buyer.request("GET", path(supply)))
    listed = buyer.get(f"/v1/supplies?status=archived&merchant_id={merchant.user_id}")["items"]
    assert supply["id"] not in [each["id"] for each in listed]


def test_what_is_reserved_keeps_it(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """While a reservation lives it is in use; once that is released, or sold, it is not."""
    supply = sell()
    order = an_order(isolated.new_user(), (supply, 1))
    reserve(isolated, order)
    assert archive(isolated, seller, supply) == "SUPPLY_IN_USE"
    release(isolated, order)
    bought = isolated.buy(isolated.new_user(USDC=1000), (supply, 1))
    assert archive(isolated, seller, supply) == "SUPPLY_IN_USE"
    isolated.deliver("commit_stock", bought.id)
    assert archive(isolated, seller, supply) == archive(isolated, seller, supply) == ""
    assert left(isolated, supply) == (9, 0, 1)
    assert [event.type for event in isolated.stream(supply.id)] == ["supply.created", "supply.archived"]
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 1))) == ["NOT_ON_SALE"]


def test_nothing_is_reserved_of_what_is_archived_at_that_moment(
    isolated: IsolatedServices, seller: IsolatedUser, sell: Sell
) -> None:
    """Either the order was first, or the merchant: never both. Restocking at the same time changes nothing in that."""
    for _ in range(12):
        supply = sell()
        order = an_order(isolated.new_user(), (supply, 1))
        more = RestockSupply(supply.id, 1)
        outcomes: list[Callable[[], Any]] = [
            partial(reserve, isolated, order),
            partial(archive, isolated, seller, supply),
            partial(isolated.run, "restock_supply", request=more, caller=seller.caller),
        ]
        reserved, archived, restocked = at_once(outcomes)
        assert (reserved, archived) in [([""], "SUPPLY_IN_USE"), (["NOT_ON_SALE"], "")]
        if archived == "SUPPLY_IN_USE":
            assert isinstance(restocked, SupplyView)
    assert isolated.violations() == []


def test_only_its_merchant_may(buyer: ApiUser, on_sale: OnSale) -> None:
    """To everybody else it is not there."""
    wanted = [on_sale(), on_sale(status="draft"), {"id": ids.new("sup", "us")}, {"id": "nonsense"}]
    absent(*(buyer.request("DELETE", path(supply)) for supply in wanted))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], on_sale: OnSale) -> None:
    """supply:write, which only merchants have."""
    guarded("delete_supply", path(on_sale()))
