"""Paying the merchant."""

from functools import partial

import pytest

from functions.order.domain.order import Order
from shared import ids
from shared.errors import Unavailable
from shared.money import Amount
from tests.island import Island
from tests.races import all_at_once


def claimed(island: Island, order: Order) -> Order:
    """The order after its claim; the wallet has not heard of it."""
    return island.record(order, order.claim(ids.sibling(order.id, "clm")))


def settlement(island: Island, order: Order) -> list[tuple[str, int]]:
    """Where an order's escrow went."""
    postings = island.books.postings(order.id)
    return sorted((account, amount) for kind, account, _, amount in postings if kind == "settlement")


@pytest.mark.parametrize(
    ("price", "units", "fee"),
    [(1000, 1, 25), (999, 1, 24), (39, 1, 0), (40, 1, 1), (1, 1, 0), (1, 79, 1), (10**30 + 39, 1, 25 * 10**27)],
)
def test_the_merchant_is_paid_less_the_fee(island: Island, price: int, units: int, fee: int) -> None:
    """At 2.5 % the house takes the floor of its part, the merchant the rest, and the escrow is empty."""
    merchant, somebody = island.islander(), island.islander(USDC=price * units)
    order = claimed(
        island, island.buy(somebody, (island.sell(merchant, unit_price=Amount(price), quantity=100), units))
    )
    assert order.fee_bps == 250
    assert set(island.deliver("settle_order", order.id)) == {"applied"}
    due = price * units - fee
    expected = [("escrow", -price * units), (merchant.wallet_id, due), *([("fees", fee)] if fee else [])]
    assert settlement(island, order) == sorted(expected)
    assert island.books.money(merchant.wallet_id) == (due, 0)
    assert island.books.account(order.id).escrow == "settled"


def test_a_settlement_is_told_to_the_merchant(island: Island) -> None:
    """Its event is a transfer of kind settlement with the order for a reference, and the merchant's alone."""
    merchant, somebody = island.islander(), island.islander(USDC=1000)
    order = claimed(island, island.buy(somebody, (island.sell(merchant), 1)))
    island.deliver("settle_order", order.id)
    sql = "SELECT id FROM transfers WHERE order_id = :order_id AND kind = 'settlement'"
    (row,) = island.books.rows("wallet", sql, order_id=order.id)
    (event,) = island.stream(row["id"])
    assert (event.type, event.data["kind"], event.data["reference"]) == ("transfer.posted", "settlement", order.id)
    assert event.data["user_ids"] == [merchant.user_id]


def test_lines_of_one_merchant_settle_together(island: Island) -> None:
    """Two supplies with the same payout wallet are one payout, whose fee is taken once."""
    merchant, somebody = island.islander(), island.islander(USDC=100)
    order = island.buy(
        somebody, (island.sell(merchant, unit_price=Amount(39)), 1), (island.sell(merchant, unit_price=Amount(1)), 1)
    )
    island.deliver("settle_order", claimed(island, order).id)
    assert settlement(island, order) == sorted([("escrow", -40), ("fees", 1), (merchant.wallet_id, 39)])


def test_an_escrow_settles_once(island: Island) -> None:
    """Twenty deliveries at the same moment, and repeats after, pay the merchant once."""
    merchant, somebody = island.islander(), island.islander(USDC=1000)
    order = claimed(island, island.buy(somebody, (island.sell(merchant), 1)))
    *before, event = island.stream(order.id)
    for earlier in before:
        island.receive("settle_order", earlier)
    received = all_at_once([lambda: island.receive("settle_order", event)] * 20)
    assert sorted(received) == ["applied"] + ["known"] * 19
    assert set(island.deliver("settle_order", order.id)) == {"known"}
    assert island.books.money(merchant.wallet_id) == (975, 0)


def test_a_settled_escrow_stays_settled(island: Island) -> None:
    """Whatever asks for it again, an inbox without memory too, finds it paid out."""
    merchant, somebody = island.islander(), island.islander(USDC=1000)
    order = claimed(island, island.buy(somebody, (island.sell(merchant), 1)))
    event = island.stream(order.id)[-1]
    for _ in range(3):
        island.handle("settle_order", event)
    assert island.books.money(merchant.wallet_id) == (975, 0)
    assert len(settlement(island, order)) == 3


def test_a_settlement_waits_for_the_capture(island: Island) -> None:
    """When it overtakes the payment it is asked for again, and then settles once."""
    merchant, somebody = island.islander(), island.islander(USDC=1000)
    order = island.confirm(island.place(somebody, (island.sell(merchant), 1)))
    order = claimed(island, island.record(order, order.pay()))
    *before, event = island.stream(order.id)
    for earlier in before:
        island.receive("settle_order", earlier)
    for _ in range(2):
        with pytest.raises(Unavailable):
            island.receive("settle_order", event)
    assert island.books.money(merchant.wallet_id) == (0, 0)
    island.deliver("capture_hold", order.id)
    assert island.receive("settle_order", event) == "applied"
    assert island.receive("settle_order", event) == "known"
    assert island.books.money(merchant.wallet_id) == (975, 0)


def test_a_free_order_settles_nothing(island: Island) -> None:
    """There never was an escrow to wait for."""
    merchant, somebody = island.islander(), island.islander()
    order = island.confirm(island.place(somebody, (island.sell(merchant, unit_price=Amount(0)), 1)))
    assert set(island.deliver("settle_order", claimed(island, order).id)) == {"applied"}
    assert island.books.postings(order.id) == []


def test_orders_of_one_merchant_settle_at_once(island: Island) -> None:
    """Twelve settlements that meet at one payout wallet all arrive."""
    merchant = island.islander()
    supply = island.sell(merchant, quantity=100)
    orders = [claimed(island, island.buy(island.islander(USDC=1000), (supply, 1))) for _ in range(12)]
    all_at_once([partial(island.deliver, "settle_order", order.id) for order in orders])
    assert island.books.money(merchant.wallet_id) == (12 * 975, 0)
