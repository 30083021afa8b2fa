"""Supplies of other cells are here as copies, for eventual reads and for orders; strong lists are of this cell's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from functions import main
from functions.notification.domain.recipients import notices
from functions.supply.delete_supply import DeleteSupply
from functions.supply.get_supply import GetSupply
from functions.supply.list_supplies import ListSupplies
from functions.supply.requests import UpdateSupply
from functions.supply.restock_supply import RestockSupply
from functions.supply.views import PhaseView, SupplyView
from shared import ids
from shared.contracts.events import StoredEvent, decode_event
from shared.contracts.operations import Match
from shared.errors import NotFound
from shared.money import Amount
from tests.isolated_services import IsolatedServices, IsolatedUser

Sell = Callable[..., SupplyView]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PHASES = [
    PhaseView(name="early", starts_at=LONG_AGO, ends_at=LONG_AGO + timedelta(days=1), unit_price=Amount(900), cap=3),
    PhaseView(name="open", starts_at=LONG_AGO + timedelta(days=2), per_user_limit=2, allowlist_root="0x" + "ab" * 32),
]


def abroad(isolated: IsolatedServices, supply_id: str) -> list[StoredEvent]:
    """The events of a supply of this cell, as if it and its home were another one."""
    text = msgspec.json.encode(isolated.stream(supply_id)).decode()
    events = msgspec.json.decode(text.replace(supply_id, there(supply_id)), type=list[StoredEvent])
    return [msgspec.structs.replace(each, id=each.id.replace("evt_us_", "evt_eu_")) for each in events]


def there(supply_id: str) -> str:
    """The id of its twin in another cell."""
    return supply_id.replace("sup_us_", "sup_eu_")


def replicate(isolated: IsolatedServices, supply_id: str) -> None:
    """Deliver all that happened to the twin of a supply."""
    for event in abroad(isolated, supply_id):
        isolated.receive("replicate_supply", event)


def copy(isolated: IsolatedServices, supply_id: str) -> SupplyView:
    """The copy of its twin, as anybody sees it. Raises NotFound."""
    bound = isolated.bound("get_supply")
    view: SupplyView = bound.run(request=GetSupply(supply_id=there(supply_id)), caller=isolated.new_user().caller)
    return view


def shown(view: SupplyView) -> dict[str, Any]:
    """What is to be the same in a copy."""
    return {name: getattr(view, name) for name in view.__struct_fields__ if name not in ("id", "asset")}


def at_home(isolated: IsolatedServices, seller: IsolatedUser, supply_id: str) -> SupplyView:
    view: SupplyView = isolated.run("get_supply", request=GetSupply(supply_id=supply_id), caller=seller.caller)
    return view


def change(isolated: IsolatedServices, seller: IsolatedUser, view: SupplyView, **changes: Any) -> SupplyView:
    """Update a supply."""
    given = {"request": UpdateSupply(supply_id=view.id, **changes), "caller": seller.caller}
    changed: SupplyView = isolated.run("update_supply", **given, match=Match(frozenset({str(view.version)})))
    return changed


def test_a_copy_is_what_its_home_shows(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """With phases, limits and units, after every change; it has no stock here, and its stream is only the home's."""
    supply = sell(title="First", description="Words", per_user_limit=4, phases=PHASES, quantity=20)
    replicate(isolated, supply.id)
    assert shown(copy(isolated, supply.id)) == shown(supply)
    changed = change(isolated, seller, supply, title="Second", unit_price=Amount(7), phases=[], per_user_limit=None)
    isolated.run("restock_supply", request=RestockSupply(supply_id=supply.id, quantity=5), caller=seller.caller)
    replicate(isolated, supply.id)
    found = copy(isolated, supply.id)
    assert (found.title, found.unit_price, found.phases, found.per_user_limit) == ("Second", 7, [], None)
    assert (found.quantity, found.available, found.version) == (25, 25, changed.version)
    where = {"id": there(supply.id)}
    assert isolated.probe.rows("supply", "SELECT * FROM stock WHERE supply_id = :id", **where) == []
    assert isolated.probe.rows("supply", "SELECT * FROM events WHERE stream = :id", **where) == []


def test_a_draft_stays_at_home(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """Until it is put on sale; then it is here with all that happened before."""
    draft = sell(status="draft", quantity=3)
    isolated.run("restock_supply", request=RestockSupply(supply_id=draft.id, quantity=4), caller=seller.caller)
    replicate(isolated, draft.id)
    with pytest.raises(NotFound):
        copy(isolated, draft.id)
    change(isolated, seller, draft, status="active")
    replicate(isolated, draft.id)
    found = copy(isolated, draft.id)
    assert (found.status, found.quantity, found.available) == ("active", 7, 7)


def test_it_ends_as_its_home_says(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """Sold out, and archived for good: whatever is applied anew before, it does not come back on sale."""
    gone, sold = sell(), sell(quantity=2)
    isolated.run("delete_supply", request=DeleteSupply(supply_id=gone.id), caller=seller.caller)
    isolated.deliver("commit_stock", isolated.buy(isolated.new_user(USDC=10_000), (sold, 2)).id)
    for each in (gone, sold):
        replicate(isolated, each.id)
    assert copy(isolated, gone.id).status == "archived"
    found = copy(isolated, sold.id)
    assert (found.status, found.quantity, found.available, found.sold) == ("sold_out", 2, 0, 2)
    created, *_ = abroad(isolated, gone.id)
    isolated.handle("replicate_supply", created)
    assert copy(isolated, gone.id).status == "archived"


def test_events_of_earlier_releases_are_passed_over(
    isolated: IsolatedServices, seller: IsolatedUser, sell: Sell
) -> None:
    """They do not say enough for a copy; the supply appears with its next change."""
    supply = sell()
    changed = change(isolated, seller, supply, title="Another")
    created, updated = abroad(isolated, supply.id)
    data = {name: value for name, value in created.data.items() if name != "terms"}
    isolated.receive("replicate_supply", msgspec.structs.replace(created, data=data))
    with pytest.raises(NotFound):
        copy(isolated, supply.id)
    isolated.receive("replicate_supply", updated)
    assert shown(copy(isolated, supply.id)) == shown(changed)


def test_own_supplies_are_no_copies(isolated: IsolatedServices, sell: Sell) -> None:
    """This cell's events are foreign to the row, so that nothing of its own is ever written by it."""
    supply = sell()
    assert {isolated.receive("replicate_supply", each) for each in isolated.stream(supply.id)} == {"foreign"}


def test_strong_lists_are_of_this_cell(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """Eventual ones are of all, by age, page by page; with a status and other filters alike."""
    merchant = isolated.new_user()
    made = [isolated.sell(merchant) for _ in range(3)]
    for each in made[:2]:
        replicate(isolated, each.id)
    request = ListSupplies(merchant_id=merchant.user_id, status="active")
    strong = isolated.run("list_supplies", request=request, caller=seller.caller)
    assert [each.id for each in strong.items] == [each.id for each in reversed(made)]
    known = {each.id for each in made} | {there(each.id) for each in made[:2]}
    wanted = sorted(known, key=ids.age_of, reverse=True)
    found: list[str] = []
    cursor = None
    while not found or cursor:
        page = eventual_page(isolated, seller, request, cursor)
        found += [each.id for each in page.items]
        cursor = page.next_cursor
    assert found == wanted


def eventual_page(isolated: IsolatedServices, viewer: IsolatedUser, request: ListSupplies, cursor: str | None) -> Any:
    """A page of what is known here."""
    bound = isolated.bound("list_supplies")
    asked = msgspec.structs.replace(request, cursor=cursor, limit=2)
    with bound.database().transaction() as transaction:
        return bound.call(transaction, eventual=True, request=asked, caller=viewer.caller)


def test_copies_can_be_rebuilt(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """The live rows are those that the events of their homes make, and a row that differs is found."""
    supply = sell(phases=PHASES)
    change(isolated, seller, supply, title="Another")
    isolated.run("restock_supply", request=RestockSupply(supply_id=supply.id, quantity=5), caller=seller.caller)
    replicate(isolated, supply.id)
    events = {there(supply.id): abroad(isolated, supply.id)}
    with patch.object(main, "resources", lambda: isolated.resources):
        (copies,) = (projection for service, projection in main.projections() if service == "supply")
    assert copies.name == "copies of supplies"
    database = isolated.resources.database("supply")
    with database.transaction() as transaction:
        copies.queries.shadow(transaction)
        copies.project(transaction, events[there(supply.id)])
        mine = {"after": there(supply.id)[:-1], "until": there(supply.id)}
        assert copies.queries.compare(transaction, **mine) == []
        transaction.count("UPDATE pg_temp.supplies SET title = 'Third'", {})
        assert [row["subject"] for row in copies.queries.compare(transaction, **mine)] == [there(supply.id)]


def test_a_webhook_shows_no_copies(isolated: IsolatedServices, sell: Sell) -> None:
    """What events say for other cells is left out of what users are sent."""
    (created,) = isolated.stream(sell().id)
    event = decode_event(created)
    assert "terms" in event.fields
    assert [set(each.data) & {"terms", "stock"} for each in notices(event.type, event.fields)] == [set()]
