"""Where supplies pay out: a wallet stays open for them, and for the orders that were sold with it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import functions.wallet.store as wallet_service
from emulators.buyer import Person, fresh_key
from functions.supply.delete_supply import DeleteSupply
from functions.supply.store import Work
from functions.supply.update_supply import UpdateSupply
from functions.supply.views import SupplyView
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletNotEmpty
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.supply_pb2 import DecidePayoutsRequest, DecidePayoutsResponse, Payout
from shared.contracts.gen.wallet_pb2 import ReferPayoutRequest, ReferPayoutResponse
from shared.contracts.operations import Match
from shared.errors import NotFound
from shared.money import Amount
from tests.books import Books
from tests.functions.supply.test_update_supply import OnSale, changed, patch
from tests.island import Island, Islander
from tests.problems import absent, refused
from tests.races import at_once

ROUNDS = 12
ABANDONED = timedelta(minutes=11)


def close(island: Island, wallet: Islander) -> str:
    """Close a wallet as its owner does; the code of the refusal, empty for none."""
    try:
        island.run("close_wallet", request=CloseWallet(wallet.wallet_id), caller=wallet.caller)
    except WalletNotEmpty as refusal:
        return refusal.code
    return ""


def pay_to(island: Island, supply: SupplyView, wallet: Islander) -> SupplyView:
    request = UpdateSupply(supply.id, payout_wallet_id=wallet.wallet_id)
    paid: SupplyView = island.run("update_supply", request=request, caller=wallet.caller, match=Match(None))
    return paid


def archive(island: Island, supply: SupplyView, merchant: Islander) -> None:
    island.run("delete_supply", request=DeleteSupply(supply.id), caller=merchant.caller)


def selling(island: Island, payout: Islander, **terms: Any) -> SupplyView:
    return island.sell(payout, payout_wallet_id=payout.wallet_id, **terms)


def noted(island: Island, wallet: Islander) -> int:
    sql = "SELECT count(*) AS number FROM payout_references WHERE wallet_id = :id"
    return int(island.books.rows("wallet", sql, id=wallet.wallet_id)[0]["number"])


def settle(island: Island, order_id: str) -> None:
    with island.orders.transaction() as work:
        order = work.orders.lock(order_id)
    island.record(order, order.mature())
    island.deliver("settle_order", order_id)


@pytest.fixture
def merchant_wallets(island: Island) -> tuple[Islander, Islander]:
    """Two further wallets of one merchant."""
    merchant = island.islander()
    return island.spare(merchant), island.spare(merchant)


Wallets = tuple[Islander, Islander]


@pytest.mark.parametrize("status", ["active", "draft"])
def test_a_wallet_stays_open_while_a_supply_pays_to_it(island: Island, merchant_wallets: Wallets, status: str) -> None:
    """Whether it sells at the moment or not; once it is archived, or pays to another, the wallet closes at once."""
    one, two = merchant_wallets
    first, second = selling(island, one, status=status), selling(island, one, status=status)
    assert close(island, one) == "WALLET_NOT_EMPTY"
    archive(island, first, one)
    assert close(island, one) == "WALLET_NOT_EMPTY"
    assert pay_to(island, second, two).payout_wallet_id == two.wallet_id
    assert (close(island, one), close(island, two)) == ("", "WALLET_NOT_EMPTY")
    assert (noted(island, one), noted(island, two)) == (0, 1)
    with pytest.raises(NotFound):
        pay_to(island, second, one)


def test_orders_are_paid_out_to_where_they_were_sold_with(island: Island, merchant_wallets: Wallets) -> None:
    """From its hold until it is settled the wallet stays open, wherever the supply pays out meanwhile."""
    one, two = merchant_wallets
    supply = selling(island, one)
    order = island.confirm(island.place(island.islander(USDC=1000), (supply, 1)))
    pay_to(island, supply, two)
    assert close(island, one) == "WALLET_NOT_EMPTY"
    island.deliver("capture_hold", order.id)
    island.deliver("record_payment", order.hold_id)
    assert close(island, one) == "WALLET_NOT_EMPTY"
    settle(island, order.id)
    assert island.books.money(one.wallet_id) == (975, 0)
    assert island.books.money(two.wallet_id) == (0, 0)
    assert island.books.rows("wallet", "SELECT * FROM order_payouts WHERE order_id = :id", id=order.id) == []


@pytest.mark.parametrize("end", ["released", "refunded"])
def test_an_order_that_is_over_keeps_nothing_open(island: Island, merchant_wallets: Wallets, end: str) -> None:
    """Cancelled or refunded."""
    one, _ = merchant_wallets
    supply = selling(island, one, quantity=1)
    if end == "released":
        order = island.confirm(island.place(island.islander(USDC=1000), (supply, 1)))
        island.orders.wallet.release(order)
        island.orders.supply.release(order)
    else:
        order = island.buy(island.islander(USDC=1000), (supply, 1))
        island.deliver("commit_stock", order.id)
        island.orders.wallet.refund(order)
    archive(island, supply, one)
    assert close(island, one) == ""


def test_of_a_new_supply_and_a_closing_one_is_first(island: Island, merchant_wallets: Wallets) -> None:
    """At the same moment, many times: no supply is put up, or changed, to pay to a wallet that is closed."""
    elsewhere, _ = merchant_wallets
    for round_ in range(ROUNDS):
        wallet = island.spare(elsewhere)
        other = selling(island, elsewhere)
        pay = partial(selling, island, wallet) if round_ % 2 else partial(pay_to, island, other, wallet)
        calls: list[Callable[[], Any]] = [pay, partial(close, island, wallet)]
        paid, closed = at_once(calls)
        if closed == "":
            assert isinstance(paid, NotFound)
        else:
            assert closed == "WALLET_NOT_EMPTY"
            assert isinstance(paid, SupplyView)
            assert paid.payout_wallet_id == wallet.wallet_id


def test_what_was_noted_for_nothing_is_forgotten(island: Island, merchant_wallets: Wallets) -> None:
    """A merchant's request that dies after the wallet was told leaves no supply, and a reference for a while."""
    one, two = merchant_wallets
    kept = selling(island, two)
    with pytest.raises(KeyboardInterrupt), Work(island.resources, "supply").transaction() as work:
        work.supplies.payee(ids.new("sup", "us"), one.user_id, one.wallet_id)
        raise KeyboardInterrupt
    assert noted(island, one) == 1
    island.run("sweep_payouts")
    assert noted(island, one) == 1  # it may be on its way
    with island.later(ABANDONED):
        island.run("sweep_payouts")
    assert (noted(island, one), noted(island, two)) == (0, 1)
    archive(island, kept, two)
    with island.later(timedelta(days=2)):
        island.run("sweep_payouts")
    assert noted(island, two) == 0


def test_what_is_on_its_way_is_not_forgotten(island: Island, merchant_wallets: Wallets) -> None:
    """However long it takes: while the merchant's transaction is open, neither the sweep nor the owner drops it."""
    one, two = merchant_wallets
    supply = selling(island, two)
    with Work(island.resources, "supply").transaction() as work:
        changing = work.supplies.owned(supply.id, one.user_id)
        work.supplies.payee(supply.id, one.user_id, one.wallet_id)
        with island.later(ABANDONED):
            island.run("sweep_payouts")
        assert close(island, one) == "WALLET_NOT_EMPTY"
        after = changing.changed({"payout_wallet_id": one.wallet_id}, at=work.now())
        work.supplies.update(after, after.differs_from(changing))
    assert close(island, one) == "WALLET_NOT_EMPTY"
    with island.later(timedelta(days=2)):
        island.run("sweep_payouts")
    assert (noted(island, one), noted(island, two)) == (1, 0)
    assert close(island, two) == ""


def test_what_was_noted_again_meanwhile_stays(island: Island, merchant_wallets: Wallets) -> None:
    """What was decided about an earlier reference says nothing of a later one."""
    one, two = merchant_wallets
    supply = selling(island, one)
    pay_to(island, supply, two)
    with wallet_service.Work(island.resources, "wallet").transaction() as work:
        ended = work.supplies.ended(work.payouts.of(one.wallet_id))
    assert [each.supply_id for each in ended] == [supply.id]
    pay_to(island, supply, one)
    with wallet_service.Work(island.resources, "wallet").transaction() as work:
        assert work.payouts.drop(ended) == 0
    assert close(island, one) == "WALLET_NOT_EMPTY"


def test_supplies_of_before_are_noted(island: Island, merchant_wallets: Wallets) -> None:
    """Those that the wallet service does not know yet, and one that pays to a closed wallet stops no other."""
    one, two = merchant_wallets
    supplies = [selling(island, one), selling(island, two)]
    with island.superuser("wallet") as connection:
        wallet_ids = [one.wallet_id, two.wallet_id]
        connection.run("DELETE FROM payout_references WHERE wallet_id = ANY(:ids)", ids=wallet_ids)
    assert close(island, one) == ""
    with island.superuser("supply") as connection:
        connection.run("UPDATE supplies SET payout_noted = false WHERE id = ANY(:ids)", ids=[s.id for s in supplies])
    assert island.run("renew_payouts") == {"noted": 2, "failed": 0}
    assert island.run("renew_payouts") == {"noted": 0, "failed": 0}
    assert (noted(island, one), noted(island, two)) == (0, 1)
    assert close(island, two) == "WALLET_NOT_EMPTY"


def test_a_merchant_changes_where_it_pays(merchant: Person, on_sale: OnSale, books: Books) -> None:
    """It is a change like others, and told of."""
    supply = on_sale()
    wallet_id = merchant.post("/v1/wallets", {"name": "Payouts"}, key=fresh_key())["id"]
    after = changed(merchant, supply, payout_wallet_id=wallet_id)
    assert (after["payout_wallet_id"], after["version"]) == (wallet_id, supply["version"] + 1)
    assert changed(merchant, supply, payout_wallet_id=wallet_id)["version"] == after["version"]
    [event] = [event for event in books.stream("supply", supply["id"]) if event.type == "supply.updated"]
    assert (event.data["changed"], event.data["payout_wallet_id"]) == (["payout_wallet_id"], wallet_id)
    refused(merchant.request("DELETE", f"/v1/wallets/{wallet_id}"), 409, "WALLET_NOT_EMPTY")


def test_it_pays_to_its_merchants_own_open_wallets_alone(merchant: Person, buyer: Person, on_sale: OnSale) -> None:
    """Another's wallet, a closed one and none are the same 404, and nothing changes; what is no text is 400."""
    supply = on_sale()
    closed = merchant.post("/v1/wallets", {"name": "Short"}, key=fresh_key())["id"]
    assert merchant.request("DELETE", f"/v1/wallets/{closed}").status_code == 204
    wanted = [buyer.wallet_id, closed, ids.new("wal", "us"), "nonsense", ""]
    absent(*(patch(merchant, supply, payout_wallet_id=wallet_id, title="x") for wallet_id in wanted))
    assert merchant.get(f"/v1/supplies/{supply['id']}") == supply
    for wrong in (None, 1, [merchant.wallet_id]):
        refused(patch(merchant, supply, payout_wallet_id=wrong), 400, "VALIDATION_FAILED", "payout_wallet_id")


def test_what_is_not_there_is_over(rpc: Callable[[str, str], RpcChannel], island: Island) -> None:
    """And so is what pays elsewhere."""
    wallet = island.islander()
    supply = selling(island, wallet, unit_price=Amount(0))
    asked = [(supply.id, wallet.wallet_id), (supply.id, ids.new("wal", "us")), (ids.new("sup", "us"), wallet.wallet_id)]
    request = DecidePayoutsRequest(payouts=[Payout(supply_id=s, wallet_id=w) for s, w in asked])
    answer = island.rpc("supply", "wallet").call("Supply.DecidePayouts", request, DecidePayoutsResponse)
    assert {(each.supply_id, each.wallet_id) for each in answer.ended} == set(asked[1:])


def test_only_services_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """Supply notes where it pays out, and the wallet service asks about it."""
    only_for_callers("refer_payout")
    only_for_callers("decide_payouts")


def test_a_wallet_is_noted_for_its_owner_alone(island: Island) -> None:
    """Another's is not found, whoever the supply is of."""
    mine, other = island.islander(), island.islander()
    channel = island.rpc("wallet", "supply")
    request = ReferPayoutRequest(supply_id=ids.new("sup", "us"), user_id=mine.user_id)
    for _ in range(2):
        answer = channel.call("Wallet.ReferPayout", request, ReferPayoutResponse)
        assert answer.wallet_id == mine.wallet_id
    request.wallet_id = other.wallet_id
    with pytest.raises(NotFound):
        channel.call("Wallet.ReferPayout", request, ReferPayoutResponse)
