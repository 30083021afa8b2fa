"""Paying the merchant."""

from functools import partial

import pytest

from functions.order.domain.order import Order
from shared import ids
from shared.errors import Unavailable
from shared.money import Amount
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once


def claimed(isolated: IsolatedServices, order: Order) -> Order:
    """The order after its claim; the wallet has not received the event."""
    return isolated.record(order, order.claim(ids.sibling(order.id, "clm")))


def settlement(isolated: IsolatedServices, order: Order) -> list[tuple[str, int]]:
    """The postings that settled an order's escrow."""
    postings = isolated.probe.postings(order.id)
    return sorted((account, amount) for kind, account, _, amount in postings if kind == "settlement")


@pytest.mark.parametrize(
    ("price", "units", "fee"),
    [(1000, 1, 25), (999, 1, 24), (39, 1, 0), (40, 1, 1), (1, 1, 0), (1, 79, 1), (10**30 + 39, 1, 25 * 10**27)],
)
def test_the_merchant_is_paid_less_the_fee(isolated: IsolatedServices, price: int, units: int, fee: int) -> None:
    """At 2.5 % the fee is rounded down, the merchant gets the rest, and the escrow is empty."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=price * units)
    order = claimed(
        isolated, isolated.buy(somebody, (isolated.sell(merchant, unit_price=Amount(price), quantity=100), units))
    )
    assert order.fee_bps == 250
    assert set(isolated.deliver("settle_order", order.id)) == {"applied"}
    due = price * units - fee
    expected = [("escrow", -price * units), (merchant.wallet_id, due), *([("fees", fee)] if fee else [])]
    assert settlement(isolated, order) == sorted(expected)
    assert isolated.probe.money(merchant.wallet_id) == (due, 0)
    assert isolated.probe.account(order.id).escrow == "settled"


def test_a_settlement_is_told_to_the_merchant(isolated: IsolatedServices) -> None:
    """Its event is a transfer of kind settlement with the order for a reference, and the merchant's alone."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=1000)
    order = claimed(isolated, isolated.buy(somebody, (isolated.sell(merchant), 1)))
    isolated.deliver("settle_order", order.id)
    sql = "SELECT id FROM transfers WHERE order_id = :order_id AND kind = 'settlement'"
    (row,) = isolated.probe.rows("wallet", sql, order_id=order.id)
    (event,) = isolated.stream(row["id"])
    assert (event.type, event.data["kind"], event.data["reference"]) == ("transfer.posted", "settlement", order.id)
    assert event.data["user_ids"] == [merchant.user_id]


def test_lines_of_one_merchant_settle_together(isolated: IsolatedServices) -> None:
    """Two supplies with the same payout wallet are one payout, whose fee is taken once."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=100)
    order = isolated.buy(
        somebody,
        (isolated.sell(merchant, unit_price=Amount(39)), 1),
        (isolated.sell(merchant, unit_price=Amount(1)), 1),
    )
    isolated.deliver("settle_order", claimed(isolated, order).id)
    assert settlement(isolated, order) == sorted([("escrow", -40), ("fees", 1), (merchant.wallet_id, 39)])


def test_an_escrow_settles_once(isolated: IsolatedServices) -> None:
    """Twenty deliveries at the same moment, and repeats after, pay the merchant once."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=1000)
    order = claimed(isolated, isolated.buy(somebody, (isolated.sell(merchant), 1)))
    *before, event = isolated.stream(order.id)
    for earlier in before:
        isolated.receive("settle_order", earlier)
    received = all_at_once([lambda: isolated.receive("settle_order", event)] * 20)
    assert sorted(received) == ["applied"] + ["known"] * 19
    assert set(isolated.deliver("settle_order", order.id)) == {"known"}
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)


def test_a_settled_escrow_stays_settled(isolated: IsolatedServices) -> None:
    """A repeated event finds it settled, even if the inbox has forgotten it."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=1000)
    order = claimed(isolated, isolated.buy(somebody, (isolated.sell(merchant), 1)))
    event = isolated.stream(order.id)[-1]
    for _ in range(3):
        isolated.handle("settle_order", event)
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)
    assert len(settlement(isolated, order)) == 3


def test_a_settlement_waits_for_the_capture(isolated: IsolatedServices) -> None:
    """An event that overtakes the payment is delivered again, and then settles once."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=1000)
    order = isolated.confirm(isolated.place(somebody, (isolated.sell(merchant), 1)))
    order = claimed(isolated, isolated.record(order, order.pay()))
    *before, event = isolated.stream(order.id)
    for earlier in before:
        isolated.receive("settle_order", earlier)
    for _ in range(2):
        with pytest.raises(Unavailable):
            isolated.receive("settle_order", event)
    assert isolated.probe.money(merchant.wallet_id) == (0, 0)
    isolated.deliver("capture_hold", order.id)
    assert isolated.receive("settle_order", event) == "applied"
    assert isolated.receive("settle_order", event) == "known"
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)


def test_a_free_order_settles_nothing(isolated: IsolatedServices) -> None:
    """There never was an escrow to wait for."""
    merchant, somebody = isolated.new_user(), isolated.new_user()
    order = isolated.confirm(isolated.place(somebody, (isolated.sell(merchant, unit_price=Amount(0)), 1)))
    assert set(isolated.deliver("settle_order", claimed(isolated, order).id)) == {"applied"}
    assert isolated.probe.postings(order.id) == []


def test_orders_of_one_merchant_settle_at_once(isolated: IsolatedServices) -> None:
    """Twelve settlements that meet at one payout wallet all arrive."""
    merchant = isolated.new_user()
    supply = isolated.sell(merchant, quantity=100)
    orders = [claimed(isolated, isolated.buy(isolated.new_user(USDC=1000), (supply, 1))) for _ in range(12)]
    all_at_once([partial(isolated.deliver, "settle_order", order.id) for order in orders])
    assert isolated.probe.money(merchant.wallet_id) == (12 * 975, 0)
