"""The sample sale: hundreds of buyers at once for fewer units than they want, every paid order claimed twice at once.

It plays through the edge like any client would: a request that is cut off is sent again under the same idempotency
key. What came of it is read back by report.py.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import httpx

from emulators.buyer import PASSING, Person, settled
from emulators.client.calling import ApiError
from emulators.client.gen.api import ClaimView, OrderLine, OrderView, VoucherView
from emulators.progress import Bars
from shared.adapters.ethereum import recover

T = TypeVar("T")
R = TypeVar("R")

SUPPLIES: Final = 3
UNITS: Final = 100
BUYERS: Final = 600
AT_ONCE: Final = 32
PRICE: Final = 10_000_000
FUNDS: Final = 25_000_000
CLAIMED: Final = frozenset({"claimed", "completed"})
OPEN_STATES: Final = frozenset({"pending", "confirmed"})


@dataclass(frozen=True)
class Size:
    """How large a sale is."""

    supplies: int = SUPPLIES
    units: int = UNITS
    buyers: int = BUYERS
    at_once: int = AT_ONCE


@dataclass
class Played:
    """What the clients saw; the report compares it with what the databases say."""

    merchants: list[Person] = field(default_factory=list)
    buyers: list[Person] = field(default_factory=list)
    supply_ids: list[str] = field(default_factory=list)
    order_ids: dict[str, Person] = field(default_factory=dict)
    order_seconds: list[float] = field(default_factory=list)
    ordering_seconds: float = 0.0
    vouchers_verified: int = 0
    voucher_mismatches: list[str] = field(default_factory=list)
    seconds: float = 0.0


def play(client: httpx.Client, size: Size, bars: Bars) -> Played:
    """Play a sale and return what the clients saw. Raises httpx.HTTPError, TimeoutError when it cannot go on.

    client: the connections to the edge that all of them share.
    """
    began = time.monotonic()
    played = Played()
    played.merchants = [Person(client).sign_in_anyhow() for _ in range(2)]
    played.supply_ids = [_put_up(played.merchants[n % 2], n, size.units) for n in range(size.supplies)]
    crowd = [Person(client) for _ in range(size.buyers)]
    played.buyers = _all_at_once(size, bars, "sign in and fund", crowd, _arrive)
    _order(played, size, bars)
    orders = _all_at_once(size, bars, "pay", list(played.order_ids.items()), lambda pair: _outcome(*pair))
    _claim(played, [order for order in orders if order.status == "paid"], size, bars)
    played.seconds = time.monotonic() - began
    return played


def connections(edge_url: str, at_once: int) -> httpx.Client:
    """Connections to the edge for so many clients at once."""
    return httpx.Client(base_url=edge_url, timeout=30, limits=httpx.Limits(max_connections=at_once))


def _put_up(merchant: Person, number: int, units: int) -> str:
    supply = merchant.insisting.create_supply(
        title=f"Sample {number + 1}",
        currency="USDC",
        unit_price=str(PRICE),
        quantity=units,
        per_user_limit=2,
        status="active",
    )
    return supply.id


def _arrive(buyer: Person) -> Person:
    buyer.sign_in_anyhow()
    # The faucet knows no idempotency key: whether a lost answer was a gift shows in the balance.
    while not buyer.insisting.get_balances(wallet_id=buyer.wallet_id).balances:
        try:
            buyer.api.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
        except httpx.TransportError:
            continue
        except ApiError as error:
            if error.status not in PASSING:
                raise
    return buyer


def _order(played: Played, size: Size, bars: Bars) -> None:
    """Everybody orders one unit of a supply of their choice, all at once."""
    began = time.monotonic()
    seen = threading.Lock()

    def order(buyer: Person) -> None:
        supply_id = random.choice(played.supply_ids)  # noqa: S311 - a buyer's taste
        items = [OrderLine(supply_id=supply_id, quantity=1)]
        asked = time.monotonic()
        try:
            order_id = buyer.insisting.create_order(wallet_id=buyer.wallet_id, items=items).id
        except ApiError as refused:
            if "order_id" not in refused.members:
                raise
            order_id = refused.members["order_id"]
        with seen:
            played.order_seconds.append(time.monotonic() - asked)
            played.order_ids[order_id] = buyer

    _all_at_once(size, bars, "order", played.buyers, order)
    played.ordering_seconds = time.monotonic() - began


def _outcome(order_id: str, buyer: Person) -> OrderView:
    """The order once nothing more happens to it by itself."""
    return settled(lambda: buyer.insisting.get_order(order_id=order_id), lambda seen: seen.status not in OPEN_STATES)


def _claim(played: Played, orders: list[OrderView], size: Size, bars: Bars) -> None:
    """Claim each order twice at once; both answers have to carry one voucher, signed by the house."""
    twice = [order for order in orders for _ in range(2)]

    def claim(order: OrderView) -> ClaimView:
        return played.order_ids[order.id].insisting.create_claim(order_id=order.id)

    vouchers: dict[str, list[VoucherView]] = {}
    for answer in _all_at_once(size, bars, "claim", twice, claim):
        vouchers.setdefault(answer.order_id, []).append(answer.voucher)
    for order_id, answers in vouchers.items():
        first = answers[0]
        signer = recover(bytes.fromhex(first.digest[2:]), bytes.fromhex(first.signature[2:]))
        if signer == first.signer and all(voucher == first for voucher in answers):
            played.vouchers_verified += 1
        else:
            played.voucher_mismatches.append(order_id)
    for order in bars.track("settle", orders):
        read_order = partial(played.order_ids[order.id].insisting.get_order, order_id=order.id)
        settled(read_order, lambda seen: seen.status in CLAIMED)
    for supply_id in played.supply_ids:  # the stock hears of the payments by an event of its own
        read_supply = partial(played.buyers[0].insisting.get_supply, supply_id=supply_id)
        settled(read_supply, lambda seen: seen.reserved == 0)


def _all_at_once(size: Size, bars: Bars, what: str, things: Iterable[T], act: Callable[[T], R]) -> list[R]:
    """Do it to all, `at_once` of them at a time, and show how far it is."""
    things = list(things)
    with ThreadPoolExecutor(size.at_once) as pool:
        return list(bars.track(what, pool.map(act, things), len(things)))
