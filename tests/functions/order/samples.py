"""Orders to test with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.order.domain.events import OrderPlaced
from functions.order.domain.order import Order, apply
from functions.order.domain.placement import Line, Terms, place
from shared import ids
from tests.clocks import START

FEE_BPS = 250


def terms(**chosen: Any) -> Terms:
    """The terms of a supply; arguments override the defaults."""
    plain: dict[str, Any] = {
        "supply_id": ids.new("sup", "us"),
        "merchant_id": "usr_us_merchant",
        "payout_wallet_id": "wal_us_payout",
        "title": "A thing",
        "currency": "USDC",
        "unit_price": 1000,
        "chain_id": 31337,
        "contract": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "token_id": "7",
        "standard": "ERC-1155",
        "phase": "",
        "listed": False,
        "limit": 0,
    }
    return Terms(**{**plain, **chosen})


def placed(lines: Sequence[tuple[Terms, int]] = (), at: datetime = START, user_id: str = "") -> OrderPlaced:
    """The order.placed of these lines, each (terms, quantity); by default one unit."""
    return place(
        ids.new("ord", "us"),
        user_id or ids.new("usr", "us"),
        ids.new("wal", "us"),
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        [Line(ids.new("itm", "us"), each, quantity) for each, quantity in lines or [(terms(), 1)]],
        FEE_BPS,
        at + timedelta(minutes=15),
    )


def pending(lines: Sequence[tuple[Terms, int]] = (), at: datetime = START) -> Order:
    """A new order of these lines."""
    return apply(None, placed(lines, at), at)
