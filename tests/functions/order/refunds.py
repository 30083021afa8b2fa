"""A refund of a paid purchase on fakes, with a failure injected at any step."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from functions.order.advance_orders import advance_orders
from functions.order.cancel_order import CancelOrder, cancel_order
from functions.order.domain.order import Order
from functions.order.mature_orders import mature_orders
from functions.order.refund_order import refund_order
from functions.order.requests import RefundOrder
from shared import ids
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.scenes import FUNDS, SCENES, UNITS, UNKNOWN, answer_of
from tests.functions.order.steps import SteppedWork, Steps

KEY = "r" * 16


@dataclass
class Refund:
    """A paid order, a request to refund it, and what happens to both."""

    shop: Shop
    restock: bool
    seen: list[str] = field(default_factory=list)
    """The client's responses: 200, codes, or CRASHED if the process ended."""

    vouchers: int = 0
    """How many vouchers the buyer got."""

    @property
    def order(self) -> Order:
        """The order as it is."""
        return self.shop.orders()[0]

    def refund(self, steps: Steps | None = None) -> str:
        """Send the request, or repeat it: the runtime replays a stored response by itself."""
        self.seen.append(self._send(KEY, steps or Steps()))
        return self.seen[-1]

    def refund_again(self) -> str:
        """Have another client request the same, with its own key."""
        return self._send(ids.new("key", "us"), Steps())

    def _send(self, key: str, steps: Steps) -> str:
        lease = self.shop.ledger.keys.get(key)
        if lease and lease.answer:
            return lease.answer
        work = SteppedWork(FakeWork(self.shop, key), steps)
        request = RefundOrder(order_id=self.order.id, restock=self.restock)
        answer = answer_of(lambda: refund_order(request, self.shop.merchant, work))
        return "200" if answer == "201" else answer

    def claim(self) -> None:
        """Have the buyer claim the order."""
        self.vouchers += self.shop.claiming.claim(self.order)

    def mature(self) -> None:
        """Let the refund window end, and run the maturing sweep."""
        self.shop.clock.pass_by(days=7)
        mature_orders(FakeWork(self.shop))

    def sweep(self, steps: Steps | None = None) -> str:
        """Run the sweep once a request's lease is over."""
        self.shop.clock.pass_by(seconds=20)
        return answer_of(lambda: advance_orders(SteppedWork(FakeWork(self.shop), steps or Steps())))

    def retry(self) -> None:
        """Let the lease run out, and have the client send the same request with the same key."""
        self.shop.clock.pass_by(seconds=11)
        self.refund()

    def cancel(self) -> None:
        """Have the buyer cancel, which is too late."""
        request = CancelOrder(order_id=self.order.id)
        assert answer_of(lambda: cancel_order(request, self.shop.buyer, FakeWork(self.shop))) == "ORDER_PAID"

    def end(self) -> str:
        """Recover the services, deliver events and run the sweep; returns the order's final stage."""
        self.shop.claiming.down = self.shop.wallet.down = False
        self.shop.deliver()
        self.shop.clock.pass_by(minutes=1)
        self.sweep()
        self.shop.deliver()
        return self.check()

    def check(self) -> str:
        """Assert that the order reached one legal end that all services agree on; returns its stage."""
        shop, order = self.shop, self.order
        claim, refunded = shop.claiming.claims.get(order.id), shop.wallet.refunds.get(order.id, 0)
        kept = FUNDS - sum(shop.wallet.available.values())
        assert kept == (0 if order.stage == "refunded" else order.total), "money was lost or made"
        sold = UNITS * len(shop.supply.left) - sum(shop.supply.left.values())
        given_back = order.stage == "refunded" and order.restock
        assert sold == (0 if given_back else sum(item.quantity for item in order.items)), "stock was lost or made"
        assert order.stage in ("paid", "matured", "claimed", "refunded"), f"the order is left {order.stage}"
        assert (claim == "claimed") == (order.stage == "claimed"), f"{order.stage}, but its claim is {claim}"
        assert (claim == "voided") == (order.stage == "refunded"), f"{order.stage}, but its claim is {claim}"
        assert refunded == (order.total if order.stage == "refunded" else 0), f"{order.stage}, paid back {refunded}"
        settled = {"order.claimed", "order.matured"} & set(shop.story(order.id))
        assert (order.id in shop.wallet.settled) == bool(settled and order.total), f"{order.stage}, settlement is wrong"
        assert self.vouchers == 0 or order.stage == "claimed", "there is a voucher for what was given back"
        seen = set(self.seen) - UNKNOWN
        assert len(seen) <= 1, f"one key was answered {self.seen}"
        assert ("200" in seen) <= (order.stage == "refunded"), f"answered {self.seen}, but the order is {order.stage}"
        return order.stage


def bought(name: str, *, restock: bool = True) -> Refund:
    """A successful purchase of the scenes, paid."""
    scene = SCENES[name]()
    assert scene.buy() == "201"
    assert scene.end() == "paid"
    scene.shop.merchant = msgspec.structs.replace(scene.shop.merchant, user_id=scene.shop.orders()[0].merchant_id)
    return Refund(scene.shop, restock)


REFUNDS: dict[str, Callable[[], Refund]] = {
    "one line": lambda: bought("one line"),
    "three lines, not for sale again": lambda: bought("three lines", restock=False),
    "free": lambda: bought("free"),
}
"""Refunds by what was bought."""


def claimed() -> Refund:
    """A refund of an order with a voucher, whose claim event has not arrived."""
    refund = bought("one line")
    refund.claim()
    return refund


REFUNDS["claimed"] = claimed
