"""A quote: terms offered to a buyer who could buy at them, and that one order of theirs may use until it expires."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from functions.order.domain.errors import QuoteInvalid
from functions.order.domain.placement import Line, Proof, Terms
from shared.money import Amount

QUOTE_EXPIRED: Final = ("QUOTE_EXPIRED", "The quote has expired: ask for another.")
OTHER_TERMS: Final = ("QUOTE_EXPIRED", "The phase of the sale or its list is no longer the quote's: ask for another.")
QUOTE_USED: Final = ("QUOTE_EXPIRED", "The quote was used for another order: ask for another.")
"""Why a quote is no longer valid: code and detail."""


class Eligibility(NamedTuple):
    """Whether a buyer may buy some units of a supply: every reason against, by its code.

    phase: the open phase; empty for none. limit_remaining: how many more they may buy; None without a limit.
    """

    reasons: tuple[str, ...]
    phase: str
    limit_remaining: int | None

    def reasons_at(self, terms: Terms) -> set[str]:
        """Every reason against, given terms fetched a moment earlier: terms of another phase no longer apply."""
        return {*self.reasons, *(["NOT_ON_SALE"] if self.phase != terms.phase else [])}


class SpendableBalance(NamedTuple):
    """A wallet's available balance in one currency, in atomic units."""

    open: bool
    available: int

    def reasons_against(self, total: int) -> list[str]:
        """Why an order of this total could not be paid from it, by their codes."""
        reasons = {"WALLET_CLOSED": not self.open, "INSUFFICIENT_FUNDS": total > self.available}
        # A free order needs no wallet.
        return [code for code, applies in reasons.items() if applies and total]


class QuotedLine(msgspec.Struct, frozen=True):
    """Some units of a supply, the unit price, and what entitled the buyer to it.

    phase, listed, limit: as in Terms. overrides: the limit and the price in the allowlist's leaf; None for a leaf
    without them, and for a buyer who needed no allowlist.
    """

    supply_id: str
    quantity: int
    unit_price: Amount
    phase: str
    listed: bool
    limit: int
    overrides: tuple[int, Amount] | None

    def matches(self, line: Line, proof: Proof | None) -> bool:
        """Whether a line of an order, with its proof, is the one that was quoted."""
        if (line.terms.supply_id, line.quantity) != (self.supply_id, self.quantity):
            return False
        return not self.listed or (proof is not None and proof.overrides == self.overrides)

    def entitles(self, terms: Terms) -> bool:
        """Whether the buyer's entitlement, the price aside, is still the one that was quoted."""
        return (terms.phase, terms.listed, terms.limit) == (self.phase, self.listed, self.limit)


class Quote(msgspec.Struct, frozen=True):
    """The prices quoted to a buyer for these lines, paid from this wallet. One order may use its id."""

    id: str
    user_id: str
    wallet_id: str
    lines: tuple[QuotedLine, ...]
    expires_at: datetime

    def price(self, user_id: str, wallet_id: str, lines: Sequence[Line], proofs: Mapping[str, Proof]) -> list[Line]:
        """The lines of an order at the quoted prices. Raises QuoteInvalid if the quote was made for another order."""
        alike = len(lines) == len(self.lines) and all(
            quoted.matches(line, proofs.get(quoted.supply_id)) for line, quoted in zip(lines, self.lines, strict=True)
        )
        if (user_id, wallet_id) != (self.user_id, self.wallet_id) or not alike:
            raise QuoteInvalid(field="quote")
        return [
            line._replace(terms=line.terms._replace(unit_price=quoted.unit_price))
            for line, quoted in zip(lines, self.lines, strict=True)
        ]

    def refusal(self, lines: Sequence[Line], now: datetime) -> tuple[str, str] | None:
        """Why an order of these lines at the present terms does not get the quoted prices: code and detail, or None."""
        if self.expires_at <= now:
            return QUOTE_EXPIRED
        if not all(quoted.entitles(line.terms) for line, quoted in zip(lines, self.lines, strict=True)):
            return OTHER_TERMS
        return None


def quote_of(
    quote_id: str,
    user_id: str,
    wallet_id: str,
    lines: Sequence[Line],
    proofs: Mapping[str, Proof],
    expires_at: datetime,
) -> Quote:
    """A quote for these lines at their present terms."""
    quoted = tuple(_quoted(line, proofs.get(line.terms.supply_id)) for line in lines)
    return Quote(quote_id, user_id, wallet_id, quoted, expires_at)


def _quoted(line: Line, proof: Proof | None) -> QuotedLine:
    terms = line.terms
    leaf = proof.overrides if proof and terms.listed else None
    return QuotedLine(
        supply_id=terms.supply_id,
        quantity=line.quantity,
        unit_price=Amount(terms.unit_price),
        phase=terms.phase,
        listed=terms.listed,
        limit=terms.limit,
        overrides=leaf and (leaf[0], Amount(leaf[1])),
    )
