"""List the currencies that can be deposited and withdrawn, with their terms."""

from typing import Annotated

import msgspec

from functions.wallet.ports import TermsWork
from shared.contracts.fields import ChainId, CurrencyCode, ShownAddress
from shared.contracts.operations import Page, PageRequest, View, page
from shared.errors import Malformed
from shared.money import DECIMALS, Amount


class ListCurrencies(PageRequest):
    """Which currencies to list."""


class CurrencyView(View):
    """A currency that can be deposited and withdrawn."""

    currency: CurrencyCode
    """What the API calls it."""

    decimals: Annotated[int, msgspec.Meta(examples=[6])]
    """The number of decimal places: 6 means that the amount `1500000` is 1.5."""

    chain_id: ChainId
    """The chain that it is deposited and withdrawn on, by its number in EIP-155."""

    contract: ShownAddress | None
    """The contract of its token; null for the chain's native currency."""

    least_withdrawal: Amount
    """The least amount of a withdrawal, in atomic units."""

    withdrawal_fee: Amount
    """What a withdrawal costs on top of its amount, in atomic units."""


def list_currencies(request: ListCurrencies, work: TermsWork) -> Page[CurrencyView]:
    """The currencies by name; none if no chain is configured. Raises Malformed."""
    after = request.last()
    if after is not None and after not in DECIMALS:
        raise Malformed("is not a cursor of this list: send the `next_cursor` of the page before", field="cursor")
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
