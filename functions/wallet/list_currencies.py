"""List the currencies that can be deposited and withdrawn, with their terms."""

from functions.wallet.ports import TermsWork
from functions.wallet.views import CurrencyView
from shared.contracts.operations import Page, PageRequest, page
from shared.errors import Malformed
from shared.money import DECIMALS, Amount


class ListCurrencies(PageRequest):
    """Which currencies to list."""


def list_currencies(request: ListCurrencies, work: TermsWork) -> Page[CurrencyView]:
    """The currencies by name; none if no chain is configured. Raises Malformed."""
    after = request.last()
    if after is not None and after not in DECIMALS:
        raise Malformed("not a cursor of this list", field="cursor")
    vault = work.vault if work.has_chain else None
    found = [
        CurrencyView(
            currency=currency,
            decimals=DECIMALS[currency],
            chain_id=vault.chain_id,
            contract=vault.asset(currency),
            least_withdrawal=Amount(vault.terms(currency).minimum),
            withdrawal_fee=Amount(vault.terms(currency).fee),
        )
        for currency in sorted(vault.currencies if vault else ())
        if vault and currency > (after or "")
    ]
    return page(found[: request.limit + 1], request.limit, "currency")
