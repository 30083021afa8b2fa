"""Order.ListPaid: orders as an auditor compares them with what other services have for them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from emulators.buyer import Person
from functions.order import list_paid_orders
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.audit_pb2 import Order
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse
from shared.errors import Forbidden
from tests.island import Island

Rpc = Callable[[str, str], RpcChannel]


def listed(island: Island, **asked: Any) -> ListPaidResponse:
    """Ask on behalf of the auditor."""
    return island.rpc("order", "platform").call("Order.ListPaid", ListPaidRequest(**asked), ListPaidResponse)


def test_an_order_says_what_others_have_to_agree_with(island: Island) -> None:
    """Whose it is, what it comes to, who is to be paid, what was bought, and when what became of it."""
    merchant, buyer = island.islander(), island.islander(USDC=9000)
    supply = island.sell(merchant)
    order = island.buy(buyer, (supply, 2))
    (told,) = [each for each in listed(island).orders if each.id == order.id]
    (item,) = order.items
    assert (told.user_id, told.wallet_id, told.merchant_id) == (buyer.user_id, buyer.wallet_id, merchant.user_id)
    assert (told.address, told.currency, told.total, told.fee_bps) == (buyer.address, "USDC", "2000", 250)
    assert list(told.payouts) == [Order.Payout(wallet_id=merchant.wallet_id, amount="2000")]
    assert list(told.items) == [
        Order.Item(
            item_id=item.item_id,
            supply_id=supply.id,
            quantity=2,
            chain_id=item.chain_id,
            contract=item.contract,
            token_id=item.token_id,
            standard=item.standard,
        )
    ]
    assert told.paid_at.ToDatetime(UTC) == order.paid_at
    assert (told.confirmed_version, told.paid_version) == (2, 3)
    assert not any(told.HasField(f"{name}_at") for name in ("ended", "refunded", "earned", "claimed", "completed"))
    ended = island.place(buyer, (supply, 1))
    island.record(ended, ended.cancel())
    assert listed(island).orders[0].ended_version == 2


def test_pages_reach_from_one_id_to_the_next(island: Island) -> None:
    """The newest first, until no id is lower; many lines make shorter pages; a time leaves out what came later."""
    buyer = island.islander()
    supply = island.sell(island.islander())
    orders = [island.place(buyer, (supply, 1), (supply, 1)) for _ in range(6)]
    wanted = [order.id for order in reversed(orders)]
    for limit, size in (("PAGE", 2), ("LINES", 4)):
        with patch.object(list_paid_orders, limit, size):
            found: list[str] = []
            page = listed(island)
            assert page.from_id == wanted[1]
            while len(found) < len(orders):
                assert [order.id for order in page.orders] == wanted[len(found) : len(found) + 2]
                found += [order.id for order in page.orders]
                page = listed(island, below_id=page.orders[-1].id)
    with patch.object(list_paid_orders, "PAGE", 10**6):
        everything = listed(island)
    assert everything.from_id == ""
    assert [order.id for order in everything.orders][: len(wanted)] == wanted
    before = listed(island, before=orders[3].created_at).orders
    assert [order.id for order in before][:3] == [order.id for order in reversed(orders[:3])]
    assert list(listed(island, before=datetime.now(UTC) - timedelta(days=1)).orders) == []


def test_what_could_not_have_been_placed_is_left_out(island: Island) -> None:
    """What others have for it is for no order then; the orders beside it are listed."""
    buyer = island.islander()
    supply = island.sell(island.islander())
    good, bad = island.place(buyer, (supply, 1)), island.place(buyer, (supply, 1))
    spoil = (
        "UPDATE events SET data = jsonb_set(data, '{total}', to_jsonb(:total::text)) WHERE stream = :id AND version = 1"
    )
    with island.superuser("order") as connection:
        connection.run(spoil, total="-1", id=bad.id)
    try:
        found = [order.id for order in listed(island).orders]
        assert good.id in found
        assert bad.id not in found
    finally:
        with island.superuser("order") as connection:
            connection.run(spoil, total="1000", id=bad.id)


def test_orders_are_listed_on_the_running_stack(
    buyer: Person, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]], rpc: Rpc
) -> None:
    """Over gRPC, with what became of it."""
    order_id = paid_order(buyer, on_sale())["id"]
    found = rpc("order", "platform").call("Order.ListPaid", ListPaidRequest(), ListPaidResponse).orders
    assert [order.HasField("paid_at") for order in found if order.id == order_id] == [True]


def test_only_the_auditor_may_ask(rpc: Rpc) -> None:
    """The platform service; nobody else."""
    for caller in ("wallet", "claiming", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.ListPaid", ListPaidRequest(), ListPaidResponse)
