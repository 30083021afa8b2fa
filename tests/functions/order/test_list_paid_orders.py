"""Order.ListPaid: orders as the audit compares them with other services' records."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from emulators.demo.api_user import ApiUser
from functions.order import list_paid_orders
from shared.contracts.gen.audit_pb2 import Order
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse
from shared.errors import Forbidden
from shared.rpc.channel import RpcChannel
from tests.isolated_services import IsolatedServices

Rpc = Callable[[str, str], RpcChannel]


def listed(isolated: IsolatedServices, **params: Any) -> ListPaidResponse:
    """Ask on behalf of the auditor."""
    return isolated.rpc("order", "platform").call("Order.ListPaid", ListPaidRequest(**params), ListPaidResponse)


def test_an_order_says_what_others_have_to_agree_with(isolated: IsolatedServices) -> None:
    """Its owner, total, payouts, items, and when its events were recorded."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=9000)
    supply = isolated.sell(merchant)
    order = isolated.buy(buyer, (supply, 2))
    (shown,) = [each for each in listed(isolated).orders if each.id == order.id]
    (item,) = order.items
    assert (shown.user_id, shown.wallet_id, shown.merchant_id) == (
        buyer.user_id,
        buyer.wallet_id,
        merchant.user_id,
    )
    assert (shown.address, shown.currency, shown.total, shown.fee_bps) == (
        buyer.address,
        "USDC",
        "2000",
        250,
    )
    assert list(shown.payouts) == [Order.Payout(wallet_id=merchant.wallet_id, amount="2000")]
    assert list(shown.items) == [
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
    assert shown.paid_at.ToDatetime(UTC) == order.paid_at
    assert (shown.confirmed_version, shown.paid_version) == (2, 3)
    assert not any(shown.HasField(f"{name}_at") for name in ("ended", "refunded", "earned", "claimed", "completed"))
    ended = isolated.place(buyer, (supply, 1))
    isolated.record(ended, ended.cancel())
    assert listed(isolated).orders[0].ended_version == 2


def test_pages_reach_from_one_id_to_the_next(isolated: IsolatedServices) -> None:
    """The newest first, until no id is lower; many lines make shorter pages; a time leaves out what came later."""
    buyer = isolated.new_user()
    supply = isolated.sell(isolated.new_user())
    orders = [isolated.place(buyer, (supply, 1), (supply, 1)) for _ in range(6)]
    wanted = [order.id for order in reversed(orders)]
    for limit, size in (("PAGE", 2), ("LINES", 4)):
        with patch.object(list_paid_orders, limit, size):
            found: list[str] = []
            page = listed(isolated)
            assert page.from_id == wanted[1]
            while len(found) < len(orders):
                assert [order.id for order in page.orders] == wanted[len(found) : len(found) + 2]
                found += [order.id for order in page.orders]
                page = listed(isolated, below_id=page.orders[-1].id)
    with patch.object(list_paid_orders, "PAGE", 10**6):
        everything = listed(isolated)
    assert everything.from_id == ""
    assert [order.id for order in everything.orders][: len(wanted)] == wanted
    before = listed(isolated, before=orders[3].created_at).orders
    assert [order.id for order in before][:3] == [order.id for order in reversed(orders[:3])]
    assert list(listed(isolated, before=datetime.now(UTC) - timedelta(days=1)).orders) == []


def test_what_could_not_have_been_placed_is_left_out(isolated: IsolatedServices) -> None:
    """Other services' records of it then belong to no order; the other orders are listed."""
    buyer = isolated.new_user()
    supply = isolated.sell(isolated.new_user())
    good, bad = isolated.place(buyer, (supply, 1)), isolated.place(buyer, (supply, 1))
    spoil = (
        "UPDATE events SET data = jsonb_set(data, '{total}', to_jsonb(:total::text)) WHERE stream = :id AND version = 1"
    )
    with isolated.superuser("order") as connection:
        connection.run(spoil, total="-1", id=bad.id)
    try:
        found = [order.id for order in listed(isolated).orders]
        assert good.id in found
        assert bad.id not in found
    finally:
        with isolated.superuser("order") as connection:
            connection.run(spoil, total="1000", id=bad.id)


def test_orders_are_listed_on_the_running_stack(
    buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]], rpc: Rpc
) -> None:
    """Over gRPC, with its later events."""
    order_id = paid_order(buyer, on_sale())["id"]
    found = rpc("order", "platform").call("Order.ListPaid", ListPaidRequest(), ListPaidResponse).orders
    assert [order.HasField("paid_at") for order in found if order.id == order_id] == [True]


def test_only_the_auditor_may_ask(rpc: Rpc) -> None:
    """The platform service; nobody else."""
    for caller in ("wallet", "claiming", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.ListPaid", ListPaidRequest(), ListPaidResponse)
