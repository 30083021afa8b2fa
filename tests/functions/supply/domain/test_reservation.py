"""Deciding a batch of orders for stock."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.supply.domain.entitlement import SaleSnapshot
from functions.supply.domain.reservation import Line, StockRequest, reserve

NOW = datetime(2026, 11, 23, tzinfo=UTC)

lines = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), min_size=1, max_size=3)
orders = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), lines), max_size=8)


def an_order(number: int, user_id: str, *requested: tuple[str, int]) -> StockRequest:
    made = tuple(Line(f"rsv_{number}_{n}", supply_id, quantity) for n, (supply_id, quantity) in enumerate(requested))
    return StockRequest(f"ord_{number}", user_id, made, NOW)


def selling(**units: int) -> dict[str, SaleSnapshot]:
    """Supplies without a limit, with so much left."""
    return {name: SaleSnapshot(name, "active", available, None) for name, available in units.items()}


def test_all_lines_or_none() -> None:
    """An order that cannot have one of its lines takes nothing of the others, which the next order gets."""
    wanted = [an_order(1, "ann", ("a", 2), ("b", 2)), an_order(2, "bob", ("a", 2))]
    decided = reserve(wanted, selling(a=2, b=1), {})
    assert [(made.order_id, made.supply_id, made.quantity, made.status) for made in decided.reserved] == [
        ("ord_2", "a", 2, "reserved")
    ]
    assert decided.refused == {"ord_1": ("SOLD_OUT", "b has fewer than 2 left.")}


def test_lines_of_the_same_supply_count_together() -> None:
    """Two lines of 2 do not fit into 3 units, nor into a limit of 3."""
    assert reserve([an_order(1, "ann", ("a", 2), ("a", 2))], selling(a=3), {}).refused["ord_1"][0] == "SOLD_OUT"
    limited = {"a": SaleSnapshot("a", "active", 9, 3)}
    assert reserve([an_order(1, "ann", ("a", 2), ("a", 2))], limited, {}).refused["ord_1"][0] == "USER_LIMIT"
    assert len(reserve([an_order(1, "ann", ("a", 2), ("a", 1))], limited, {}).reserved) == 2


def test_a_limit_counts_what_the_buyer_has() -> None:
    """What was reserved or bought before, and in the same batch, counts for the buyer alone."""
    limited = {"a": SaleSnapshot("a", "active", 9, 3)}
    wanted = [an_order(1, "ann", ("a", 1)), an_order(2, "ann", ("a", 1)), an_order(3, "bob", ("a", 3))]
    decided = reserve(wanted, limited, {("a", "ann", ""): 2})
    assert {made.order_id for made in decided.reserved} == {"ord_1", "ord_3"}
    assert decided.refused["ord_2"][0] == "USER_LIMIT"


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_what_is_active_sells(status: str) -> None:
    """Stock that is there does not help; nor does a supply that is not."""
    on_sale = {"a": SaleSnapshot("a", status, 9, None)}
    decided = reserve([an_order(1, "ann", ("a", 1)), an_order(2, "ann", ("z", 1))], on_sale, {})
    assert [code for code, _ in decided.refused.values()] == ["NOT_ON_SALE", "NOT_ON_SALE"]


@given(
    wishes=orders,
    stock=st.fixed_dictionaries({"a": st.integers(0, 8), "b": st.integers(0, 8)}),
    limit=st.none() | st.integers(1, 6),
)
def test_no_batch_oversells_or_breaks_a_limit(
    wishes: list[tuple[str, list[tuple[str, int]]]], stock: dict[str, int], limit: int | None
) -> None:
    """Whatever a batch asks for: an order is reserved whole or refused, and only where its turn had no room."""
    wanted = [an_order(number, user_id, *requested) for number, (user_id, requested) in enumerate(wishes)]
    on_sale = {name: SaleSnapshot(name, "active", available, limit) for name, available in stock.items()}
    decided = reserve(wanted, on_sale, {})
    reserved: dict[str, list[str]] = {}
    for made in decided.reserved:
        reserved.setdefault(made.order_id, []).append(made.id)
    room, had = Counter(stock), Counter[tuple[str, str]]()
    for order in wanted:
        requested = Counter[str]()
        for line in order.lines:
            requested[line.supply_id] += line.quantity
        fits = all(
            units <= room[name] and (limit is None or had[order.user_id, name] + units <= limit)
            for name, units in requested.items()
        )
        assert (order.order_id in decided.refused) == (not fits)
        assert reserved.get(order.order_id, []) == ([line.reservation_id for line in order.lines] if fits else [])
        for name, units in requested.items() if fits else ():
            room[name] -= units
            had[order.user_id, name] += units
    assert all(units >= 0 for units in room.values())
