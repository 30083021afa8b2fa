"""Paying back."""

from collections.abc import Callable

import pytest

from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletNotEmpty
from shared import ids
from shared.contracts.gen.wallet_pb2 import RefundRequest, RefundResponse
from shared.errors import NotFound
from tests.island import Island, Islander
from tests.races import all_at_once


def refund(island: Island, order_id: str, wallet_id: str) -> str:
    """Ask for an order's money back on behalf of the order service: the state that is answered."""
    request = RefundRequest(order_id=order_id, wallet_id=wallet_id)
    answer = island.rpc("wallet", "order").call("Wallet.Refund", request, RefundResponse)
    return RefundResponse.State.Name(answer.state).removeprefix("STATE_")


def bought(island: Island) -> tuple[Islander, Islander, str]:
    """A merchant, a buyer who had 1000 and paid all of it, and the order."""
    merchant, buyer = island.islander(), island.islander(USDC=1000)
    return merchant, buyer, island.buy(buyer, (island.sell(merchant), 1)).id


def test_the_money_goes_back_once(island: Island) -> None:
    """However often it is asked for: one transfer from escrow, which is told to the buyer and is all that there was."""
    merchant, buyer, order_id = bought(island)
    assert [refund(island, order_id, buyer.wallet_id) for _ in range(3)] == ["REFUNDED"] * 3
    assert island.books.money(buyer.wallet_id) == (1000, 0)
    assert island.books.money(merchant.wallet_id) == (0, 0)
    assert island.books.account(order_id).escrow == "refunded"
    postings = [each for each in island.books.postings(order_id) if each[0] == "refund"]
    assert sorted(postings) == [("refund", "escrow", "USDC", -1000), ("refund", buyer.wallet_id, "USDC", 1000)]
    sql = "SELECT id FROM transfers WHERE order_id = :order_id AND kind = 'refund'"
    (row,) = island.books.rows("wallet", sql, order_id=order_id)
    (event,) = island.stream(row["id"])
    assert (event.data["kind"], event.data["reference"]) == ("refund", order_id)
    assert event.data["user_ids"] == [buyer.user_id]


def test_eight_at_once_are_one(island: Island) -> None:
    """All are answered that it is refunded, and it is, once."""
    _, buyer, order_id = bought(island)
    assert set(all_at_once([lambda: refund(island, order_id, buyer.wallet_id)] * 8)) == {"REFUNDED"}
    assert island.books.money(buyer.wallet_id) == (1000, 0)


@pytest.mark.parametrize("fact", ["claim", "mature"])
def test_what_the_merchant_has_is_not_paid_back(fact: str, island: Island) -> None:
    """Settled stays settled; and what is refunded is not settled after it."""
    merchant, buyer, order_id = bought(island)
    with island.orders.transaction() as work:
        order = work.orders.lock(order_id)
    island.record(order, order.claim(ids.sibling(order_id, "clm")) if fact == "claim" else order.mature())
    island.deliver("settle_order", order_id)
    assert refund(island, order_id, buyer.wallet_id) == "SETTLED"
    assert island.books.money(merchant.wallet_id) == (975, 0)
    assert island.books.money(buyer.wallet_id) == (0, 0)


def test_what_was_never_paid_is_not_found(island: Island) -> None:
    """Nothing is paid back of an order that is merely confirmed, or unknown."""
    buyer = island.islander(USDC=1000)
    order = island.confirm(island.place(buyer, (island.sell(island.islander()), 1)))
    for order_id in (order.id, ids.new("ord", "us"), ""):
        with pytest.raises(NotFound):
            refund(island, order_id, buyer.wallet_id)
    assert island.books.money(buyer.wallet_id) == (1000, 1000)


def test_a_wallet_stays_open_for_what_may_come_back_to_it(island: Island) -> None:
    """Emptied by a purchase it cannot be closed until the merchant has the money: a refund would be out of reach."""
    buyer = island.spare(island.islander())
    island.fund(buyer, 1000)
    order_id = island.buy(buyer, (island.sell(island.islander()), 1)).id
    request = CloseWallet(buyer.wallet_id)
    with pytest.raises(WalletNotEmpty):
        island.run("close_wallet", request=request, caller=buyer.caller)
    with island.orders.transaction() as work:
        order = work.orders.lock(order_id)
    island.record(order, order.mature())
    island.deliver("settle_order", order_id)
    island.run("close_wallet", request=request, caller=buyer.caller)


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """Money goes back at an order's word."""
    only_for_callers("refund_escrow")
