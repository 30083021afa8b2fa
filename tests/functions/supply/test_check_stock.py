"""Telling the order service whether a buyer may buy units of supplies."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.supply.views import SupplyView
from shared import ids
from shared.contracts.gen.supply_pb2 import CheckRequest, CheckResponse, Proof
from shared.errors import Malformed
from shared.money import Amount
from tests.functions.supply.phases import NOBODY, a_list, open_phase, proof
from tests.functions.supply.stock import an_order, left, reserve
from tests.isolated_services import IsolatedServices, IsolatedUser

Sell = Callable[..., SupplyView]


def check(
    isolated: IsolatedServices, somebody: IsolatedUser, *lines: tuple[str, int], proofs: tuple[Proof, ...] = ()
) -> list[CheckResponse.Outcome]:
    requested = CheckRequest(user_id=somebody.user_id, address=somebody.address, proofs=proofs)
    for supply_id, quantity in lines:
        requested.lines.add(supply_id=supply_id, quantity=quantity)
    answer = isolated.rpc("supply", "order").call("Supply.Check", requested, CheckResponse)
    return list(answer.outcomes)


def test_each_supply_is_judged_by_every_rule(isolated: IsolatedServices, sell: Sell) -> None:
    """As Reserve would, with every reason in place of the gravest; and nothing is reserved."""
    somebody = isolated.new_user()
    root, hashes = a_list(somebody.address, 3, 7)
    free, limited = sell(), sell(quantity=1, per_user_limit=1)
    listed = sell(phases=[open_phase("Friends", allowlist_root=root)])
    closed = sell(phases=[open_phase(allowlist_root=NOBODY, unit_price=Amount(0))])
    mine = proof(listed.id, hashes, 3, 7)
    wanted = [(free.id, 1), (limited.id, 2), (listed.id, 3), (closed.id, 1)]
    answer = {each.supply_id: each for each in check(isolated, somebody, *wanted, proofs=(mine,))}
    reported: dict[str, tuple[Any, ...]] = {
        supply_id: (
            list(each.reasons),
            each.unit_price,
            each.limit_remaining if each.HasField("limit_remaining") else None,
            each.phase,
        )
        for supply_id, each in answer.items()
    }
    assert reported == {
        free.id: ([], "1000", None, ""),
        limited.id: (["USER_LIMIT", "SOLD_OUT"], "1000", 1, ""),
        listed.id: ([], "7", 3, "Friends"),
        closed.id: (["NOT_ALLOWED"], "0", None, "Now"),
    }
    assert left(isolated, free) == (10, 0, 0)


def test_what_a_buyer_has_counts(isolated: IsolatedServices, sell: Sell) -> None:
    """Reserved units leave less of the limit."""
    supply, somebody = sell(per_user_limit=3), isolated.new_user()
    reserve(isolated, an_order(somebody, (supply, 2)))
    (outcome,) = check(isolated, somebody, (supply.id, 2))
    assert (list(outcome.reasons), outcome.limit_remaining) == (["USER_LIMIT"], 1)


def test_what_the_buyer_cannot_see_is_left_out(isolated: IsolatedServices, sell: Sell) -> None:
    """Unknown and malformed ids, and drafts of others; no lines are no outcomes."""
    draft, supply = sell(status="draft"), sell()
    wanted = [(draft.id, 1), (ids.new("sup", "us"), 1), ("' OR 1=1", 1), ("", 1), (supply.id, 1)]
    assert [each.supply_id for each in check(isolated, isolated.new_user(), *wanted)] == [supply.id]
    assert check(isolated, isolated.new_user()) == []


def test_a_leaf_of_no_amounts_is_malformed(isolated: IsolatedServices, sell: Sell) -> None:
    """The caller has to have checked them."""
    supply = sell()
    bad = Proof(supply_id=supply.id, overrides=True, per_user_limit="x", unit_price="1")
    with pytest.raises(Malformed):
        check(isolated, isolated.new_user(), (supply.id, 1), proofs=(bad,))


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service needs to know."""
    only_for_callers("check_stock")
