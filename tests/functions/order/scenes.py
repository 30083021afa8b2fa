"""A purchase on fakes, from request to end, with a failure injected at any step; orders in every status."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from functions.order.advance_orders import advance_orders
from functions.order.cancel_order import CancelOrder, cancel_order
from functions.order.create_order import CreateOrder, create_order
from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from functions.order.expire_orders import expire_orders
from functions.order.ports import OrderWork, RefusalReason
from functions.order.pricing import OrderLine
from shared.contracts.events import Event
from shared.errors import MeridianError
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import pending, placed, terms
from tests.functions.order.steps import Crash, SteppedWork, Steps

KEY = "k" * 16
UNITS = 10
FUNDS = 10_000
CRASHED = "CRASHED"
UNKNOWN = {"ORDER_PENDING", "IDEMPOTENCY_IN_PROGRESS", "UNAVAILABLE", CRASHED}
"""Responses that leave the outcome of the request unknown."""


@dataclass
class Scene:
    """One buyer, one request, and what happens to it."""

    shop: Shop
    request: CreateOrder
    expected: str
    """The response without disturbance: 201 or the code of the refusal."""

    seen: list[str] = field(default_factory=list)
    """The client's responses: 201, codes, or CRASHED if the process ended."""

    def buy(self, steps: Steps | None = None) -> str:
        """Send the request, or repeat it: the runtime replays a stored response by itself."""
        lease = self.shop.ledger.keys.get(KEY)
        if lease and lease.answer:
            return self._see(lease.answer)
        work = SteppedWork(FakeWork(self.shop, KEY), steps or Steps())
        answer = answer_of(lambda: create_order(self.request, self.shop.buyer, work))
        known = self.shop.ledger.keys.get(KEY)
        if answer == "IDEMPOTENCY_IN_PROGRESS" and known and known.answer:
            answer = known.answer  # as the runtime does, when another was faster
        return self._see(answer)

    def cancel(self, steps: Steps | None = None) -> str:
        """Have the buyer cancel the order; 404 if there is none yet."""
        order_id = next(iter(self.shop.ledger.histories), "ord_us_none")
        work = SteppedWork(FakeWork(self.shop), steps or Steps())
        return answer_of(lambda: cancel_order(CancelOrder(order_id=order_id), self.shop.buyer, work))

    def sweep(self, steps: Steps | None = None) -> str:
        """Run the sweep once a request's lease is over."""
        self.shop.clock.pass_by(seconds=20)
        return answer_of(lambda: advance_orders(SteppedWork(FakeWork(self.shop), steps or Steps())))

    def expire(self) -> None:
        """Let the order expire, and run the expiry sweep."""
        self.shop.clock.pass_by(minutes=16)
        expire_orders(FakeWork(self.shop))

    def retry(self) -> None:
        """Let the lease run out, and have the client send the same request with the same key."""
        self.shop.clock.pass_by(seconds=11)
        self.buy()

    def end(self) -> str:
        """Recover the services, deliver events and run the sweep; returns the order's final status, or `none`."""
        self.shop.supply.down = self.shop.wallet.down = False
        self.shop.deliver()
        self.sweep()
        self.shop.deliver()
        return self.check()

    def check(self) -> str:
        """Assert that the purchase reached one legal end that all services agree on; returns its status, or `none`."""
        shop, orders = self.shop, self.shop.orders()
        assert len(orders) <= 1, f"one request placed {len(orders)} orders"
        units = sum(shop.supply.left.values()) + (shop.supply.elsewhere or 0) + _units(shop)
        assert units == UNITS * len(shop.supply.left), "stock was lost or made"
        assert sum(shop.wallet.available.values()) + _paid(shop) == FUNDS, "money was lost or made"
        if not orders:
            assert not shop.ledger.keys, "a key is bound to nothing"
            assert not shop.supply.lines and not shop.wallet.holds, "something was taken for no order"
            return "none"
        order, answer = orders[0], shop.ledger.keys[KEY].answer
        confirmed = "order.confirmed" in shop.story(order.id)
        assert set(self.seen) <= {answer, *UNKNOWN}, f"answered {self.seen}, but stored {answer}"
        assert (answer == "201") == confirmed, f"answered {answer}, but {shop.story(order.id)}"
        held = shop.wallet.holds.get(order.hold_id, ("", "", 0, "released"))[3]
        if order.status == "paid":
            assert shop.supply.taken(order) == [item.quantity for item in order.items], "paid, but stock is missing"
            assert held == ("captured" if order.total else "released"), f"paid, but the hold is {held}"
        else:
            assert order.status in ("failed", "cancelled", "expired"), f"the order is left {order.status}"
            assert not any(shop.supply.taken(order)), f"{order.status}, but stock is kept"
            assert held == "released", f"{order.status}, but the hold is {held}"
        return order.status

    def _see(self, answer: str) -> str:
        self.seen.append(answer)
        return answer


def _units(shop: Shop) -> int:
    return sum(quantity for _, quantity, outcome in shop.supply.lines.values() if outcome == "taken")


def _paid(shop: Shop) -> int:
    return sum(amount for _, _, amount, state in shop.wallet.holds.values() if state != "released")


def answer_of(call: Callable[[], object]) -> str:
    """What a client gets from a call: 201 for success, otherwise the code, or CRASHED."""
    try:
        call()
    except Crash:
        return CRASHED
    except MeridianError as error:
        return error.code
    return "201"


def scene(
    *units: int,
    price: int = 100,
    expected: str = "201",
    stock: RefusalReason | None = None,
    hold: RefusalReason | None = None,
    elsewhere: int | None = None,
) -> Scene:
    """A buyer who orders so many units of each supply.

    stock, hold: what the services refuse with, where they do. elsewhere: how many units of the first supply other cells
    have, if there are any.
    """
    shop = Shop()
    shop.supply.refusal, shop.wallet.refusal = stock, hold
    wanted = [
        OrderLine(supply_id=shop.sells(terms(unit_price=price), UNITS).supply_id, quantity=n) for n in units or (2,)
    ]
    if elsewhere is not None:
        shop.supply.elsewhere = elsewhere
        shop.supply.left[wanted[0].supply_id] -= elsewhere
    return Scene(shop, CreateOrder(wallet_id=shop.funds(FUNDS), items=wanted), expected)


SCENES: dict[str, Callable[[], Scene]] = {
    "one line": scene,
    "three lines": lambda: scene(1, 2, 3),
    "free": lambda: scene(2, price=0),
    "sold out": lambda: scene(UNITS + 1, expected="SOLD_OUT"),
    "one line of two sold out": lambda: scene(1, UNITS + 1, expected="SOLD_OUT"),
    "free but sold out": lambda: scene(UNITS + 1, price=0, expected="SOLD_OUT"),
    "short in this cell": lambda: scene(4, 2, elsewhere=8),
    "short and sold out": lambda: scene(UNITS + 1, expected="SOLD_OUT", elsewhere=3),
    "over the user limit": lambda: scene(expected="USER_LIMIT", stock=("USER_LIMIT", "One a buyer.")),
    "not on sale": lambda: scene(expected="NOT_ON_SALE", stock=("NOT_ON_SALE", "It is a draft.")),
    "too expensive": lambda: scene(1, price=FUNDS + 1, expected="INSUFFICIENT_FUNDS"),
    "wallet closed": lambda: scene(expected="WALLET_CLOSED", hold=("WALLET_CLOSED", "The wallet is closed.")),
    "stock tombstone": lambda: scene(expected="ORDER_CANCELLED", stock=("STOCK_RELEASED", "Released before.")),
    "hold tombstone": lambda: scene(expected="ORDER_CANCELLED", hold=("HOLD_RELEASED", "Released before.")),
}
"""Purchases by the services' responses."""

HISTORIES: dict[str, list[str]] = {
    "pending": [],
    "confirmed": ["confirm"],
    "paid": ["confirm", "pay"],
    "refunding": ["confirm", "pay", "request_refund"],
    "promised": ["confirm", "pay", "request_refund", "refuse_refund"],
    "matured": ["confirm", "pay", "mature"],
    "claimed": ["confirm", "pay", "claim"],
    "completed": ["confirm", "pay", "claim", "complete"],
    "refunded": ["confirm", "pay", "request_refund", "refund"],
    "failed": ["fail"],
    "cancelled": ["cancel"],
    "expired": ["expire"],
}
"""By stage: the events that lead there."""

ARGUMENTS: dict[str, Callable[[Order], list[OrderEvent]]] = {
    "fail": lambda order: order.fail("SOLD_OUT", "Nothing is left."),
    "claim": lambda order: order.claim("clm_us_x"),
    "complete": lambda order: order.complete("clm_us_x"),
    "request_refund": lambda order: order.request_refund("usr_us_merchant", "", restock=True),
    "refuse_refund": lambda order: order.refuse_refund("ALREADY_CLAIMED"),
}
"""The events with additional data."""


def order_in(shop: Shop, stage: str) -> Order:
    """An order in a stage."""
    with FakeWork(shop).transaction() as work:
        (order,) = work.orders.place([placed()])
        for fact in HISTORIES[stage]:
            made = ARGUMENTS[fact](order) if fact in ARGUMENTS else getattr(order, fact)()
            order = work.orders.record(order, made)
    assert order.stage == stage
    return order


def delivered(stage: str, operation: Callable[[Any, OrderWork], None], kind: Callable[..., Any], **data: str) -> Order:
    """An order in a stage, or none, after an event was delivered twice. Raises what the operation raises."""
    shop = Shop()
    order = order_in(shop, stage) if stage in HISTORIES else pending()
    for _ in range(2):
        with FakeWork(shop).transaction() as work:
            operation(Event("evt_us_x", "", "", 1, shop.clock.now(), kind(order_id=order.id, **data)), work)
    return shop.order(order.id)
