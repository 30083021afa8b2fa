"""Refunding an order."""

from collections.abc import Callable

import pytest

from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletNotEmpty
from shared import ids
from shared.contracts.gen.wallet_pb2 import RefundRequest, RefundResponse
from shared.errors import NotFound
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import all_at_once


def refund(isolated: IsolatedServices, order_id: str, wallet_id: str) -> str:
    """Refund an order, as the order service. Returns the state."""
    request = RefundRequest(order_id=order_id, wallet_id=wallet_id)
    answer = isolated.rpc("wallet", "order").call("Wallet.Refund", request, RefundResponse)
    return RefundResponse.State.Name(answer.state).removeprefix("STATE_")


def bought(isolated: IsolatedServices) -> tuple[IsolatedUser, IsolatedUser, str]:
    """A merchant, a buyer who had 1000 and paid all of it, and the order."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=1000)
    return merchant, buyer, isolated.buy(buyer, (isolated.sell(merchant), 1)).id


def test_the_money_goes_back_once(isolated: IsolatedServices) -> None:
    """However often it is requested: one transfer of the whole escrow, with one event that names the buyer."""
    merchant, buyer, order_id = bought(isolated)
    assert [refund(isolated, order_id, buyer.wallet_id) for _ in range(3)] == ["REFUNDED"] * 3
    assert isolated.probe.money(buyer.wallet_id) == (1000, 0)
    assert isolated.probe.money(merchant.wallet_id) == (0, 0)
    assert isolated.probe.account(order_id).escrow == "refunded"
    postings = [each for each in isolated.probe.postings(order_id) if each[0] == "refund"]
    assert sorted(postings) == [("refund", "escrow", "USDC", -1000), ("refund", buyer.wallet_id, "USDC", 1000)]
    sql = "SELECT id FROM transfers WHERE order_id = :order_id AND kind = 'refund'"
    (row,) = isolated.probe.rows("wallet", sql, order_id=order_id)
    (event,) = isolated.stream(row["id"])
    assert (event.data["kind"], event.data["reference"]) == ("refund", order_id)
    assert event.data["user_ids"] == [buyer.user_id]


def test_eight_at_once_are_one(isolated: IsolatedServices) -> None:
    """All get the state refunded, and the money moves once."""
    _, buyer, order_id = bought(isolated)
    assert set(all_at_once([lambda: refund(isolated, order_id, buyer.wallet_id)] * 8)) == {"REFUNDED"}
    assert isolated.probe.money(buyer.wallet_id) == (1000, 0)


@pytest.mark.parametrize("fact", ["claim", "mature"])
def test_what_the_merchant_has_is_not_paid_back(fact: str, isolated: IsolatedServices) -> None:
    """Settled stays settled; and what is refunded is not settled after it."""
    merchant, buyer, order_id = bought(isolated)
    with isolated.orders.transaction() as work:
        order = work.orders.lock(order_id)
    isolated.record(order, order.claim(ids.sibling(order_id, "clm")) if fact == "claim" else order.mature())
    isolated.deliver("settle_order", order_id)
    assert refund(isolated, order_id, buyer.wallet_id) == "SETTLED"
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)
    assert isolated.probe.money(buyer.wallet_id) == (0, 0)


def test_what_was_never_paid_is_not_found(isolated: IsolatedServices) -> None:
    """Nothing is paid back of an order that is merely confirmed, or unknown."""
    buyer = isolated.new_user(USDC=1000)
    order = isolated.confirm(isolated.place(buyer, (isolated.sell(isolated.new_user()), 1)))
    for order_id in (order.id, ids.new("ord", "us"), ""):
        with pytest.raises(NotFound):
            refund(isolated, order_id, buyer.wallet_id)
    assert isolated.probe.money(buyer.wallet_id) == (1000, 1000)


def test_a_wallet_stays_open_for_what_may_come_back_to_it(isolated: IsolatedServices) -> None:
    """Emptied by a purchase it cannot be closed until the merchant has the money: a refund would be out of reach."""
    buyer = isolated.spare(isolated.new_user())
    isolated.fund(buyer, 1000)
    order_id = isolated.buy(buyer, (isolated.sell(isolated.new_user()), 1)).id
    request = CloseWallet(buyer.wallet_id)
    with pytest.raises(WalletNotEmpty):
        isolated.run("close_wallet", request=request, caller=buyer.caller)
    with isolated.orders.transaction() as work:
        order = work.orders.lock(order_id)
    isolated.record(order, order.mature())
    isolated.deliver("settle_order", order_id)
    isolated.run("close_wallet", request=request, caller=buyer.caller)


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """Only the order service may refund."""
    only_for_callers("refund_escrow")
