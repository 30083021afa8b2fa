"""Sales in phases: the terms from Describe, and their enforcement by Reserve."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from functions.supply.requests import CreateSupply, UpdateSupply
from functions.supply.views import PhaseView, SupplyView
from shared.contracts.gen.supply_pb2 import ReserveRequest
from shared.contracts.operations import Match
from shared.errors import Malformed
from shared.money import Amount
from tests.functions.supply.phases import NOBODY, a_list, ago, an_entitled_order, describe, open_phase, proof
from tests.functions.supply.stock import an_order, left, release, reserve
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import all_at_once

Sell = Callable[..., SupplyView]
ANY = Match(None)


def in_phase(order: ReserveRequest.Order, phase: str, *, listed: bool = False, limit: int = 0) -> ReserveRequest.Order:
    for line in order.lines:
        line.phase, line.listed, line.limit = phase, listed, limit
    return order


def rephase(isolated: IsolatedServices, seller: IsolatedUser, supply: SupplyView, *phases: PhaseView) -> None:
    request = UpdateSupply(supply.id, phases=list(phases))
    isolated.run("update_supply", request=request, caller=seller.caller, match=ANY)


def test_without_phases_there_is_nothing_to_be_held_to(isolated: IsolatedServices, sell: Sell) -> None:
    """A supply sells at its own price whenever it is active; an order that names a phase is for another sale."""
    supply, somebody = sell(), isolated.new_user()
    terms = describe(isolated, somebody, supply.id)
    assert (terms.unit_price, terms.phase, terms.listed, terms.limit) == ("1000", "", False, 0)
    assert reserve(isolated, in_phase(an_order(somebody, (supply, 1)), "Early")) == ["NOT_ON_SALE"]
    assert reserve(isolated, an_order(somebody, (supply, 1))) == [""]


def test_the_open_phase_sells_at_its_price(isolated: IsolatedServices, sell: Sell) -> None:
    """Its price goes before the supply's; a phase without one sells at that."""
    somebody = isolated.new_user()
    cheap = sell(phases=[open_phase("Cheap", unit_price=Amount(7))])
    plain = sell(phases=[open_phase("Plain")])
    assert [describe(isolated, somebody, s.id).unit_price for s in (cheap, plain)] == ["7", "1000"]
    assert describe(isolated, somebody, cheap.id).phase == "Cheap"
    assert reserve(isolated, an_entitled_order(isolated, somebody, cheap.id, 1)) == [""]


@pytest.mark.parametrize(
    "phases",
    [
        [open_phase("Over", starts_at=ago(hours=2), ends_at=ago(hours=1))],
        [open_phase("To come", starts_at=ago(hours=-1), ends_at=None)],
        [open_phase("Over", starts_at=ago(hours=2), ends_at=ago(hours=1)), open_phase("Next", starts_at=ago(hours=-1))],
    ],
)
def test_between_phases_nothing_is_sold(isolated: IsolatedServices, sell: Sell, phases: list[PhaseView]) -> None:
    """Whatever phase an order says that it is for."""
    later = [PhaseView(name=p.name, starts_at=p.starts_at, ends_at=None) if p.name == "Next" else p for p in phases]
    supply, somebody = sell(phases=later), isolated.new_user()
    assert describe(isolated, somebody, supply.id).phase == ""
    for named in ("", *(phase.name for phase in phases)):
        assert reserve(isolated, in_phase(an_order(somebody, (supply, 1)), named)) == ["NOT_ON_SALE"]


def test_a_window_is_half_open(isolated: IsolatedServices, sell: Sell) -> None:
    """At the moment at which one phase ends and the next begins, it is the next that sells."""
    turn = ago(hours=-10)
    early, late = open_phase("Early", ends_at=turn), open_phase("Late", starts_at=turn, ends_at=None)
    supply, somebody = sell(phases=[late, early]), isolated.new_user()
    assert [phase.name for phase in supply.phases] == ["Early", "Late"]
    order = an_entitled_order(isolated, somebody, supply.id, 1)
    assert order.lines[0].phase == "Early"
    with isolated.later(timedelta(hours=10, seconds=1)):
        assert describe(isolated, somebody, supply.id).phase == "Late"
        assert reserve(isolated, order) == ["NOT_ON_SALE"]
    assert reserve(isolated, order) == [""]


def test_only_who_is_listed_may_buy(isolated: IsolatedServices, sell: Sell) -> None:
    """The proof of another's address, of another list, or none at all does not help."""
    somebody, stranger = isolated.new_user(), isolated.new_user()
    root, hashes = a_list(somebody.address)
    supply = sell(phases=[open_phase(allowlist_root=root)])
    good = proof(supply.id, hashes)
    assert describe(isolated, somebody, supply.id, good).listed
    for buyer, proofs in ((somebody, ()), (stranger, (good,)), (somebody, (proof(supply.id, [b"\x01" * 32]),))):
        assert not describe(isolated, buyer, supply.id, *proofs).listed
        assert reserve(isolated, an_entitled_order(isolated, buyer, supply.id, 1, *proofs)) == ["NOT_ALLOWED"]
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 1, good)) == [""]


def test_a_list_may_give_a_price_and_a_limit_of_its_own(isolated: IsolatedServices, sell: Sell) -> None:
    """They go before the phase's, in both directions; a limit of 0 leaves that, a price of 0 is free."""
    for limit, price, may in ((3, 5, 3), (0, 0, 1)):
        somebody = isolated.new_user()
        root, hashes = a_list(somebody.address, limit, price)
        phase = open_phase(per_user_limit=1, unit_price=Amount(9), allowlist_root=root)
        supply = sell(phases=[phase])
        mine = proof(supply.id, hashes, limit, price)
        terms = describe(isolated, somebody, supply.id, mine)
        assert (terms.unit_price, terms.listed, terms.limit) == (str(price), True, limit)
        assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, may + 1, mine)) == ["USER_LIMIT"]
        assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, may, mine)) == [""]
        lie = proof(supply.id, hashes, limit + 1, price)
        assert not describe(isolated, somebody, supply.id, lie).listed


def test_a_huge_limit_of_a_list_is_no_limit(isolated: IsolatedServices, sell: Sell) -> None:
    """A leaf holds any uint256; the supply's own limit holds all the same."""
    somebody = isolated.new_user()
    root, hashes = a_list(somebody.address, 2**256 - 1, 1)
    supply = sell(per_user_limit=4, phases=[open_phase(per_user_limit=1, allowlist_root=root)])
    mine = proof(supply.id, hashes, 2**256 - 1, 1)
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 5, mine)) == ["USER_LIMIT"]
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 4, mine)) == [""]


def test_a_cap_ends_a_phase_before_the_stock_does(isolated: IsolatedServices, sell: Sell) -> None:
    """Reserved units count, released ones do not, and the next phase has what is left."""
    turn = ago(hours=-2)
    phases = [open_phase("Early", ends_at=turn, cap=3), open_phase("Late", starts_at=turn, ends_at=None)]
    supply = sell(phases=phases)
    first = an_entitled_order(isolated, isolated.new_user(), supply.id, 2)
    assert reserve(isolated, first) == [""]
    second = an_entitled_order(isolated, isolated.new_user(), supply.id, 2)
    assert reserve(isolated, second) == ["SOLD_OUT"]
    release(isolated, first)
    assert reserve(isolated, second) == [""]
    with isolated.later(timedelta(hours=3)):
        assert reserve(isolated, an_entitled_order(isolated, isolated.new_user(), supply.id, 8)) == [""]
    assert left(isolated, supply) == (0, 10, 0)


def test_a_cap_holds_in_a_race(isolated: IsolatedServices, sell: Sell) -> None:
    """Of twenty buyers at once for five units of a phase five get one."""
    supply = sell(quantity=50, phases=[open_phase(cap=5)])
    orders = [an_entitled_order(isolated, isolated.new_user(), supply.id, 1) for _ in range(20)]
    answers = all_at_once([partial(reserve, isolated, order) for order in orders])
    assert sorted(answers) == [[""]] * 5 + [["SOLD_OUT"]] * 15
    assert left(isolated, supply) == (45, 5, 0)


@pytest.mark.parametrize("whose", ["the supply's", "the phase's"])
def test_a_buyers_limit_holds_in_a_race(isolated: IsolatedServices, sell: Sell, whose: str) -> None:
    """Of twenty orders of one buyer at once three are reserved."""
    limit = 3
    if whose == "the supply's":
        supply = sell(quantity=50, per_user_limit=limit)
    else:
        supply = sell(quantity=50, phases=[open_phase(per_user_limit=limit)])
    somebody = isolated.new_user()
    orders = [an_entitled_order(isolated, somebody, supply.id, 1) for _ in range(20)]
    answers = all_at_once([partial(reserve, isolated, order) for order in orders])
    assert sorted(answers) == [[""]] * limit + [["USER_LIMIT"]] * 17
    assert left(isolated, supply) == (47, 3, 0)


def test_a_phases_limit_counts_in_that_phase_and_the_supplys_in_all(isolated: IsolatedServices, sell: Sell) -> None:
    """Two in the first phase leave two for the second, but three in all."""
    turn = ago(hours=-2)
    phases = [
        open_phase("Early", ends_at=turn, per_user_limit=2),
        open_phase("Late", starts_at=turn, ends_at=None, per_user_limit=2),
    ]
    supply, somebody = sell(per_user_limit=3, phases=phases), isolated.new_user()
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 3)) == ["USER_LIMIT"]
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 2)) == [""]
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 1)) == ["USER_LIMIT"]
    with isolated.later(timedelta(hours=3)):
        assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 2)) == ["USER_LIMIT"]
        assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 1)) == [""]


def test_a_phases_limit_holds_in_a_race(isolated: IsolatedServices, sell: Sell) -> None:
    """Of two concurrent orders of one buyer that together exceed it one is refused."""
    supply, somebody = sell(phases=[open_phase(per_user_limit=2)]), isolated.new_user()
    orders = [an_entitled_order(isolated, somebody, supply.id, 2) for _ in range(4)]
    answers = all_at_once([partial(reserve, isolated, order) for order in orders])
    assert sorted(answers) == [[""], *[["USER_LIMIT"]] * 3]


def test_the_gravest_reason_is_reported(isolated: IsolatedServices, sell: Sell) -> None:
    """Closed before not listed, that before the limit, that before sold out."""
    somebody = isolated.new_user()
    supply = sell(quantity=1, phases=[open_phase(allowlist_root=NOBODY, per_user_limit=1)])
    assert reserve(isolated, in_phase(an_order(somebody, (supply, 2)), "Other")) == ["NOT_ON_SALE"]
    assert reserve(isolated, in_phase(an_order(somebody, (supply, 2)), "Now")) == ["NOT_ALLOWED"]
    assert reserve(isolated, in_phase(an_order(somebody, (supply, 2)), "Now", listed=True)) == ["USER_LIMIT"]
    assert reserve(isolated, in_phase(an_order(somebody, (supply, 2)), "Now", listed=True, limit=2)) == ["SOLD_OUT"]


def test_lines_of_one_supply_are_entitled_alike(isolated: IsolatedServices, sell: Sell) -> None:
    """Anything else is an error of the caller: which line's limit were to hold?"""
    order = an_order(isolated.new_user(), (supply := sell(phases=[open_phase()]), 1), (supply, 1))
    in_phase(order, "Now").lines[0].limit = 1
    with pytest.raises(Malformed):
        reserve(isolated, order)


def test_changed_phases_keep_their_count(isolated: IsolatedServices, seller: IsolatedUser, sell: Sell) -> None:
    """A cap that is lowered below what is taken sells no more, and breaks no invariant; so does a lower limit."""
    supply, somebody = sell(phases=[open_phase(cap=9, per_user_limit=9)]), isolated.new_user()
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 4)) == [""]
    rephase(isolated, seller, supply, open_phase(cap=3))
    assert reserve(isolated, an_entitled_order(isolated, isolated.new_user(), supply.id, 1)) == ["SOLD_OUT"]
    rephase(isolated, seller, supply, open_phase(per_user_limit=3))
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 1)) == ["USER_LIMIT"]
    rephase(isolated, seller, supply)
    rephase(isolated, seller, supply, open_phase(cap=5))
    assert reserve(isolated, an_entitled_order(isolated, isolated.new_user(), supply.id, 2)) == ["SOLD_OUT"]
    assert reserve(isolated, an_entitled_order(isolated, isolated.new_user(), supply.id, 1)) == [""]
    assert isolated.violations() == []


@pytest.mark.parametrize(
    ("phases", "field"),
    [
        ([open_phase("A"), open_phase("A", starts_at=ago(hours=-1), ends_at=None)], "phases[1].name"),
        ([open_phase("A", starts_at=ago(hours=1), ends_at=ago(hours=1.5))], "phases[0].ends_at"),
        ([open_phase("A"), open_phase("B")], "phases[1].starts_at"),
        (
            [open_phase("A", ends_at=None), open_phase("B", starts_at=ago(hours=-9), ends_at=None)],
            "phases[1].starts_at",
        ),
        ([open_phase("B", starts_at=ago(hours=0.5)), open_phase("A")], "phases[0].starts_at"),
    ],
)
def test_phases_that_make_no_sense_are_refused(
    isolated: IsolatedServices, seller: IsolatedUser, phases: list[PhaseView], field: str
) -> None:
    """Two of a name, one that ends before it starts, two that overlap: each error names the phase's index."""
    request = CreateSupply(title="A thing", currency="USDC", unit_price=Amount(1), quantity=1, phases=phases)
    with pytest.raises(Malformed) as refusal:
        isolated.run("create_supply", request=request, caller=seller.caller)
    assert refusal.value.errors[0]["field"] == field


def test_an_instant_at_its_end_is_no_phase(isolated: IsolatedServices, seller: IsolatedUser) -> None:
    """A window without a moment in it is refused."""
    at = ago(hours=1)
    request = CreateSupply("A thing", "USDC", Amount(1), 1, phases=[open_phase(starts_at=at, ends_at=at)])
    with pytest.raises(Malformed):
        isolated.run("create_supply", request=request, caller=seller.caller)
