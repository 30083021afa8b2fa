"""The sample sale: hundreds of concurrent buyers for too few units, then every paid order claimed twice concurrently.

It goes through the edge as any client would: a request whose connection is cut is sent again with the same
idempotency key. report.py reads the outcome back.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import httpx

from emulators.demo.api_user import RETRYABLE, ApiUser, until_settled
from emulators.stack.progress import ProgressBars
from shared.chain.ethereum import recover
from shared.client.python.meridian_client.api import Claim, Order, OrderLine, Voucher
from shared.client.python.meridian_client.errors import ApiError

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
class SaleResult:
    """What the clients saw; the report compares it with the databases."""

    merchants: list[ApiUser] = field(default_factory=list)
    buyers: list[ApiUser] = field(default_factory=list)
    supply_ids: list[str] = field(default_factory=list)
    order_ids: dict[str, ApiUser] = field(default_factory=dict)
    order_seconds: list[float] = field(default_factory=list)
    ordering_seconds: float = 0.0
    vouchers_verified: int = 0
    voucher_mismatches: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(client: httpx.Client, size: Size, bars: ProgressBars, regions: Sequence[str] = ("",)) -> SaleResult:
    """Run a sale and return what the clients saw. Raises httpx.HTTPError, TimeoutError when it cannot continue.

    client: the connections to the edge, shared by all buyers. regions: where the buyers are, in turn.
    """
    began = time.monotonic()
    result = SaleResult()
    result.merchants = [ApiUser(client).sign_in_with_retries() for _ in range(2)]
    result.supply_ids = [_put_up(result.merchants[n % 2], n, size.units) for n in range(size.supplies)]
    crowd = [ApiUser(client, near=regions[n % len(regions)]) for n in range(size.buyers)]
    result.buyers = _all_at_once(size, bars, "sign in and fund", crowd, _arrive)
    _order(result, size, bars)
    orders = _all_at_once(size, bars, "pay", list(result.order_ids.items()), lambda pair: _outcome(*pair))
    _claim(result, [order for order in orders if order.status == "paid"], size, bars)
    result.seconds = time.monotonic() - began
    return result


def connections(edge_url: str, at_once: int) -> httpx.Client:
    """Connections to the edge for `at_once` concurrent clients."""
    return httpx.Client(base_url=edge_url, timeout=30, limits=httpx.Limits(max_connections=at_once))


def _put_up(merchant: ApiUser, number: int, units: int) -> str:
    supply = merchant.retrying.create_supply(
        title=f"Sample {number + 1}",
        currency="USDC",
        unit_price=str(PRICE),
        quantity=units,
        per_user_limit=2,
        status="active",
    )
    return supply.id


def _arrive(buyer: ApiUser) -> ApiUser:
    buyer.sign_in_with_retries()
    # The faucet takes no idempotency key: after a lost response the balance shows whether it paid.
    while not buyer.retrying.get_balances(wallet_id=buyer.wallet_id).balances:
        try:
            buyer.api.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
        except httpx.TransportError:
            continue
        except ApiError as error:
            if error.status not in RETRYABLE:
                raise
    return buyer


def _order(result: SaleResult, size: Size, bars: ProgressBars) -> None:
    """Every buyer orders one unit of a random supply, concurrently."""
    began = time.monotonic()
    lock = threading.Lock()

    def order(buyer: ApiUser) -> None:
        supply_id = random.choice(result.supply_ids)  # noqa: S311 - not for security
        items = [OrderLine(supply_id=supply_id, quantity=1)]
        sent = time.monotonic()
        try:
            order_id = buyer.retrying.create_order(wallet_id=buyer.wallet_id, items=items).id
        except ApiError as refusal:
            if "order_id" not in refusal.members:
                raise
            order_id = refusal.members["order_id"]
        with lock:
            result.order_seconds.append(time.monotonic() - sent)
            result.order_ids[order_id] = buyer

    _all_at_once(size, bars, "order", result.buyers, order)
    result.ordering_seconds = time.monotonic() - began


def _outcome(order_id: str, buyer: ApiUser) -> Order:
    """The order once it has reached a state that it does not leave by itself."""
    return until_settled(
        lambda: buyer.retrying.get_order(order_id=order_id), lambda seen: seen.status not in OPEN_STATES
    )


def _claim(result: SaleResult, orders: list[Order], size: Size, bars: ProgressBars) -> None:
    """Claim each order twice concurrently; both responses must carry the same voucher, signed by the platform."""
    twice = [order for order in orders for _ in range(2)]

    def claim(order: Order) -> Claim:
        return result.order_ids[order.id].retrying.create_claim(order_id=order.id)

    vouchers: dict[str, list[Voucher]] = {}
    for view in _all_at_once(size, bars, "claim", twice, claim):
        vouchers.setdefault(view.order_id, []).append(view.voucher)
    for order_id, copies in vouchers.items():
        first = copies[0]
        signer = recover(bytes.fromhex(first.digest[2:]), bytes.fromhex(first.signature[2:]))
        if signer == first.signer and all(voucher == first for voucher in copies):
            result.vouchers_verified += 1
        else:
            result.voucher_mismatches.append(order_id)
    for order in bars.track("settle", orders):
        read_order = partial(result.order_ids[order.id].retrying.get_order, order_id=order.id)
        until_settled(read_order, lambda seen: seen.status in CLAIMED)
    for supply_id in result.supply_ids:  # an event of its own reports the payments to supply
        read_supply = partial(result.buyers[0].retrying.get_supply, supply_id=supply_id)
        until_settled(read_supply, lambda seen: seen.reserved == 0)


def _all_at_once(size: Size, bars: ProgressBars, step: str, items: Iterable[T], act: Callable[[T], R]) -> list[R]:
    """Apply `act` to all, `at_once` of them at a time, with a progress bar."""
    items = list(items)
    with ThreadPoolExecutor(size.at_once) as pool:
        return list(bars.track(step, pool.map(act, items), len(items)))
