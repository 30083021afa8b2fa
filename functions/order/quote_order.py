"""Tell what an order would cost and whether it would go through, without placing it."""

from collections import defaultdict
from datetime import timedelta

from functions.order.buying import OrderLines, Wanted, ask
from functions.order.domain.placing import total_of
from functions.order.domain.quoting import Verdict, quote_of
from functions.order.ports import QuoteWork
from functions.order.views import QuotedItemView, QuoteView
from shared.contracts.operations import Caller, Request
from shared.money import Amount


class QuoteOrder(Request):
    """What to buy, and from which wallet to pay."""

    wallet_id: str
    items: OrderLines


def quote_order(request: QuoteOrder, caller: Caller, work: QuoteWork) -> QuoteView:
    """Total, every reason against it, what the wallet has, and a quote, by which one order gets these prices.

    There is a quote only of what the buyer could buy now, all of it: nobody keeps a price that was never theirs.
    Raises Malformed, NotFound, Unavailable.
    """
    wanted = ask(request.wallet_id, request.items, caller, work)
    total, currency = total_of(wanted.lines), wanted.lines[0].terms.currency
    verdicts = work.supply.check(_units(wanted), caller.user_id, wanted.address, wanted.proofs)
    purse = work.wallet.purse(request.wallet_id, currency)
    reasons = {*purse.reasons_against(total)}
    for line in wanted.lines:
        reasons |= verdicts[line.terms.supply_id].reasons_at(line.terms)
    expires_at = work.now() + timedelta(seconds=work.quote_ttl_seconds)
    made = (work.new_id("qte"), caller.user_id, request.wallet_id, wanted.lines, wanted.proofs, expires_at)
    return QuoteView(
        eligible=not reasons,
        reasons=sorted(reasons),
        total=Amount(total),
        currency=currency,
        items=_items(wanted, verdicts),
        available_balance=Amount(purse.available),
        expires_at=expires_at,
        quote=None if reasons else work.quotes.seal(quote_of(*made)),
    )


def _units(wanted: Wanted) -> dict[str, int]:
    """How many units of each supply all lines together want."""
    units: dict[str, int] = defaultdict(int)
    for line in wanted.lines:
        units[line.terms.supply_id] += line.quantity
    return dict(units)


def _items(wanted: Wanted, verdicts: dict[str, Verdict]) -> list[QuotedItemView]:
    return [QuotedItemView.of(line, verdicts[line.terms.supply_id]) for line in wanted.lines]
