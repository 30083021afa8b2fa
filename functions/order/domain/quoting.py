"""A quote: terms that a buyer was told while they could buy at them, and that one order of theirs is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from functions.order.domain.errors import QuoteInvalid
from functions.order.domain.placing import Line, Proof, Terms
from shared.money import Amount

PAST: Final = ("QUOTE_EXPIRED", "The quote has expired: ask for another.")
OTHER_TERMS: Final = ("QUOTE_EXPIRED", "The phase of the sale or its list is no longer the quote's: ask for another.")
QUOTE_USED: Final = ("QUOTE_EXPIRED", "The quote was used for another order: ask for another.")
"""Why a quote no longer counts: code and detail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What supply says of so many units of something, for a buyer: every reason against, by its code.

    phase: the one that is open; empty for none. limit_remaining: how many more they may have; None without a limit.
    """

    reasons: tuple[str, ...]
    phase: str
    limit_remaining: int | None

    def reasons_at(self, terms: Terms) -> set[str]:
        """Every reason against, at terms that were told a moment before: in another phase they sell no more."""
        return {*self.reasons, *(["NOT_ON_SALE"] if self.phase != terms.phase else [])}


@dataclass(frozen=True, slots=True)
class Purse:
    """What a wallet has to spend in one currency, in atomic units."""

    open: bool
    available: int

    def reasons_against(self, total: int) -> list[str]:
        """Why an order of this total could not be paid from it, by their codes."""
        reasons = {"WALLET_CLOSED": not self.open, "INSUFFICIENT_FUNDS": total > self.available}
        # What costs nothing asks no wallet.
        return [code for code, applies in reasons.items() if applies and total]


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """So many units of a supply, each at this price, and what entitled the buyer to it.

    phase, listed, limit: as Terms has them. overrides: the limit and the price in the list's leaf; None for a leaf
    without any, and for a buyer who needed no list.
    """

    supply_id: str
    quantity: int
    unit_price: Amount
    phase: str
    listed: bool
    limit: int
    overrides: tuple[int, Amount] | None

    def asked_by(self, line: Line, proof: Proof | None) -> bool:
        """Whether a line of an order, with its proof, is the one that was quoted."""
        if (line.terms.supply_id, line.quantity) != (self.supply_id, self.quantity):
            return False
        return not self.listed or (proof is not None and proof.overrides == self.overrides)

    def stands(self, terms: Terms) -> bool:
        """Whether the buyer is entitled now to what they were when it was quoted, but for the price."""
        return (terms.phase, terms.listed, terms.limit) == (self.phase, self.listed, self.limit)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a buyer was told that these lines cost, if they are paid from this wallet. One order may name its id."""

    id: str
    user_id: str
    wallet_id: str
    lines: tuple[QuotedLine, ...]
    expires_at: datetime

    def honoured(self, user_id: str, wallet_id: str, lines: Sequence[Line], proofs: Mapping[str, Proof]) -> list[Line]:
        """The lines of an order at the prices of this quote. Raises QuoteInvalid when it was made for another order."""
        alike = len(lines) == len(self.lines) and all(
            quoted.asked_by(line, proofs.get(quoted.supply_id)) for line, quoted in zip(lines, self.lines, strict=True)
        )
        if (user_id, wallet_id) != (self.user_id, self.wallet_id) or not alike:
            raise QuoteInvalid(field="quote")
        return [
            replace(line, terms=replace(line.terms, unit_price=quoted.unit_price))
            for line, quoted in zip(lines, self.lines, strict=True)
        ]

    def refusal(self, lines: Sequence[Line], now: datetime) -> tuple[str, str] | None:
        """Why an order of these lines, at the terms of now, is not given its prices: code and detail; None if it is."""
        if self.expires_at <= now:
            return PAST
        if not all(quoted.stands(line.terms) for line, quoted in zip(lines, self.lines, strict=True)):
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
    """A quote of what these lines cost now."""
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
