"""Quote an order: what it would cost and whether it would succeed, without placing it."""

from collections import defaultdict
from datetime import timedelta

from functions.order.domain.placement import total_of
from functions.order.domain.quote import quote_of
from functions.order.ports import QuoteWork
from functions.order.pricing import OrderLines, PricedOrder, price_order
from functions.order.views import QuotedItemView, QuoteView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request
from shared.money import Amount


class QuoteOrder(Request):
    """What to buy, and from which wallet to pay."""

    wallet_id: WalletId
    """The buyer's wallet that is to pay."""

    items: OrderLines
    """The lines, as in create_order."""


def quote_order(request: QuoteOrder, caller: Caller, work: QuoteWork) -> QuoteView:
    """The total, every reason against it, the wallet's balance, and a quote that gives one order these prices.

    A quote is issued only if the buyer could buy all of it now, so that nobody locks in a price that was never theirs.
    Raises Malformed, MixedOrder, AmountOverflow, NotFound, Unavailable.
    """
    priced = price_order(request.wallet_id, request.items, caller, work)
    total, currency = total_of(priced.lines), priced.lines[0].terms.currency
    eligibility = work.supply.check(_units(priced), caller.user_id, priced.address, priced.proofs)
    balance = work.wallet.spendable(request.wallet_id, currency)
    reasons = {*balance.reasons_against(total)}
    for line in priced.lines:
        reasons |= eligibility[line.terms.supply_id].reasons_at(line.terms)
    expires_at = work.now() + timedelta(seconds=work.quote_ttl_seconds)
    made = (work.new_id("qte"), caller.user_id, request.wallet_id, priced.lines, priced.proofs, expires_at)
    return QuoteView(
        eligible=not reasons,
        reasons=sorted(reasons),
        total=Amount(total),
        currency=currency,
        items=[QuotedItemView.of(line, eligibility[line.terms.supply_id]) for line in priced.lines],
        available_balance=Amount(balance.available),
        expires_at=expires_at,
        quote=None if reasons else work.quotes.seal(quote_of(*made)),
    )


def _units(priced: PricedOrder) -> dict[str, int]:
    """The units of each supply, summed over all lines."""
    units: dict[str, int] = defaultdict(int)
    for line in priced.lines:
        units[line.terms.supply_id] += line.quantity
    return dict(units)
