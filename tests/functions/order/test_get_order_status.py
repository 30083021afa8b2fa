"""Order.GetStatus: what claiming gets of an order."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.order.adapters.work import Work
from functions.order.get_order_status import get_order_status
from shared import ids
from shared.contracts.gen.order_pb2 import GetStatusRequest, GetStatusResponse
from shared.errors import Forbidden, NotFound
from shared.resources import Resources
from shared.rpc.channel import RpcChannel

Rpc = Callable[[str, str], RpcChannel]


class Undone(Exception):
    """Rolls a transaction back: the stack would act on it."""


def status_of(rpc: Rpc, order_id: str) -> GetStatusResponse:
    """Ask on behalf of claiming."""
    return rpc("order", "claiming").call("Order.GetStatus", GetStatusRequest(order_id=order_id), GetStatusResponse)


def test_a_paid_order_may_be_claimed_and_no_other(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    ordered: Callable[..., dict[str, Any]],
    stuck: Callable[..., str],
    rpc: Rpc,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """Claimable is exactly paid: not pending, confirmed, cancelled or claimed."""
    supply = on_sale()
    with pause_order_relay():
        order_id, pending = ordered(buyer, supply)["id"], stuck(buyer, supply)
        for each, status in ((order_id, "confirmed"), (pending, "pending")):
            assert (status_of(rpc, each).status, status_of(rpc, each).claimable) == (status, False)
        buyer.post(f"/v1/orders/{pending}/cancel")
        assert (status_of(rpc, pending).status, status_of(rpc, pending).claimable) == ("cancelled", False)
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "paid")
    assert (status_of(rpc, order_id).status, status_of(rpc, order_id).claimable) == ("paid", True)
    buyer.post("/v1/claims", {"order_id": order_id})
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")
    assert (status_of(rpc, order_id).status, status_of(rpc, order_id).claimable) == ("claimed", False)


def test_it_says_what_a_voucher_needs(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    ordered: Callable[..., dict[str, Any]],
    rpc: Rpc,
    own_asset: dict[str, Any],
) -> None:
    """Whose order it is, the address that pays, and of each line what is handed out for it."""
    asset = {**own_asset, "token_id": str(2**256 - 1)}
    supply = on_sale(asset=asset)
    order = ordered(buyer, supply, 2)
    response = status_of(rpc, order["id"])
    assert (response.order_id, response.user_id, response.address) == (order["id"], buyer.user_id, buyer.address)
    item = response.items[0]
    assert (item.item_id, item.supply_id, item.quantity) == (order["items"][0]["id"], supply["id"], 2)
    assert (item.chain_id, item.contract, item.token_id) == (31337, asset["contract"], asset["token_id"])
    assert item.standard == "ERC-1155"


def test_what_is_being_given_back_is_not_claimable(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    resources: Resources,
) -> None:
    """From the request for a refund on, though it is still shown as paid; what has matured is claimable."""
    refunding, matured = paid_order(buyer, on_sale())["id"], paid_order(buyer, on_sale())["id"]
    work: Any = Work(resources, "order")
    with pytest.raises(Undone), work.transaction() as open_work:
        order = open_work.orders.lock(refunding)
        open_work.orders.record(order, order.request_refund(buyer.user_id, "", restock=False))
        response = get_order_status(GetStatusRequest(order_id=refunding), open_work)
        assert (response.status, response.claimable) == ("paid", False)
        order = open_work.orders.lock(matured)
        open_work.orders.record(order, order.mature())
        response = get_order_status(GetStatusRequest(order_id=matured), open_work)
        assert (response.status, response.claimable) == ("paid", True)
        raise Undone


def test_it_says_what_a_receipt_needs(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    stuck: Callable[..., str],
    paid_order: Callable[..., dict[str, Any]],
    rpc: Rpc,
) -> None:
    """Who sold, what was paid from where and when; there is no such time before."""
    before = datetime.now(UTC)
    order = paid_order(buyer, on_sale(), 2)
    response = status_of(rpc, order["id"])
    assert (response.merchant_id, response.wallet_id) == (merchant.user_id, buyer.wallet_id)
    assert (response.currency, response.total) == ("USDC", "2000")
    assert before <= response.paid_at.ToDatetime(UTC) <= datetime.now(UTC)
    pending = stuck(buyer, on_sale())
    assert not status_of(rpc, pending).HasField("paid_at")
    buyer.post(f"/v1/orders/{pending}/cancel")


def test_an_unknown_order_and_another_caller_are_refused(rpc: Rpc) -> None:
    """Absent and malformed ids are not found; only claiming may ask."""
    for order_id in (ids.new("ord", "us"), "nonsense", ""):
        with pytest.raises(NotFound):
            status_of(rpc, order_id)
    for caller in ("wallet", "supply", "order", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.GetStatus", GetStatusRequest(), GetStatusResponse)
