"""Placing an order: which lines may share one, and its total."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from functions.order.domain.errors import AmountOverflow, MixedChains, MixedCurrencies, MixedMerchants
from functions.order.domain.events import Item, OrderPlaced
from shared.money import MAXIMUM, Amount


class Proof(NamedTuple):
    """A Merkle proof that the paying wallet's address is on a supply's allowlist.

    overrides: the buyer's own limit (0 for the phase's) and unit price, if the leaf has them.
    """

    hashes: tuple[bytes, ...]
    overrides: tuple[int, int] | None = None


class Terms(NamedTuple):
    """The terms on which a supply sells to a buyer now. `unit_price` is in atomic units.

    phase: the open phase of the sale; empty for none. listed: whether the buyer is on its allowlist.
    limit: the buyer's own limit from that list; 0 if it gives none.
    """

    supply_id: str
    merchant_id: str
    payout_wallet_id: str
    title: str
    currency: str
    unit_price: int
    chain_id: int
    contract: str
    token_id: str
    standard: str
    phase: str
    listed: bool
    limit: int


class Line(NamedTuple):
    """Some units of a supply, on these terms."""

    item_id: str
    terms: Terms
    quantity: int


def total_of(lines: Sequence[Line]) -> int:
    """The total of lines that may share one order, in atomic units. Raises MixedOrder, AmountOverflow."""
    _agree([line.terms for line in lines])
    total = sum(line.terms.unit_price * line.quantity for line in lines)
    if total > MAXIMUM:
        raise AmountOverflow(field="items")
    return total


def place(
    order_id: str,
    user_id: str,
    wallet_id: str,
    address: str,
    lines: Sequence[Line],
    fee_bps: int,
    expires_at: datetime,
) -> OrderPlaced:
    """An order of these lines. Raises MixedOrder, AmountOverflow.

    address: the paying wallet's. fee_bps: the platform fee in basis points (hundredths of a percent).
    """
    total = total_of(lines)
    return OrderPlaced(
        order_id=order_id,
        user_id=user_id,
        wallet_id=wallet_id,
        address=address,
        merchant_id=lines[0].terms.merchant_id,
        currency=lines[0].terms.currency,
        total=Amount(total),
        fee_bps=fee_bps,
        items=tuple(_item(line) for line in lines),
        expires_at=expires_at,
    )


def _item(line: Line) -> Item:
    terms = line.terms
    return Item(
        item_id=line.item_id,
        supply_id=terms.supply_id,
        title=terms.title,
        unit_price=Amount(terms.unit_price),
        quantity=line.quantity,
        chain_id=terms.chain_id,
        contract=terms.contract,
        token_id=terms.token_id,
        standard=terms.standard,
        payout_wallet_id=terms.payout_wallet_id,
        phase=terms.phase,
        listed=terms.listed,
        limit=terms.limit,
    )


def _agree(lines: Sequence[Terms]) -> None:
    """An order has one currency, one merchant and one chain. Raises MixedOrder, saying which of them differ."""
    for kind, values in (
        (MixedCurrencies, {terms.currency for terms in lines}),
        (MixedMerchants, {terms.merchant_id for terms in lines}),
        (MixedChains, {terms.chain_id for terms in lines}),
    ):
        if len(values) > 1:
            found = ", ".join(sorted(map(str, values)))
            raise kind(f"{kind.__doc__} These have {len(values)}: {found}.", field="items")
