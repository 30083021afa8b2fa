"""The rules of supplies, compared with a model: merchants, buyers, expiries and refunds in any order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from functions.supply.adapters.work import Work
from functions.supply.delete_supply import DeleteSupply
from functions.supply.requests import UpdateSupply
from functions.supply.restock_supply import RestockSupply
from functions.supply.sweep_reservations import sweep_reservations
from functions.supply.views import PhaseView
from shared import ids
from shared.contracts.decisions import Decision
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import Item, OrderPaid, OrderRefunded
from shared.contracts.gen.supply_pb2 import (
    CheckRequest,
    CheckResponse,
    DescribeRequest,
    ReleaseStockRequest,
    ReserveRequest,
)
from shared.contracts.operations import Match
from shared.errors import MeridianError, Refusal, Unavailable
from tests.functions.supply.phases import a_list, ago, open_phase, proof
from tests.isolated_services import IsolatedServices, IsolatedUser

UNITS = st.integers(1, 3)
LIMITS = st.none() | st.integers(2, 6)
LISTED_LIMIT = 2


@dataclass(frozen=True)
class Sale:
    """The phase of a supply in the model. kind: open, listed (open to the first buyer alone), or closed."""

    name: str
    kind: str
    cap: int | None
    limit: int | None


@dataclass
class Goods:
    """A supply in the model."""

    id: str
    quantity: int
    limit: int | None
    sale: Sale | None
    status: str = "active"


@dataclass
class Ordered:
    """An order in the model: what it requests, the terms its buyer was given, and its state."""

    sent: ReserveRequest.Order
    user: int
    late: bool
    state: str = "new"
    firm: bool = False
    postponed: bool = False
    phases: dict[str, str] = field(default_factory=dict)
    """In which phase the units of each supply were taken."""

    @property
    def requested(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for line in self.sent.lines:
            total[line.supply_id] += line.quantity
        return total

    @property
    def holds(self) -> bool:
        """Whether its units are taken."""
        return self.state in ("reserved", "sold")


sales = st.none() | st.builds(
    Sale, st.sampled_from(["A", "B"]), st.sampled_from(["open", "open", "open", "listed", "closed"]), LIMITS, LIMITS
)


class Rules(RuleBasedStateMachine):
    """What anybody may do with supplies, in any order."""

    supplies = Bundle("supplies")
    placed = Bundle("placed")
    orders = Bundle("orders")
    """Those that were reserved."""

    def __init__(self, isolated: IsolatedServices, seller: IsolatedUser, buyers: Sequence[IsolatedUser]) -> None:
        super().__init__()
        self._isolated = isolated
        self._seller = seller
        self._buyers = buyers
        self._root, self._hashes = a_list(buyers[0].address, LISTED_LIMIT, 5)
        self._goods: dict[str, Goods] = {}
        self._orders: list[Ordered] = []

    # What merchants do

    @initialize(target=supplies, quantity=st.integers(4, 12), limit=LIMITS, sale=sales)
    def sell(self, quantity: int, limit: int | None, sale: Sale | None) -> Any:
        terms = {"quantity": quantity, "per_user_limit": limit, "phases": self._phases(sale)}
        supply = self._isolated.sell(self._seller, **terms)
        self._goods[supply.id] = Goods(supply.id, quantity, limit, sale)
        return supply.id

    @rule(supply_id=supplies, data=st.data(), what=st.sampled_from(["change", "change", "restock", "archive"]))
    def manage(self, supply_id: str, data: st.DataObject, what: str) -> None:
        if what == "change":
            status = data.draw(st.sampled_from(["active", "active", "active", "paused"]))
            self.change(supply_id, data.draw(LIMITS), data.draw(sales), status)
        elif what == "restock":
            self.restock(supply_id, data.draw(UNITS))
        elif data.draw(st.integers(0, 2)) == 0:  # it ends all that can be tried with the supply, so it is seldom
            self.archive(supply_id)

    def change(self, supply_id: str, limit: int | None, sale: Sale | None, status: Any) -> None:
        goods = self._goods[supply_id]
        request = UpdateSupply(supply_id, per_user_limit=limit, phases=self._phases(sale), status=status)
        refused = self._refused("update_supply", request, match=Match(None))
        assert refused == ("SUPPLY_ARCHIVED" if goods.status == "archived" else None)
        if not refused:
            goods.limit, goods.sale, goods.status = limit, sale, status

    def restock(self, supply_id: str, units: int) -> None:
        goods = self._goods[supply_id]
        refused = self._refused("restock_supply", RestockSupply(supply_id, units))
        assert refused == ("SUPPLY_ARCHIVED" if goods.status == "archived" else None)
        if not refused:
            goods.quantity += units

    @rule(target=supplies, quantity=st.integers(1, 12), limit=LIMITS, sale=sales)
    def sell_more(self, quantity: int, limit: int | None, sale: Sale | None) -> Any:
        return self.sell(quantity, limit, sale) if len(self._goods) < 3 else multiple()

    def archive(self, supply_id: str) -> None:
        goods = self._goods[supply_id]
        in_use = goods.status != "archived" and self._taken("reserved")[supply_id] > 0
        assert self._refused("delete_supply", DeleteSupply(supply_id)) == ("SUPPLY_IN_USE" if in_use else None)
        if not in_use:
            goods.status = "archived"

    # What buyers do

    @rule(target=placed, user=st.integers(0, 2), late=st.booleans(), data=st.data())
    def place(self, user: int, late: bool, data: st.DataObject) -> Ordered:
        """An order as the order service makes it, to be reserved at some later time."""
        return self._place(user, late, data)

    def _place(self, user: int, late: bool, data: st.DataObject) -> Ordered:
        wanted = data.draw(st.lists(st.tuples(st.sampled_from(sorted(self._goods)), UNITS), min_size=1, max_size=3))
        buyer = self._buyers[user]
        described = self._run(
            "describe_supplies",
            DescribeRequest(
                supply_ids=list(self._goods),
                user_id=buyer.user_id,
                address=buyer.address,
                proofs=[proof(supply_id, self._hashes, LISTED_LIMIT, 5) for supply_id in self._goods],
            ),
        )
        terms = {each.supply_id: each for each in described.supplies}
        sent = ReserveRequest.Order(order_id=ids.new("ord", "us"), user_id=buyer.user_id)
        for supply_id, quantity in wanted:
            reported = terms[supply_id]
            sent.lines.add(
                reservation_id=ids.sibling(ids.new("itm", "us"), "rsv"),
                supply_id=supply_id,
                quantity=quantity,
                unit_price=reported.unit_price,
                phase=reported.phase,
                listed=reported.listed,
                limit=reported.limit,
            )
        sent.expires_at.FromDatetime(datetime.now(UTC) + timedelta(hours=-1 if late else 1))
        order = Ordered(sent, user, late)
        self._orders.append(order)
        return order

    @rule(target=orders, user=st.integers(0, 2), data=st.data())
    def order(self, user: int, data: st.DataObject) -> Any:
        """An order that is reserved at once."""
        return self._order(user, late=False, data=data)

    @rule(target=orders, user=st.integers(0, 2), data=st.data())
    def order_and_wait(self, user: int, data: st.DataObject) -> Any:
        """An order that is reserved at once, and expired."""
        return self._order(user, late=True, data=data)

    def _order(self, user: int, late: bool, data: st.DataObject) -> Any:
        placed = self._place(user, late, data)
        self.reserve([placed])
        return placed if placed.holds else multiple()

    @rule(batch=st.lists(placed | orders, min_size=1, max_size=3))
    def reserve(self, batch: list[Ordered]) -> None:
        answer = self._run("reserve_stock", ReserveRequest(orders=[order.sent for order in batch]))
        for order, outcome in zip(batch, answer.outcomes, strict=True):
            if order.state in ("released", "new"):
                expected = "STOCK_RELEASED" if order.state == "released" else self._expected(order)
            else:
                expected = ""
            assert outcome.refusal == expected
            if order.state == "new" and not expected:
                order.state = "reserved"
                order.phases = {line.supply_id: line.phase for line in order.sent.lines}

    @rule(user=st.integers(0, 2), supply_id=supplies, units=UNITS)
    def check(self, user: int, supply_id: str, units: int) -> None:
        """The dry run says what a reservation at this moment would meet."""
        buyer = self._buyers[user]
        requested = CheckRequest(
            user_id=buyer.user_id,
            address=buyer.address,
            lines=[CheckRequest.Line(supply_id=supply_id, quantity=units)],
            proofs=[proof(supply_id, self._hashes, LISTED_LIMIT, 5)],
        )
        answer: CheckResponse = self._run("check_stock", requested)
        goods = self._goods[supply_id]
        phase = goods.sale.name if goods.sale and goods.sale.kind != "closed" else ""
        listed = bool(goods.sale and goods.sale.kind == "listed" and user == 0)
        reasons = self._reasons(goods, user, units, phase, listed=listed)
        assert list(answer.outcomes[0].reasons) == reasons

    # What becomes of orders

    @rule(order=orders, what=st.sampled_from(["pay", "pay", "release", "refund", "refund"]), restock=st.booleans())
    def go_on(self, order: Ordered, what: str, restock: bool) -> None:
        self._settle(order, what, restock)

    @rule(order=placed, what=st.sampled_from(["pay", "release", "refund"]))
    def go_on_too_early(self, order: Ordered, what: str) -> None:
        self._settle(order, what, restock=True)

    def _settle(self, order: Ordered, what: str, restock: bool) -> None:
        if what == "refund":
            self.refund(order, restock)
        else:
            (self.pay if what == "pay" else self.release)(order)

    def release(self, order: Ordered) -> None:
        release = ReleaseStockRequest.Release(
            order_id=order.sent.order_id, lines=order.sent.lines, user_id=order.sent.user_id, reason="cancelled"
        )
        answer = self._run("release_stock", ReleaseStockRequest(releases=[release]))
        assert answer.outcomes[0].released == (order.state != "sold")
        if order.state in ("new", "reserved"):
            order.state = "released"

    def pay(self, order: Ordered) -> None:
        failure = self._deliver("commit_stock", "order.paid", order, OrderPaid(**self._data(order)))
        if order.state == "reserved":
            order.state = "sold"
        expected = {"new": Unavailable, "released": MeridianError}.get(order.state)
        assert failure is expected

    def refund(self, order: Ordered, restock: bool) -> None:
        data = OrderRefunded(**self._data(order), restock=restock)
        failure = self._deliver("return_stock", "order.refunded", order, data)
        expected = {"new": Unavailable, "reserved": Unavailable, "released": MeridianError}.get(order.state)
        assert failure is (expected if restock else None)
        if restock and order.state == "sold":
            order.state = "returned"

    @rule(data=st.data())
    def sweep(self, data: st.DataObject) -> None:
        due = [o for o in self._orders if o.state == "reserved" and o.late and not o.firm and not o.postponed]
        choice: st.SearchStrategy[Decision] = st.sampled_from(["confirmed", "ended", "pending"])
        decided = {order.sent.order_id: data.draw(choice) for order in due}
        work: Any = Work(self._isolated.resources, "supply")
        work.__dict__["orders"] = Decided(decided)
        sweep_reservations(work)
        for order in due:
            decision = decided[order.sent.order_id]
            order.firm = decision == "confirmed"
            order.postponed = decision == "pending"
            if decision == "ended":
                order.state = "released"

    # What holds

    @invariant()
    def stock_is_as_in_the_model(self) -> None:
        """quantity = available + reserved + sold, and each of them is what it should be."""
        reserved, sold = self._taken("reserved"), self._taken("sold")
        for goods in self._goods.values():
            stock = self._isolated.probe.stock(goods.id)
            assert stock.quantity == stock.available + stock.reserved + stock.sold == goods.quantity
            assert (stock.reserved, stock.sold) == (reserved[goods.id], sold[goods.id])
            assert min(stock.available, stock.reserved, stock.sold) >= 0

    def teardown(self) -> None:
        assert self._isolated.violations() == []

    # The model

    def _taken(self, state: str) -> Counter[str]:
        return sum((order.requested for order in self._orders if order.state == state), Counter())

    def _expected(self, order: Ordered) -> str:
        """The refusal of an order in the model: the gravest of the first supply that has one."""
        lines = {line.supply_id: line for line in order.sent.lines}
        for supply_id, units in order.requested.items():
            line = lines[supply_id]
            reasons = self._reasons(self._goods[supply_id], order.user, units, line.phase, listed=line.listed)
            if reasons:
                return reasons[0]
        return ""

    def _reasons(self, goods: Goods, user: int, units: int, reported: str, *, listed: bool) -> list[str]:
        sale = goods.sale
        phase = sale if sale and sale.kind != "closed" else None
        holding = [order for order in self._orders if order.holds and goods.id in order.requested]
        own = [order for order in holding if order.user == user]
        in_phase = [order for order in holding if phase and order.phases[goods.id] == phase.name]
        count = {id(order): order.requested[goods.id] for order in holding}
        limit = LISTED_LIMIT if phase and listed else phase.limit if phase else None
        found = []
        if goods.status != "active" or (sale and not phase) or reported != (phase.name if phase else ""):
            found.append("NOT_ON_SALE")
        if phase and phase.kind == "listed" and not listed:
            found.append("NOT_ALLOWED")
        over = goods.limit is not None and sum(count[id(o)] for o in own) + units > goods.limit
        if over or (limit is not None and sum(count[id(o)] for o in own if o in in_phase) + units > limit):
            found.append("USER_LIMIT")
        capped = phase and phase.cap is not None and sum(count[id(o)] for o in in_phase) + units > phase.cap
        if capped or sum(count.values()) + units > goods.quantity:
            found.append("SOLD_OUT")
        return found

    # Calls of the operations

    def _phases(self, sale: Sale | None) -> list[PhaseView]:
        if sale is None:
            return []
        times = {"starts_at": ago(hours=-1), "ends_at": None} if sale.kind == "closed" else {}
        root = self._root if sale.kind == "listed" else None
        return [open_phase(sale.name, **times, cap=sale.cap, per_user_limit=sale.limit, allowlist_root=root)]

    def _run(self, name: str, request: Any) -> Any:
        return self._isolated.run(name, request=request)

    def _refused(self, name: str, request: Any, **more: Any) -> str | None:
        try:
            self._isolated.run(name, request=request, caller=self._seller.caller, **more)
        except Refusal as refusal:
            return refusal.code
        return None

    def _deliver(self, consumer: str, kind: str, order: Ordered, data: Any) -> type[Exception] | None:
        """Deliver an event, as if for the first time; returns the class of the failure."""
        event = Event(ids.new("evt", "us"), kind, order.sent.order_id, 2, datetime.now(UTC), data)
        try:
            self._isolated.run(consumer, event=event)
        except MeridianError as error:
            return type(error)
        return None

    def _data(self, order: Ordered) -> dict[str, Any]:
        items = [
            Item(item_id=ids.sibling(line.reservation_id, "itm"), supply_id=line.supply_id, quantity=line.quantity)
            for line in order.sent.lines
        ]
        return {"order_id": order.sent.order_id, "user_id": order.sent.user_id, "items": items}


class Decided:
    """An order service that answers as the model has it, and knows of no other orders."""

    def __init__(self, decisions: Mapping[str, Decision]) -> None:
        self._decisions = decisions

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        return {order_id: self._decisions.get(order_id, "unknown") for order_id in order_ids}


def hold(isolated: IsolatedServices, examples: int, steps: int) -> None:
    buyers = [isolated.new_user() for _ in range(3)]

    class Here(Rules):
        def __init__(self) -> None:
            super().__init__(isolated, isolated.new_user(), buyers)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_rules_hold_whatever_happens(isolated: IsolatedServices) -> None:
    """Each answer and the stock after each step are the model's; no invariant is broken at the end."""
    hold(isolated, examples=8, steps=30)


@pytest.mark.long
def test_rules_hold_whatever_happens_for_long(isolated: IsolatedServices) -> None:
    """The same, many times over."""
    hold(isolated, examples=100, steps=50)
