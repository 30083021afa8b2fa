"""Placing an order: what may stand in one, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.order.domain.errors import AmountOverflow, Mixed
from functions.order.domain.events import Item, OrderPlaced
from shared.money import MAXIMUM, Amount


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a supply sells now. `unit_price` is in atomic units."""

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


def place(
    order_id: str,
    user_id: str,
    wallet_id: str,
    address: str,
    lines: Sequence[tuple[Terms, int, str]],
    fee_bps: int,
    expires_at: datetime,
) -> OrderPlaced:
    """An order of these lines, each (terms, quantity, item id). Raises Mixed, AmountOverflow.

    address: the paying wallet's. fee_bps: the house's part, in hundredths of a percent.
    """
    _agree([terms for terms, _, _ in lines])
    total = sum(terms.unit_price * quantity for terms, quantity, _ in lines)
    if total > MAXIMUM:
        raise AmountOverflow(field="items")
    return OrderPlaced(
        order_id=order_id,
        user_id=user_id,
        wallet_id=wallet_id,
        address=address,
        merchant_id=lines[0][0].merchant_id,
        currency=lines[0][0].currency,
        total=Amount(total),
        fee_bps=fee_bps,
        items=tuple(_item(*line) for line in lines),
        expires_at=expires_at,
    )


def _item(terms: Terms, quantity: int, item_id: str) -> Item:
    return Item(
        item_id=item_id,
        supply_id=terms.supply_id,
        title=terms.title,
        unit_price=Amount(terms.unit_price),
        quantity=quantity,
        chain_id=terms.chain_id,
        contract=terms.contract,
        token_id=terms.token_id,
        standard=terms.standard,
        payout_wallet_id=terms.payout_wallet_id,
    )


def _agree(lines: Sequence[Terms]) -> None:
    """An order has one currency, one merchant and one chain. Raises Mixed, saying in what they differ."""
    for code, values in (
        ("MIXED_CURRENCIES", {terms.currency for terms in lines}),
        ("MIXED_MERCHANTS", {terms.merchant_id for terms in lines}),
        ("MIXED_CHAINS", {terms.chain_id for terms in lines}),
    ):
        if len(values) > 1:
            raise Mixed(f"the lines of an order have one of {sorted(map(str, values))}", field="items", code=code)
