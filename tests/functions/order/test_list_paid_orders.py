"""Order.ListPaid: what an auditor follows through the services."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.buyer import Person
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse
from shared.errors import Forbidden

Rpc = Callable[[str, str], RpcChannel]


def paid(rpc: Rpc, before: datetime, after: str) -> ListPaidResponse:
    """Ask on behalf of the auditor."""
    return rpc("order", "platform").call(
        "Order.ListPaid", ListPaidRequest(before=before, after=after), ListPaidResponse
    )


def test_paid_orders_are_listed_and_those_that_cost_something_among_them(
    buyer: Person,
    on_sale: Callable[..., dict[str, Any]],
    ordered: Callable[..., dict[str, Any]],
    rpc: Rpc,
    unpublished: None,
) -> None:
    """By id, claimed ones too; free ones are not charged; what is merely confirmed, or was paid later, is not there."""
    free, confirmed = ordered(buyer, on_sale(unit_price="0"))["id"], ordered(buyer, on_sale())["id"]
    began = free[:-1]
    listed = paid(rpc, datetime.now(UTC) + timedelta(minutes=1), began)
    assert list(listed.order_ids) == [free]
    assert list(listed.charged_ids) == []
    assert free not in paid(rpc, datetime.now(UTC) - timedelta(minutes=1), began).order_ids
    assert confirmed not in listed.order_ids


def test_a_charged_order_is_told_as_such(
    buyer: Person, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]], rpc: Rpc
) -> None:
    """Its money has to be found in the wallet service; it stays listed once it is claimed."""
    order_id = paid_order(buyer, on_sale())["id"]
    for status in ("paid", "claimed"):
        listed = paid(rpc, datetime.now(UTC) + timedelta(minutes=1), order_id[:-1])
        assert (list(listed.order_ids), list(listed.charged_ids)) == ([order_id], [order_id])
        if status == "paid":
            buyer.post("/v1/claims", {"order_id": order_id})
            buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")


def test_only_the_auditor_may_ask(rpc: Rpc) -> None:
    """The platform service; nobody else."""
    for caller in ("wallet", "claiming", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.ListPaid", ListPaidRequest(), ListPaidResponse)
