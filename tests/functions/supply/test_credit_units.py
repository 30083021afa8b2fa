"""Grants of units: what leaves one cell arrives in another once, whatever becomes of the messages."""

import random
from collections import Counter
from typing import Any

import pytest

from functions.supply.requests import UpdateSupply
from functions.supply.restock_supply import RestockSupply
from functions.supply.views import SupplyView
from shared.cells.quota import Account, Ask, Grant
from shared.contracts.events import StoredEvent
from shared.contracts.gen.supply_pb2 import GrantUnitsRequest
from shared.contracts.operations import Match
from shared.errors import MeridianError
from tests.functions.supply.cells import Cells
from tests.functions.supply.phases import open_phase
from tests.functions.supply.stock import an_order, reserve
from tests.isolated_services import IsolatedUser

ANY = Match(None)


def sell(shop: Cells, **terms: Any) -> tuple[IsolatedUser, SupplyView]:
    """A merchant of us, and a supply of theirs whose terms every cell knows."""
    merchant = shop["us"].new_user()
    supply = shop["us"].sell(merchant, **terms)
    shop.publish(supply.id)
    return merchant, supply


def test_thirty_units_are_shared_at_once(shop: Cells) -> None:
    """Each cell sells a third from the start, with a third of each cap that is large enough; fewer stay at home."""
    _, supply = sell(shop, quantity=31, phases=[open_phase("Early", cap=7)])
    shop.carry()
    shares = {name: shop.account(name, supply.id) for name in shop}
    assert {name: (each.available, each.rights) for name, each in shares.items()} == {
        "us": (11, {"Early": 3}),
        "eu": (10, {"Early": 2}),
        "as": (10, {"Early": 2}),
    }
    _, few = sell(shop, quantity=29)
    shop.carry()
    assert shop.left(few) == {"us": (29, 0, 0), "eu": (0, 0, 0), "as": (0, 0, 0)}
    assert shop.violations() == []


def test_a_draft_is_shared_when_it_goes_on_sale(shop: Cells) -> None:
    """Nobody else sells a draft; units that are added later are shared as well, and caps once."""
    merchant, supply = sell(shop, quantity=30, status="draft", phases=[open_phase("Early", cap=3)])
    assert shop.events("us")[-1].data["supply_id"] != supply.id
    shop["us"].run("update_supply", request=UpdateSupply(supply.id, status="active"), caller=merchant.caller, match=ANY)
    shop["us"].run("restock_supply", request=RestockSupply(supply.id, 60), caller=merchant.caller)
    shop["us"].run("restock_supply", request=RestockSupply(supply.id, 29), caller=merchant.caller)
    shop.publish(supply.id)
    shop.carry()
    assert shop.left(supply) == {"us": (59, 0, 0), "eu": (30, 0, 0), "as": (30, 0, 0)}
    assert [shop.account(name, supply.id).rights for name in shop] == [{"Early": 1}] * 3
    shown = shop["us"].run("restock_supply", request=RestockSupply(supply.id, 1), caller=merchant.caller)
    assert (shown.quantity, shown.available) == (120, 120)


def test_a_grant_is_credited_once(shop: Cells) -> None:
    """However often it comes, and by whichever way."""
    _, supply = sell(shop, quantity=30)
    grant = next(e for e in shop.events("us") if e.data["supply_id"] == supply.id and e.data["receiver"] == "eu")
    assert [shop.hand(grant) for _ in range(3)] == ["applied", "known", "known"]
    assert shop.account("eu", supply.id).available == 10
    with pytest.raises(MeridianError, match="credited after 1"):
        shop["eu"].handle("credit_units", grant)  # past its inbox
    assert shop.account("eu", supply.id).available == 10


def test_units_arrive_before_the_terms_do(shop: Cells) -> None:
    """They wait in the cell's stock; nothing of an unknown supply sells."""
    merchant = shop["us"].new_user()
    supply = shop["us"].sell(merchant, quantity=30)
    shop.carry()
    assert shop.account("eu", supply.id).available == 10
    buyer = shop["eu"].new_user()
    assert reserve(shop["eu"], an_order(buyer, (supply, 1))) == ["NOT_ON_SALE"]
    shop.publish(supply.id)
    assert reserve(shop["eu"], an_order(buyer, (supply, 1))) == [""]


def test_what_is_for_another_cell_is_left_alone(shop: Cells) -> None:
    """As on a bus that brings a cell's own events to it."""
    _, supply = sell(shop, quantity=30)
    grant = next(e for e in shop.events("us") if e.data["supply_id"] == supply.id and e.data["receiver"] == "eu")
    before = shop.left(supply)
    shop["as"].handle("credit_units", grant)
    shop["us"].handle("credit_units", grant)
    assert shop.left(supply) == before


@pytest.mark.parametrize("seed", range(2))
def test_the_rows_are_the_account_of_the_protocol(shop: Cells, seed: int) -> None:
    """Three cells sell, give and receive at random: after each step every cell's rows are what the pure state machine
    makes of the same step, and no unit or right is created or lost.
    """
    chance = random.Random(seed)
    cap = chance.randint(5, 20)
    _, supply = sell(shop, quantity=chance.randint(10, 60), phases=[open_phase("Early", cap=cap)])
    names, buyers = list(shop), {name: shop[name].new_user() for name in shop}
    model = {name: shop.account(name, supply.id) for name in names}
    credited: Counter[str] = Counter()
    for _ in range(25):
        name = chance.choice(names)
        match chance.randrange(3):
            case 0:
                units = chance.randint(1, 3)
                order = an_order(buyers[name], (supply, units))
                order.lines[0].phase = "Early"
                fits = units <= model[name].sellable("Early")
                assert reserve(shop[name], order) == ["" if fits else "SOLD_OUT"]
                model[name] = model[name].reserve(units, "Early") if fits else model[name]
            case 1:
                asker = chance.choice([each for each in names if each != name])
                wanted = Ask(0, supply.id, asker, chance.randint(0, 5), "Early", chance.randint(0, 5))
                shop[name].run("grant_units", request=an_ask(wanted))
                model[name], _ = model[name].give(wanted, 0) or (model[name], None)
            case 2:
                grants = [e for e in shop.events(name, ["supply.quota.moved"]) if e.data["supply_id"] == supply.id]
                arriving = [each for each in grants if each.version == credited[each.stream] + 1]
                for event in chance.sample(arriving, min(1, len(arriving))):
                    assert [shop.hand(event), shop.hand(event)] == ["applied", "known"]
                    credited[event.stream] += 1
                    to = event.data["receiver"]
                    model[to] = model[to].credit(granted(event))
        for each in names:
            assert essence(shop.account(each, supply.id)) == essence(model[each]), each
        assert shop.total(supply.id) == supply.quantity
    shop.carry(chance)
    accounts = [shop.account(name, supply.id) for name in names]
    assert sum(each.rights["Early"] + each.reserved for each in accounts) == cap
    assert shop.violations() == []


def an_ask(ask: Ask) -> GrantUnitsRequest:
    """An ask as a cell sends it."""
    return GrantUnitsRequest(
        supply_id=ask.supply, asker=ask.asker, units=ask.units, phase=ask.phase, rights=ask.rights, received=0
    )


def granted(event: StoredEvent) -> Grant:
    """The grant in an event."""
    data = event.data
    rights = {part["phase"]: part["units"] for part in data["rights"]}
    return Grant(data["supply_id"], data["giver"], data["receiver"], event.version, data["units"], rights)


def essence(account: Account) -> tuple[object, ...]:
    """What counts of an account; streams without a grant and phases without rights are not told apart from none."""
    given = {peer: version for peer, version in account.given.items() if version}
    rights = {phase: left for phase, left in account.rights.items() if left}
    return account.available, account.reserved, account.sold, rights, given, account.closed
