"""No money comes into a closed wallet, whoever sends it and whenever; what is in one can be taken out."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from functions.wallet.adapters.work import Work
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletIsClosed, WalletNotEmpty
from functions.wallet.domain.wallet import Wallet
from shared import ids
from shared.contracts.gen.wallet_pb2 import RefundRequest, RefundResponse
from shared.errors import Contended
from tests.functions.wallet.custody import Custody
from tests.functions.wallet.test_audit_custody import deposit
from tests.functions.wallet.test_create_transfer import send
from tests.functions.wallet.test_operator_transfers import post, reverse
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import at_once

ROUNDS = 12


def wallet(isolated: IsolatedServices, somebody: IsolatedUser) -> Wallet:
    with Work(isolated.resources, "wallet").transaction() as work:
        return work.wallets.get(somebody.wallet_id, owner=somebody.user_id)


def close(isolated: IsolatedServices, somebody: IsolatedUser) -> None:
    """Close a wallet, as its owner."""
    isolated.run("close_wallet", request=CloseWallet(somebody.wallet_id), caller=somebody.caller)


def force(isolated: IsolatedServices, somebody: IsolatedUser) -> None:
    """Close a wallet bypassing the payout checks: only the database prevents it."""
    with Work(isolated.resources, "wallet").transaction() as work:
        work.wallets.save(work.wallets.get(somebody.wallet_id, owner=somebody.user_id).closed(at=work.now()))


def fill(isolated: IsolatedServices, somebody: IsolatedUser, amount: int) -> None:
    """Leave money in a closed wallet, as older releases allowed."""
    with isolated.superuser("wallet") as connection:
        connection.run("SET session_replication_role = replica")
        connection.run("UPDATE wallets SET status = 'open' WHERE id = :id", id=somebody.wallet_id)
        isolated.fund(somebody, amount)
        connection.run("UPDATE wallets SET status = 'closed' WHERE id = :id", id=somebody.wallet_id)


def money(isolated: IsolatedServices, somebody: IsolatedUser, currency: str = "USDC") -> int:
    return isolated.probe.money(somebody.wallet_id, currency)[0]


def claimed(isolated: IsolatedServices, buyer: IsolatedUser, supply: SupplyView) -> Order:
    order = isolated.buy(buyer, (supply, 1))
    return isolated.record(order, order.claim(ids.sibling(order.id, "clm")))


def transferring(isolated: IsolatedServices, target: IsolatedUser) -> Callable[[], Any]:
    return partial(send, isolated, isolated.new_user(USDC=5), target, 5)


def granting(isolated: IsolatedServices, target: IsolatedUser) -> Callable[[], Any]:
    return partial(post, isolated, (isolated.new_user(USDC=5).wallet_id, target.wallet_id, 5))


def reversing(isolated: IsolatedServices, target: IsolatedUser) -> Callable[[], Any]:
    isolated.fund(target, 5)
    [made] = post(isolated, (target.wallet_id, isolated.new_user().wallet_id, 5))
    return partial(reverse, isolated, made.id)


def giving(isolated: IsolatedServices, target: IsolatedUser) -> Callable[[], Any]:
    return partial(isolated.fund, target, 5)


def giving_of_another_currency(isolated: IsolatedServices, target: IsolatedUser) -> Callable[[], Any]:
    return partial(isolated.fund, target, 5, "MATIC")


@pytest.mark.parametrize(
    "crediting", [transferring, granting, reversing, giving, giving_of_another_currency], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("closing", [close, force], ids=lambda each: each.__name__)
def test_of_a_credit_and_a_closing_one_is_first(
    isolated: IsolatedServices, crediting: Callable[..., Any], closing: Callable[..., None]
) -> None:
    """At the same moment, many times: either the wallet stays open with the money, or it is closed without."""
    for round_ in range(ROUNDS):
        target = isolated.spare(isolated.new_user())
        if round_ % 2:  # its account is there already, or comes with the credit
            isolated.fund(target, 1)
            post(isolated, (target.wallet_id, isolated.new_user().wallet_id, 1))
        credited, closed = at_once([crediting(isolated, target), partial(closing, isolated, target)])
        has = money(isolated, target) + money(isolated, target, "MATIC")
        if wallet(isolated, target).open:
            assert isinstance(closed, WalletNotEmpty)
            assert has == 5
            assert not isinstance(credited, Exception)
        else:
            assert closed is None
            assert has == 0
            assert isinstance(credited, WalletIsClosed)
    assert isolated.violations() == []


def test_a_settlement_and_a_closing_at_once(isolated: IsolatedServices) -> None:
    """Even if the payout wallet is closed at that moment, the merchant gets the money in an open wallet."""
    for _ in range(ROUNDS):
        merchant = isolated.new_user()
        payout = isolated.spare(merchant)
        supply = isolated.sell(merchant, payout_wallet_id=payout.wallet_id)
        order = claimed(isolated, isolated.new_user(USDC=1000), supply)
        calls: list[Callable[[], Any]] = [
            partial(isolated.deliver, "settle_order", order.id),
            partial(force, isolated, payout),
        ]
        settled, _ = at_once(calls)
        assert not isinstance(settled, Exception), settled
        has = (money(isolated, merchant), money(isolated, payout))
        assert has == ((0, 975) if wallet(isolated, payout).open else (975, 0))
    assert isolated.violations() == []


def test_what_is_settled_to_a_closed_wallet_goes_to_its_owners_default_one(isolated: IsolatedServices) -> None:
    """And the event says so."""
    merchant = isolated.new_user()
    payout = isolated.spare(merchant)
    order = claimed(isolated, isolated.new_user(USDC=1000), isolated.sell(merchant, payout_wallet_id=payout.wallet_id))
    force(isolated, payout)
    assert set(isolated.deliver("settle_order", order.id)) == {"applied"}
    assert (money(isolated, merchant), money(isolated, payout)) == (975, 0)
    sql = "SELECT id FROM transfers WHERE order_id = :id AND kind = 'settlement'"
    [row] = isolated.probe.rows("wallet", sql, id=order.id)
    [event] = isolated.stream(row["id"])
    legs = {leg["account"]: (leg["user_id"], leg["in_place_of"]) for leg in event.data["postings"]}
    assert legs == {
        "escrow": ("", ""),
        "fees": ("", ""),
        merchant.wallet_id: (merchant.user_id, payout.wallet_id),
    }
    assert isolated.violations() == []


def test_what_is_refunded_to_a_closed_wallet_goes_to_its_owners_default_one(isolated: IsolatedServices) -> None:
    """It cannot be closed meanwhile; if it is closed nevertheless, its owner gets the money."""
    buyer = isolated.new_user()
    paying = isolated.spare(buyer)
    isolated.fund(paying, 1000)
    order = isolated.buy(paying, (isolated.sell(isolated.new_user()), 1))
    with pytest.raises(WalletNotEmpty):
        close(isolated, paying)
    force(isolated, paying)
    request = RefundRequest(order_id=order.id, wallet_id=paying.wallet_id)
    for _ in range(2):
        isolated.rpc("wallet", "order").call("Wallet.Refund", request, RefundResponse)
    assert (money(isolated, buyer), money(isolated, paying)) == (1000, 0)
    assert isolated.violations() == []


def test_what_arrives_for_a_closed_wallet_goes_to_its_owners_default_one(custody: Custody) -> None:
    """A deposit to a closed wallet's address is not lost, and a reorganisation reverses it where it was credited."""
    isolated, owner = custody.isolated, custody.isolated.new_user()
    old = isolated.spare(owner)
    custody.deposit_address(old)
    close(isolated, old)
    receipt = custody.chain.client.receipt(deposit(custody, old, 700))
    assert receipt is not None
    custody.watch()
    assert (money(isolated, owner, "ETH"), money(isolated, old, "ETH")) == (700, 0)
    [row] = isolated.probe.rows("wallet", "SELECT id FROM deposits WHERE wallet_id = :id", id=owner.wallet_id)
    [event] = isolated.stream(row["id"])
    assert (event.data["wallet_id"], event.data["in_place_of"]) == (owner.wallet_id, old.wallet_id)
    custody.chain.reorganise(custody.chain.client.head() - receipt.block_number + 1)
    custody.watch()
    assert money(isolated, owner, "ETH") == 0
    assert isolated.violations() == []


def test_a_deposit_and_a_closing_at_once(custody: Custody) -> None:
    """A run that races with the closing is repeated, after a pause."""
    isolated = custody.isolated
    for _ in range(4):
        owner = isolated.new_user()
        old = isolated.spare(owner)
        deposit(custody, old, 700)
        custody.chain.mine(isolated.settings.chain_confirmations + 1)
        results = at_once([partial(isolated.run, "watch_deposits"), partial(force, isolated, old)])
        assert all(not isinstance(each, Exception) or isinstance(each, Contended | WalletNotEmpty) for each in results)
        with isolated.later(timedelta(minutes=1)):
            custody.watch()
        has = (money(isolated, owner, "ETH"), money(isolated, old, "ETH"))
        assert has == ((0, 700) if wallet(isolated, old).open else (700, 0))
    assert isolated.violations() == []


def test_operators_get_out_what_is_in_a_closed_wallet(isolated: IsolatedServices) -> None:
    """To an open one; and a transfer that brought it there can be reversed."""
    somebody, other = isolated.new_user(), isolated.new_user(USDC=5)
    closed = isolated.spare(somebody)
    [made] = post(isolated, (other.wallet_id, closed.wallet_id, 5))
    fill(isolated, closed, 7)
    assert any("closed_wallets_are_empty" in each for each in isolated.violations())
    post(isolated, (closed.wallet_id, somebody.wallet_id, 7))
    reverse(isolated, made.id)
    assert (money(isolated, somebody), money(isolated, other), money(isolated, closed)) == (7, 5, 0)
    with pytest.raises(WalletIsClosed):
        post(isolated, (somebody.wallet_id, closed.wallet_id, 1))
    assert isolated.violations() == []
