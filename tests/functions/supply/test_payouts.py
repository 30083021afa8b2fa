"""Payout wallets: a wallet stays open for its supplies, and for orders that pay out to it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import functions.wallet.adapters.work as wallet_service
from emulators.demo.api_user import ApiUser, fresh_key
from functions.supply.adapters.work import Work
from functions.supply.delete_supply import DeleteSupply
from functions.supply.requests import UpdateSupply
from functions.supply.views import SupplyView
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletNotEmpty
from shared import ids
from shared.contracts.gen.supply_pb2 import DecidePayoutsRequest, DecidePayoutsResponse, Payout
from shared.contracts.gen.wallet_pb2 import ReferPayoutRequest, ReferPayoutResponse
from shared.contracts.operations import Match
from shared.errors import NotFound
from shared.money import Amount
from shared.rpc.channel import RpcChannel
from tests.database_probe import DatabaseProbe
from tests.functions.supply.test_update_supply import OnSale, changed, patch
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import absent, refused
from tests.races import at_once

ROUNDS = 12
ABANDONED = timedelta(minutes=11)


def close(isolated: IsolatedServices, wallet: IsolatedUser) -> str:
    """Close a wallet as its owner does; the code of the refusal, empty for none."""
    try:
        isolated.run("close_wallet", request=CloseWallet(wallet.wallet_id), caller=wallet.caller)
    except WalletNotEmpty as refusal:
        return refusal.code
    return ""


def pay_to(isolated: IsolatedServices, supply: SupplyView, wallet: IsolatedUser) -> SupplyView:
    request = UpdateSupply(supply.id, payout_wallet_id=wallet.wallet_id)
    paid: SupplyView = isolated.run("update_supply", request=request, caller=wallet.caller, match=Match(None))
    return paid


def archive(isolated: IsolatedServices, supply: SupplyView, merchant: IsolatedUser) -> None:
    isolated.run("delete_supply", request=DeleteSupply(supply.id), caller=merchant.caller)


def selling(isolated: IsolatedServices, payout: IsolatedUser, **terms: Any) -> SupplyView:
    return isolated.sell(payout, payout_wallet_id=payout.wallet_id, **terms)


def noted(isolated: IsolatedServices, wallet: IsolatedUser) -> int:
    sql = "SELECT count(*) AS number FROM payout_references WHERE wallet_id = :id"
    return int(isolated.probe.rows("wallet", sql, id=wallet.wallet_id)[0]["number"])


def settle(isolated: IsolatedServices, order_id: str) -> None:
    with isolated.orders.transaction() as work:
        order = work.orders.lock(order_id)
    isolated.record(order, order.mature())
    isolated.deliver("settle_order", order_id)


@pytest.fixture
def merchant_wallets(isolated: IsolatedServices) -> tuple[IsolatedUser, IsolatedUser]:
    """Two further wallets of one merchant."""
    merchant = isolated.new_user()
    return isolated.spare(merchant), isolated.spare(merchant)


Wallets = tuple[IsolatedUser, IsolatedUser]


@pytest.mark.parametrize("status", ["active", "draft"])
def test_a_wallet_stays_open_while_a_supply_pays_to_it(
    isolated: IsolatedServices, merchant_wallets: Wallets, status: str
) -> None:
    """Whether it sells at the moment or not; once it is archived, or pays to another, the wallet closes at once."""
    one, two = merchant_wallets
    first, second = selling(isolated, one, status=status), selling(isolated, one, status=status)
    assert close(isolated, one) == "WALLET_NOT_EMPTY"
    archive(isolated, first, one)
    assert close(isolated, one) == "WALLET_NOT_EMPTY"
    assert pay_to(isolated, second, two).payout_wallet_id == two.wallet_id
    assert (close(isolated, one), close(isolated, two)) == ("", "WALLET_NOT_EMPTY")
    assert (noted(isolated, one), noted(isolated, two)) == (0, 1)
    with pytest.raises(NotFound):
        pay_to(isolated, second, one)


def test_orders_are_paid_out_to_where_they_were_sold_with(
    isolated: IsolatedServices, merchant_wallets: Wallets
) -> None:
    """From its hold until it is settled the wallet stays open, wherever the supply pays out meanwhile."""
    one, two = merchant_wallets
    supply = selling(isolated, one)
    order = isolated.confirm(isolated.place(isolated.new_user(USDC=1000), (supply, 1)))
    pay_to(isolated, supply, two)
    assert close(isolated, one) == "WALLET_NOT_EMPTY"
    isolated.deliver("capture_hold", order.id)
    isolated.deliver("record_payment", order.hold_id)
    assert close(isolated, one) == "WALLET_NOT_EMPTY"
    settle(isolated, order.id)
    assert isolated.probe.money(one.wallet_id) == (975, 0)
    assert isolated.probe.money(two.wallet_id) == (0, 0)
    assert isolated.probe.rows("wallet", "SELECT * FROM order_payouts WHERE order_id = :id", id=order.id) == []


def test_what_goes_to_a_default_wallet_is_not_recorded(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """It never closes; a further one is kept open by its orders."""
    one, _ = merchant_wallets
    orders = [
        isolated.confirm(isolated.place(isolated.new_user(USDC=1000), (supply, 1)))
        for supply in (selling(isolated, one), isolated.sell(isolated.new_user()))
    ]
    sql = "SELECT order_id, wallet_id FROM order_payouts WHERE order_id = ANY(:ids::text[])"
    recorded = isolated.probe.rows("wallet", sql, ids=[order.id for order in orders])
    assert recorded == [{"order_id": orders[0].id, "wallet_id": one.wallet_id}]


@pytest.mark.parametrize("end", ["released", "refunded"])
def test_an_order_that_is_over_keeps_nothing_open(
    isolated: IsolatedServices, merchant_wallets: Wallets, end: str
) -> None:
    """Cancelled or refunded."""
    one, _ = merchant_wallets
    supply = selling(isolated, one, quantity=1)
    if end == "released":
        order = isolated.confirm(isolated.place(isolated.new_user(USDC=1000), (supply, 1)))
        isolated.orders.wallet.release(order)
        isolated.orders.supply.release(order)
    else:
        order = isolated.buy(isolated.new_user(USDC=1000), (supply, 1))
        isolated.deliver("commit_stock", order.id)
        isolated.orders.wallet.refund(order)
    archive(isolated, supply, one)
    assert close(isolated, one) == ""


def test_of_a_new_supply_and_a_closing_one_is_first(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """Concurrently, many times: no supply is created, or changed, to pay to a closed wallet."""
    elsewhere, _ = merchant_wallets
    for round_ in range(ROUNDS):
        wallet = isolated.spare(elsewhere)
        other = selling(isolated, elsewhere)
        pay = partial(selling, isolated, wallet) if round_ % 2 else partial(pay_to, isolated, other, wallet)
        calls: list[Callable[[], Any]] = [pay, partial(close, isolated, wallet)]
        paid, closed = at_once(calls)
        if closed == "":
            assert isinstance(paid, NotFound)
        else:
            assert closed == "WALLET_NOT_EMPTY"
            assert isinstance(paid, SupplyView)
            assert paid.payout_wallet_id == wallet.wallet_id


def test_what_was_noted_for_nothing_is_forgotten(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """A merchant's request that crashes after the payout was reported leaves no supply, and a reference for a while."""
    one, two = merchant_wallets
    kept = selling(isolated, two)
    with pytest.raises(KeyboardInterrupt), Work(isolated.resources, "supply").transaction() as work:
        work.supplies.register_payout(ids.new("sup", "us"), one.user_id, one.wallet_id)
        raise KeyboardInterrupt
    assert noted(isolated, one) == 1
    isolated.run("sweep_payouts")
    assert noted(isolated, one) == 1  # it may be on its way
    with isolated.later(ABANDONED):
        isolated.run("sweep_payouts")
    assert (noted(isolated, one), noted(isolated, two)) == (0, 1)
    archive(isolated, kept, two)
    with isolated.later(timedelta(days=2)):
        isolated.run("sweep_payouts")
    assert noted(isolated, two) == 0


def test_what_is_on_its_way_is_not_forgotten(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """However long it takes: while the merchant's transaction is open, neither the sweep nor the owner drops it."""
    one, two = merchant_wallets
    supply = selling(isolated, two)
    with Work(isolated.resources, "supply").transaction() as work:
        changing = work.supplies.owned(supply.id, one.user_id)
        work.supplies.register_payout(supply.id, one.user_id, one.wallet_id)
        with isolated.later(ABANDONED):
            isolated.run("sweep_payouts")
        assert close(isolated, one) == "WALLET_NOT_EMPTY"
        after = changing.changed({"payout_wallet_id": one.wallet_id}, at=work.now())
        work.supplies.update(after, after.differs_from(changing))
    assert close(isolated, one) == "WALLET_NOT_EMPTY"
    with isolated.later(timedelta(days=2)):
        isolated.run("sweep_payouts")
    assert (noted(isolated, one), noted(isolated, two)) == (1, 0)
    assert close(isolated, two) == ""


def test_what_was_noted_again_meanwhile_stays(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """What was decided about an earlier reference says nothing of a later one."""
    one, two = merchant_wallets
    supply = selling(isolated, one)
    pay_to(isolated, supply, two)
    with wallet_service.Work(isolated.resources, "wallet").transaction() as work:
        ended = work.supplies.ended(work.payouts.of(one.wallet_id))
    assert [each.supply_id for each in ended] == [supply.id]
    pay_to(isolated, supply, one)
    with wallet_service.Work(isolated.resources, "wallet").transaction() as work:
        assert work.payouts.drop(ended) == 0
    assert close(isolated, one) == "WALLET_NOT_EMPTY"


def test_supplies_of_before_are_noted(isolated: IsolatedServices, merchant_wallets: Wallets) -> None:
    """Those that the wallet service does not know yet, and one that pays to a closed wallet stops no other."""
    one, two = merchant_wallets
    supplies = [selling(isolated, one), selling(isolated, two)]
    with isolated.superuser("wallet") as connection:
        wallet_ids = [one.wallet_id, two.wallet_id]
        connection.run("DELETE FROM payout_references WHERE wallet_id = ANY(:ids)", ids=wallet_ids)
    assert close(isolated, one) == ""
    with isolated.superuser("supply") as connection:
        connection.run("UPDATE supplies SET payout_noted = false WHERE id = ANY(:ids)", ids=[s.id for s in supplies])
    assert isolated.run("renew_payouts") == {"noted": 2, "failed": 0}
    assert isolated.run("renew_payouts") == {"noted": 0, "failed": 0}
    assert (noted(isolated, one), noted(isolated, two)) == (0, 1)
    assert close(isolated, two) == "WALLET_NOT_EMPTY"


def test_a_merchant_changes_where_it_pays(merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """It is a change like others, with an event."""
    supply = on_sale()
    wallet_id = merchant.post("/v1/wallets", {"name": "Payouts"}, key=fresh_key())["id"]
    after = changed(merchant, supply, payout_wallet_id=wallet_id)
    assert (after["payout_wallet_id"], after["version"]) == (wallet_id, supply["version"] + 1)
    assert changed(merchant, supply, payout_wallet_id=wallet_id)["version"] == after["version"]
    [event] = [event for event in probe.stream("supply", supply["id"]) if event.type == "supply.updated"]
    assert (event.data["changed"], event.data["payout_wallet_id"]) == (["payout_wallet_id"], wallet_id)
    refused(merchant.request("DELETE", f"/v1/wallets/{wallet_id}"), 409, "WALLET_NOT_EMPTY")


def test_it_pays_to_its_merchants_own_open_wallets_alone(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """Another's wallet, a closed one and none are the same 404, and nothing changes; what is no text is 400."""
    supply = on_sale()
    closed = merchant.post("/v1/wallets", {"name": "Short"}, key=fresh_key())["id"]
    assert merchant.request("DELETE", f"/v1/wallets/{closed}").status_code == 204
    wanted = [buyer.wallet_id, closed, ids.new("wal", "us"), "nonsense", ""]
    absent(*(patch(merchant, supply, payout_wallet_id=wallet_id, title="x") for wallet_id in wanted))
    assert merchant.get(f"/v1/supplies/{supply['id']}") == supply
    for wrong in (None, 1, [merchant.wallet_id]):
        refused(patch(merchant, supply, payout_wallet_id=wrong), 400, "VALIDATION_FAILED", "payout_wallet_id")


def test_what_is_not_there_is_over(rpc: Callable[[str, str], RpcChannel], isolated: IsolatedServices) -> None:
    """And so is what pays elsewhere."""
    wallet = isolated.new_user()
    supply = selling(isolated, wallet, unit_price=Amount(0))
    payouts = [
        (supply.id, wallet.wallet_id),
        (supply.id, ids.new("wal", "us")),
        (ids.new("sup", "us"), wallet.wallet_id),
    ]
    request = DecidePayoutsRequest(payouts=[Payout(supply_id=s, wallet_id=w) for s, w in payouts])
    answer = isolated.rpc("supply", "wallet").call("Supply.DecidePayouts", request, DecidePayoutsResponse)
    assert {(each.supply_id, each.wallet_id) for each in answer.ended} == set(payouts[1:])


def test_only_services_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """Supply notes where it pays out, and the wallet service asks about it."""
    only_for_callers("refer_payout")
    only_for_callers("decide_payouts")


def test_a_wallet_is_noted_for_its_owner_alone(isolated: IsolatedServices) -> None:
    """Another user's is not found, whichever merchant has the supply."""
    mine, other = isolated.new_user(), isolated.new_user()
    channel = isolated.rpc("wallet", "supply")
    request = ReferPayoutRequest(supply_id=ids.new("sup", "us"), user_id=mine.user_id)
    for _ in range(2):
        answer = channel.call("Wallet.ReferPayout", request, ReferPayoutResponse)
        assert answer.wallet_id == mine.wallet_id
    request.wallet_id = other.wallet_id
    with pytest.raises(NotFound):
        channel.call("Wallet.ReferPayout", request, ReferPayoutResponse)
