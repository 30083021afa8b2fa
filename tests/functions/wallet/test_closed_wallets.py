"""No money comes into a closed wallet, whoever sends it and at whatever moment; what is in one can be got out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletClosed, WalletNotEmpty
from functions.wallet.domain.wallet import Wallet
from functions.wallet.store import Work
from shared import ids
from shared.contracts.gen.wallet_pb2 import RefundRequest, RefundResponse
from shared.errors import Contended
from tests.functions.wallet.custody import Custody
from tests.functions.wallet.test_audit_custody import deposit
from tests.functions.wallet.test_create_transfer import send
from tests.functions.wallet.test_operator_transfers import post, reverse
from tests.island import Island, Islander
from tests.races import at_once

ROUNDS = 12


def wallet(island: Island, somebody: Islander) -> Wallet:
    with Work(island.resources, "wallet").transaction() as work:
        return work.wallets.get(somebody.wallet_id, owner=somebody.user_id)


def close(island: Island, somebody: Islander) -> None:
    """Close a wallet as its owner does."""
    island.run("close_wallet", request=CloseWallet(somebody.wallet_id), caller=somebody.caller)


def force(island: Island, somebody: Islander) -> None:
    """Close a wallet by whatever way, with no look at who pays to it: only the database holds against it."""
    with Work(island.resources, "wallet").transaction() as work:
        work.wallets.save(work.wallets.get(somebody.wallet_id, owner=somebody.user_id).closed(at=work.now()))


def fill(island: Island, somebody: Islander, amount: int) -> None:
    """Leave money in a closed wallet, as it lay in some before the database held against that."""
    with island.superuser("wallet") as connection:
        connection.run("SET session_replication_role = replica")
        connection.run("UPDATE wallets SET status = 'open' WHERE id = :id", id=somebody.wallet_id)
        island.fund(somebody, amount)
        connection.run("UPDATE wallets SET status = 'closed' WHERE id = :id", id=somebody.wallet_id)


def money(island: Island, somebody: Islander, currency: str = "USDC") -> int:
    return island.books.money(somebody.wallet_id, currency)[0]


def claimed(island: Island, buyer: Islander, supply: SupplyView) -> Order:
    order = island.buy(buyer, (supply, 1))
    return island.record(order, order.claim(ids.sibling(order.id, "clm")))


def transferring(island: Island, target: Islander) -> Callable[[], Any]:
    return partial(send, island, island.islander(USDC=5), target, 5)


def granting(island: Island, target: Islander) -> Callable[[], Any]:
    return partial(post, island, (island.islander(USDC=5).wallet_id, target.wallet_id, 5))


def reversing(island: Island, target: Islander) -> Callable[[], Any]:
    island.fund(target, 5)
    [made] = post(island, (target.wallet_id, island.islander().wallet_id, 5))
    return partial(reverse, island, made.id)


def giving(island: Island, target: Islander) -> Callable[[], Any]:
    return partial(island.fund, target, 5)


def giving_of_another_currency(island: Island, target: Islander) -> Callable[[], Any]:
    return partial(island.fund, target, 5, "MATIC")


@pytest.mark.parametrize(
    "crediting", [transferring, granting, reversing, giving, giving_of_another_currency], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("closing", [close, force], ids=lambda each: each.__name__)
def test_of_a_credit_and_a_closing_one_is_first(
    island: Island, crediting: Callable[..., Any], closing: Callable[..., None]
) -> None:
    """At the same moment, many times: either the wallet stays open with the money, or it is closed without."""
    for round_ in range(ROUNDS):
        target = island.spare(island.islander())
        if round_ % 2:  # its account is there already, or comes with the credit
            island.fund(target, 1)
            post(island, (target.wallet_id, island.islander().wallet_id, 1))
        credited, closed = at_once([crediting(island, target), partial(closing, island, target)])
        has = money(island, target) + money(island, target, "MATIC")
        if wallet(island, target).open:
            assert isinstance(closed, WalletNotEmpty)
            assert has == 5
            assert not isinstance(credited, Exception)
        else:
            assert closed is None
            assert has == 0
            assert isinstance(credited, WalletClosed)
    assert island.violations() == []


def test_a_settlement_and_a_closing_at_once(island: Island) -> None:
    """However the payout wallet is closed at that moment, the merchant has the money where they can move it."""
    for _ in range(ROUNDS):
        merchant = island.islander()
        payout = island.spare(merchant)
        supply = island.sell(merchant, payout_wallet_id=payout.wallet_id)
        order = claimed(island, island.islander(USDC=1000), supply)
        calls: list[Callable[[], Any]] = [
            partial(island.deliver, "settle_order", order.id),
            partial(force, island, payout),
        ]
        settled, _ = at_once(calls)
        assert not isinstance(settled, Exception), settled
        has = (money(island, merchant), money(island, payout))
        assert has == ((0, 975) if wallet(island, payout).open else (975, 0))
    assert island.violations() == []


def test_what_is_settled_to_a_closed_wallet_goes_to_its_owners_default_one(island: Island) -> None:
    """And the event says so."""
    merchant = island.islander()
    payout = island.spare(merchant)
    order = claimed(island, island.islander(USDC=1000), island.sell(merchant, payout_wallet_id=payout.wallet_id))
    force(island, payout)
    assert set(island.deliver("settle_order", order.id)) == {"applied"}
    assert (money(island, merchant), money(island, payout)) == (975, 0)
    sql = "SELECT id FROM transfers WHERE order_id = :id AND kind = 'settlement'"
    [row] = island.books.rows("wallet", sql, id=order.id)
    [event] = island.stream(row["id"])
    told = {leg["account"]: (leg["user_id"], leg["in_place_of"]) for leg in event.data["postings"]}
    assert told == {
        "escrow": ("", ""),
        "fees": ("", ""),
        merchant.wallet_id: (merchant.user_id, payout.wallet_id),
    }
    assert island.violations() == []


def test_what_is_refunded_to_a_closed_wallet_goes_to_its_owners_default_one(island: Island) -> None:
    """Nobody may close it meanwhile; where it is closed nevertheless, its owner has the money."""
    buyer = island.islander()
    paying = island.spare(buyer)
    island.fund(paying, 1000)
    order = island.buy(paying, (island.sell(island.islander()), 1))
    with pytest.raises(WalletNotEmpty):
        close(island, paying)
    force(island, paying)
    request = RefundRequest(order_id=order.id, wallet_id=paying.wallet_id)
    for _ in range(2):
        island.rpc("wallet", "order").call("Wallet.Refund", request, RefundResponse)
    assert (money(island, buyer), money(island, paying)) == (1000, 0)
    assert island.violations() == []


def test_what_arrives_for_a_closed_wallet_goes_to_its_owners_default_one(custody: Custody) -> None:
    """Whoever sends to an old deposit address loses nothing, and a reorganisation takes back where it went."""
    island, owner = custody.island, custody.island.islander()
    old = island.spare(owner)
    custody.deposit_address(old)
    close(island, old)
    receipt = custody.chain.client.receipt(deposit(custody, old, 700))
    assert receipt is not None
    custody.watch()
    assert (money(island, owner, "ETH"), money(island, old, "ETH")) == (700, 0)
    [row] = island.books.rows("wallet", "SELECT id FROM deposits WHERE wallet_id = :id", id=owner.wallet_id)
    [event] = island.stream(row["id"])
    assert (event.data["wallet_id"], event.data["in_place_of"]) == (owner.wallet_id, old.wallet_id)
    custody.chain.reorganise(custody.chain.client.head() - receipt.block_number + 1)
    custody.watch()
    assert money(island, owner, "ETH") == 0
    assert island.violations() == []


def test_a_deposit_and_a_closing_at_once(custody: Custody) -> None:
    """The run that meets the closing is repeated."""
    island = custody.island
    for _ in range(4):
        owner = island.islander()
        old = island.spare(owner)
        deposit(custody, old, 700)
        custody.chain.mine(island.settings.chain_confirmations + 1)
        results = at_once([partial(island.run, "watch_deposits"), partial(force, island, old)])
        assert all(not isinstance(each, Exception) or isinstance(each, Contended | WalletNotEmpty) for each in results)
        custody.watch()
        has = (money(island, owner, "ETH"), money(island, old, "ETH"))
        assert has == ((0, 700) if wallet(island, old).open else (700, 0))
    assert island.violations() == []


def test_operators_get_out_what_is_in_a_closed_wallet(island: Island) -> None:
    """To an open one; and a transfer that brought it there can be reversed."""
    somebody, other = island.islander(), island.islander(USDC=5)
    closed = island.spare(somebody)
    [made] = post(island, (other.wallet_id, closed.wallet_id, 5))
    fill(island, closed, 7)
    assert any("closed_wallets_are_empty" in each for each in island.violations())
    post(island, (closed.wallet_id, somebody.wallet_id, 7))
    reverse(island, made.id)
    assert (money(island, somebody), money(island, other), money(island, closed)) == (7, 5, 0)
    with pytest.raises(WalletClosed):
        post(island, (somebody.wallet_id, closed.wallet_id, 1))
    assert island.violations() == []
