"""Buy: place an order, reserve its stock, set its money aside, confirm it."""

from datetime import timedelta
from typing import Annotated

import msgspec

from functions.order import saga
from functions.order.domain.placing import Terms, place
from functions.order.domain.refusing import refusal_of
from functions.order.ports import SagaWork
from functions.order.views import OrderView
from shared.contracts.operations import Caller, Quantity, Request
from shared.errors import NotFound


class Line(Request):
    """So many units of a supply."""

    supply_id: str
    quantity: Quantity


class CreateOrder(Request):
    """What to buy, and from which wallet to pay."""

    wallet_id: str
    items: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=50)]


def create_order(request: CreateOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The order, confirmed; the same idempotency key finds and resumes it after a crash anywhere.

    Raises Malformed and NotFound without an order, OrderRefused with one, OrderPending when the outcome is not known.
    """
    until = work.now() + timedelta(seconds=work.answer_within_seconds)
    order_id = work.resumed() or _place(request, caller, work)
    order = saga.finish(order_id, work, until)
    if refusal := refusal_of(order):
        raise refusal
    return OrderView.of(order)


def _place(request: CreateOrder, caller: Caller, work: SagaWork) -> str:
    """T0 asks for the terms, outside any transaction; T1 commits the order at those terms together with its key."""
    address = work.wallet.address(request.wallet_id, owner=caller.user_id)
    terms = work.supply.describe([line.supply_id for line in request.items], caller.user_id)
    lines = [(_known(terms, line.supply_id), line.quantity, work.new_id("itm")) for line in request.items]
    expires_at = work.now() + timedelta(seconds=work.order_ttl_seconds)
    placed = place(work.new_id("ord"), caller.user_id, request.wallet_id, address, lines, work.fee_bps, expires_at)
    with work.transaction() as t1:
        t1.lease_key(placed.order_id)
        t1.orders.place(placed)
    return placed.order_id


def _known(terms: dict[str, Terms], supply_id: str) -> Terms:
    if supply_id not in terms:
        raise NotFound(f"There is no supply {supply_id[:64]!r}.")
    return terms[supply_id]
