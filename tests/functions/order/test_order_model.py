"""Orders refunded, claimed, cancelled, expired and crashed in any sequence: money and stock stay consistent."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.order.advance_orders import advance_orders
from functions.order.cancel_order import CancelOrder, cancel_order
from functions.order.create_order import CreateOrder, create_order
from functions.order.domain.order import Order
from functions.order.expire_orders import expire_orders
from functions.order.mature_orders import mature_orders
from functions.order.pricing import OrderLine
from functions.order.refund_order import refund_order
from functions.order.requests import RefundOrder
from shared import ids
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import terms
from tests.functions.order.scenes import answer_of
from tests.functions.order.steps import Crash, Disturbance, SteppedWork, Steps

UNITS, FUNDS = 6, 5_000
FINAL = {"paid", "matured", "claimed", "refunded", "failed", "cancelled", "expired"}

cuts = st.one_of(st.none(), st.tuples(st.integers(0, 8), st.sampled_from(["before", "after"])))
"""Where the process of an operation ends, if it does: (step, moment)."""


def crash() -> None:
    """End the process."""
    raise Crash


class Orders(RuleBasedStateMachine):
    """A shop with a supply that costs something and one that is free, wallets, and three services that may be away."""

    @initialize()
    def open(self) -> None:
        """Nothing is bought yet."""
        self.shop = Shop()
        self.supplies = [self.shop.sells(terms(unit_price=price), UNITS).supply_id for price in (1000, 0)]
        self.wallets = [self.shop.funds(FUNDS) for _ in range(2)]
        self.requests: dict[str, CreateOrder] = {}

    def _run(self, operation: Any, *given: Any, key: str | None = None, cut: Any = None) -> str:
        disturbance = Disturbance(cut[0], cut[1], crash) if cut else None
        work = SteppedWork(FakeWork(self.shop, key), Steps(disturbance))
        return answer_of(lambda: operation(*given, work))

    def _order(self, data: st.DataObject) -> Order:
        return data.draw(st.sampled_from(self.shop.orders()))

    # What people do

    @rule(supply=st.integers(0, 1), wallet=st.integers(0, 1), quantity=st.integers(1, 3), cut=cuts)
    def buy(self, supply: int, wallet: int, quantity: int, cut: Any) -> None:
        """Order so many units, perhaps to be cut off."""
        key = ids.new("key", "us")
        line = OrderLine(supply_id=self.supplies[supply], quantity=quantity)
        self.requests[key] = CreateOrder(wallet_id=self.wallets[wallet], items=[line])
        self._run(create_order, self.requests[key], self.shop.buyer, key=key, cut=cut)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), cut=cuts)
    def insist(self, data: st.DataObject, cut: Any) -> None:
        """Send an order again with its key."""
        key = data.draw(st.sampled_from(sorted(self.requests)))
        lease = self.shop.ledger.keys.get(key)
        if not (lease and lease.answer):
            self._run(create_order, self.requests[key], self.shop.buyer, key=key, cut=cut)

    @precondition(lambda self: self.shop.ledger.histories)
    @rule(data=st.data(), cut=cuts)
    def cancel(self, data: st.DataObject, cut: Any) -> None:
        """Whoever it was for whatever reason."""
        self._run(cancel_order, CancelOrder(order_id=self._order(data).id), self.shop.buyer, cut=cut)

    @precondition(lambda self: self.shop.ledger.histories)
    @rule(data=st.data(), restock=st.booleans(), cut=cuts)
    def refund(self, data: st.DataObject, restock: bool, cut: Any) -> None:
        """The merchant gives an order back."""
        request = RefundOrder(order_id=self._order(data).id, restock=restock)
        self._run(refund_order, request, self.shop.merchant, key=ids.new("key", "us"), cut=cut)

    @precondition(lambda self: self.shop.ledger.histories and not self.shop.claiming.down)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """The buyer of an order claims it: claiming asks whether that may be, then looks at its own row."""
        order = self._order(data)
        if order.claimable:
            self.shop.claiming.claim(order)

    # What happens

    @rule(minutes=st.sampled_from([1, 16, 7 * 24 * 60]))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.shop.clock.pass_by(minutes=minutes)

    @rule(sweeper=st.sampled_from([advance_orders, expire_orders, mature_orders]), cut=cuts)
    def sweep(self, sweeper: Any, cut: Any) -> None:
        """A sweeper comes, perhaps to be cut off."""
        self._run(sweeper, cut=cut)

    @rule()
    def deliver(self) -> None:
        """Events arrive, when all are there to hear of them."""
        if not (self.shop.supply.down or self.shop.wallet.down):
            self.shop.deliver()

    @rule(name=st.sampled_from(["supply", "wallet", "claiming"]), down=st.booleans())
    def outage(self, name: str, down: bool) -> None:
        """A service goes away, or comes back."""
        getattr(self.shop, name).down = down

    # What must hold

    @invariant()
    def money_is_conserved(self) -> None:
        """What wallets have, what is held or in escrow, and what merchants have, is what there was; each thing once."""
        wallet = self.shop.wallet
        kept = sum(amount for _, _, amount, state in wallet.holds.values() if state != "released")
        assert sum(wallet.available.values()) + kept - sum(wallet.refunds.values()) == FUNDS * len(self.wallets)
        assert not set(wallet.refunds) & wallet.settled

    @invariant()
    def stock_is_conserved(self) -> None:
        """Units are left or taken, and never fewer than none are left."""
        supply = self.shop.supply
        for supply_id in self.supplies:
            lines = [n for s, n, outcome in supply.lines.values() if s == supply_id and outcome == "taken"]
            assert supply.left[supply_id] + sum(lines) == UNITS
            assert supply.left[supply_id] >= 0

    @invariant()
    def nothing_is_had_twice(self) -> None:
        """An order whose money went back has no voucher, and never will."""
        claims = self.shop.claiming.claims
        for order in self.shop.orders():
            if order.stage == "refunded" or order.id in self.shop.wallet.refunds:
                assert claims[order.id] == "voided"

    def teardown(self) -> None:
        """Once everything is there again, every order comes to a legal end on which all agree."""
        if not hasattr(self, "shop"):
            return
        shop = self.shop
        shop.supply.down = shop.wallet.down = shop.claiming.down = False
        for _ in range(2):
            shop.deliver()
            shop.clock.pass_by(minutes=10)
            self._run(advance_orders)
            self._run(expire_orders)
        shop.deliver()
        for order in shop.orders():
            assert order.stage in FINAL, shop.story(order.id)
            refunded, claim = order.stage == "refunded", shop.claiming.claims.get(order.id)
            assert claim == {"refunded": "voided", "claimed": "claimed"}.get(order.stage)
            assert shop.wallet.refunds.get(order.id, 0) == (order.total if refunded else 0)
            assert (order.id in shop.wallet.settled) == bool(order.stage in ("matured", "claimed") and order.total)
            gone = order.ended or (refunded and order.restock)
            assert shop.supply.taken(order) == ([0] if gone else [item.quantity for item in order.items])
            held = shop.wallet.holds.get(order.hold_id, ("", "", 0, "released"))[3]
            assert held == ("released" if order.ended or not order.total else "captured")
        self.money_is_conserved()


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
