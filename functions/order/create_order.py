"""Buy: place an order, reserve its stock, set its money aside, confirm it."""

from datetime import timedelta

from functions.order import saga
from functions.order.buying import OrderLines, ask
from functions.order.domain.placing import place
from functions.order.domain.refusing import refusal_of
from functions.order.ports import SagaWork
from functions.order.views import OrderView
from shared.contracts.operations import Caller, Request
from shared.errors import KeyInUse


class CreateOrder(Request):
    """What to buy, and from which wallet to pay; with a quote, at the prices that it tells."""

    wallet_id: str
    items: OrderLines
    quote: str | None = None


def create_order(request: CreateOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The order, confirmed; the same idempotency key finds and resumes it after a crash anywhere.

    Raises Malformed and NotFound without an order, OrderRefused with one, OrderPending when the outcome is not known,
    KeyInUse when another was faster: then the answer is there.
    """
    until = work.now() + timedelta(seconds=work.answer_within_seconds)
    order_id = work.resumed() or _place(request, caller, work)
    order = saga.finish(order_id, work, until, lease=order_id)
    if order.outrun:
        raise KeyInUse  # somebody else went on with it, and has stored what this request is answered
    if refusal := refusal_of(order):
        raise refusal
    return OrderView.of(order)


def _place(request: CreateOrder, caller: Caller, work: SagaWork) -> str:
    """T0 asks for the terms, outside any transaction; T1 commits the order at those terms together with its key.

    One whose quote has expired, was used, or was made for other terms fails as it is placed.
    """
    quote = work.quotes.open(request.quote) if request.quote is not None else None
    wanted = ask(request.wallet_id, request.items, caller, work)
    lines = wanted.lines
    if quote:
        lines = quote.honoured(caller.user_id, request.wallet_id, lines, wanted.proofs)
    expires_at = work.now() + timedelta(seconds=work.order_ttl_seconds)
    placed = place(
        work.new_id("ord"), caller.user_id, request.wallet_id, wanted.address, lines, work.fee_bps, expires_at
    )
    with work.transaction() as t1:
        t1.lease_key(placed.order_id)
        order = t1.orders.place(placed)
        if quote and (refusal := quote.refusal(wanted.lines, t1.now()) or t1.orders.use_quote(quote.id, order)):
            t1.orders.record(order, order.fail(*refusal))
    return placed.order_id
