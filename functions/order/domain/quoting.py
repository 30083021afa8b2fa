"""A quote: prices that a buyer was told, and that their order is given until it expires."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from functions.order.domain.errors import QuoteInvalid
from functions.order.domain.placing import Line
from shared.money import Amount

QUOTABLE: Final = frozenset({"USER_LIMIT", "SOLD_OUT", "INSUFFICIENT_FUNDS", "WALLET_CLOSED"})
"""Reasons against an order that say nothing against its price.

While a supply is not on sale, or only for those on a list, its price is not this buyer's, and is not kept for them.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What supply says of so many units of something, for a buyer: every reason against, by its code.

    phase: the one that is open; empty for none. limit_remaining: how many more they may have; None without a limit.
    """

    reasons: tuple[str, ...]
    phase: str
    limit_remaining: int | None


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
    """So many units of a supply, each at this price."""

    supply_id: str
    quantity: int
    unit_price: Amount


@dataclass(frozen=True, slots=True)
class Quote:
    """What a buyer was told that these lines cost, if they are paid from this wallet."""

    user_id: str
    wallet_id: str
    lines: tuple[QuotedLine, ...]
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """Whether its prices no longer count."""
        return self.expires_at <= now

    def honoured(self, user_id: str, wallet_id: str, lines: Sequence[Line]) -> list[Line]:
        """The lines of an order at the prices of this quote. Raises QuoteInvalid when it was made for another order."""
        asked = [(line.terms.supply_id, line.quantity) for line in lines]
        told = [(line.supply_id, line.quantity) for line in self.lines]
        if (user_id, wallet_id, asked) != (self.user_id, self.wallet_id, told):
            raise QuoteInvalid(field="quote")
        return [
            replace(line, terms=replace(line.terms, unit_price=quoted.unit_price))
            for line, quoted in zip(lines, self.lines, strict=True)
        ]


def quote_of(user_id: str, wallet_id: str, lines: Sequence[Line], expires_at: datetime) -> Quote:
    """A quote of what these lines cost now."""
    quoted = tuple(QuotedLine(line.terms.supply_id, line.quantity, Amount(line.terms.unit_price)) for line in lines)
    return Quote(user_id, wallet_id, quoted, expires_at)
