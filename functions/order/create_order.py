"""Buy: place an order, reserve its stock, place a hold on the buyer's funds, confirm it."""

from datetime import timedelta

from functions.order import saga
from functions.order.domain.order import Order
from functions.order.domain.placement import place
from functions.order.domain.refusals import refusal_of
from functions.order.ports import NewOrder, SagaWork
from functions.order.pricing import OrderLines, price_order
from functions.order.views import OrderView, SealedQuote
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request
from shared.errors import KeyInUse


class CreateOrder(Request):
    """What to buy, and from which wallet to pay; with a quote, at the quoted prices."""

    wallet_id: WalletId
    """The buyer's wallet that pays."""

    items: OrderLines
    """The lines: at least one, all of one merchant, in one currency, for assets on one chain."""

    quote: SealedQuote | None = None
    """The `quote` that quote_order gave for the same lines and wallet, to get its prices."""


def create_order(request: CreateOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The confirmed order; repeating the request with the same idempotency key resumes it after a crash at any point.

    Raises Malformed, MixedOrder, AmountOverflow, QuoteInvalid and NotFound before an order is placed, OrderRefused once
    one is, OrderPending while the outcome is not known, KeyInUse when another process has concluded the order: its
    response is stored under the key.
    """
    until = work.now() + timedelta(seconds=work.answer_within_seconds)
    begun = work.resumed() or _place(request, caller, work)
    order = saga.finish(begun, work, until)
    if order.superseded:
        raise KeyInUse  # another process moved the order on, and has stored the response to this request
    if refusal := refusal_of(order):
        raise refusal
    return OrderView.of(order)


def _place(request: CreateOrder, caller: Caller, work: SagaWork) -> Order:
    """T0 fetches the terms, outside any transaction; the order is begun at those terms, with others that wait."""
    quote = work.quotes.open(request.quote) if request.quote is not None else None
    priced = price_order(request.wallet_id, request.items, caller, work)
    lines = priced.lines
    if quote:
        lines = quote.price(caller.user_id, request.wallet_id, lines, priced.proofs)
    expires_at = work.now() + timedelta(seconds=work.order_ttl_seconds)
    placed = place(
        work.new_id("ord"), caller.user_id, request.wallet_id, priced.address, lines, work.fee_bps, expires_at
    )
    return work.grouped(saga.begin, NewOrder(placed, work.request, priced.lines, quote))
