"""The order service's ports in memory. test_ports.py runs the same suite on these and on the real adapters.

A shop is everything that one purchase touches: the order service's store, and what supply and wallet would know.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from functions.order.adapters.quotes import HmacQuotes
from functions.order.domain.events import OrderEvent, OrderPlaced, OrderRefunded
from functions.order.domain.order import RECONCILE_AFTER, Order, Status, fold
from functions.order.domain.placement import Terms
from functions.order.domain.quote import QUOTE_USED, Eligibility, SpendableBalance
from functions.order.domain.refusals import refund_refusal_of, refusal_of
from functions.order.ports import (
    SHORT,
    BeginOrders,
    Claiming,
    KeyedWork,
    NewOrder,
    Occurrence,
    OrderHistory,
    Orders,
    OrderWork,
    Proofs,
    Quotes,
    RefusalReason,
    RequestHandle,
    SagaWork,
    Supply,
    Task,
    Wallet,
)
from functions.order.record_claim import record_claim
from functions.order.record_payment import record_payment
from functions.order.record_release import record_release
from functions.order.views import OrderEventView, OrderView
from shared import ids
from shared.contracts.encode import to_json
from shared.contracts.events import Event
from shared.contracts.gen.claim_events_pb2 import ClaimClaimed
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured, HoldReleased
from shared.contracts.operations import Caller
from shared.errors import Contended, KeyInUse, MeridianError, NotFound, Refusal, Unavailable
from shared.idempotency import LEASE
from tests.clocks import FakeClock
from tests.fake_failures import FakeFailures

Outcome = Literal["taken", "released"]
MATURES_AFTER = timedelta(days=7)
STAGES: dict[Task, tuple[str, ...]] = {
    "advance_orders": ("pending", "refunding", "confirmed", "promised"),
    "expire_orders": ("pending",),
    "mature_orders": ("paid",),
}


@dataclass
class Lease:
    """An idempotency key that a request has leased; `answer` is the status of a success or the code of a refusal."""

    reference: str
    expires_at: datetime
    answer: str = ""


@dataclass
class Ledger:
    """What the order service has committed."""

    histories: dict[str, list[tuple[OrderEvent, datetime]]] = field(default_factory=dict)
    keys: dict[str, Lease] = field(default_factory=dict)
    due: dict[str, tuple[datetime | None, int]] = field(default_factory=dict)
    """By order: its due time, and how often a sweep took it."""
    used_quotes: set[str] = field(default_factory=set)

    def copy(self) -> "Ledger":
        """A copy to write to, which may be discarded. Events never change."""
        histories = {order_id: list(history) for order_id, history in self.histories.items()}
        keys = {key: replace(lease) for key, lease in self.keys.items()}
        return Ledger(histories, keys, dict(self.due), set(self.used_quotes))

    def order(self, order_id: str) -> Order | None:
        """An order, folded from its events."""
        return fold(self.histories.get(order_id, []))


class FakeSupply:
    """The supply service: stock, reservations and tombstones."""

    def __init__(self, shop: "Shop") -> None:
        self._shop = shop
        self.supplies: dict[str, Terms] = {}
        self.left: dict[str, int] = {}
        self.elsewhere: int | None = None
        """The units that other cells have; None if there are no others."""
        self.lines: dict[str, tuple[str, int, Outcome]] = {}
        """By reservation: supply, units and state."""
        self.refusal: RefusalReason | None = None
        self.down = False
        self.proofs: Proofs = {}
        """The proofs of the last call."""

    def describe(self, supply_ids: Sequence[str], user_id: str, address: str, proofs: Proofs) -> dict[str, Terms]:
        self._answers()
        self.proofs = proofs
        return {supply_id: self.supplies[supply_id] for supply_id in supply_ids if supply_id in self.supplies}

    def check(self, units: Mapping[str, int], user_id: str, address: str, proofs: Proofs) -> dict[str, Eligibility]:
        self._answers()
        self.proofs = proofs
        refused = (self.refusal[0],) if self.refusal else ()
        return {
            supply_id: Eligibility((*refused, *(("SOLD_OUT",) if quantity > self.left[supply_id] else ())), "", None)
            for supply_id, quantity in units.items()
        }

    def reserve(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        self._answers()
        return [self._reserve(order) for order in orders]

    def request_units(self, order: Order) -> bool:
        self._answers()
        for supply_id in self.left:
            wanted = sum(item.quantity for item in order.items if item.supply_id == supply_id)
            moved = max(0, min(wanted - self.left[supply_id], self.elsewhere or 0))
            self.left[supply_id] += moved
            self.elsewhere = (self.elsewhere or 0) - moved
        return not self._lacks(order)

    def _lacks(self, order: Order) -> bool:
        items = order.items
        return any(sum(i.quantity for i in items if i.supply_id == s) > left for s, left in self.left.items())

    def _reserve(self, order: Order) -> RefusalReason | None:
        wanted = [(ids.sibling(item.item_id, "rsv"), item) for item in order.items]
        if wanted[0][0] in self.lines:
            released = self.lines[wanted[0][0]][2] == "released"
            return ("STOCK_RELEASED", "The reservation was released before it was made.") if released else None
        if self.refusal:
            return self.refusal
        if self._lacks(order):
            return ("SOLD_OUT" if self.elsewhere is None else SHORT, "Nothing is left.")
        for reservation_id, item in wanted:
            self.left[item.supply_id] -= item.quantity
            self.lines[reservation_id] = (item.supply_id, item.quantity, "taken")
        return None

    def release(self, order: Order) -> None:
        self._answers()
        self._shop.note_release(order.id, "stock")
        for item in order.items:
            reservation_id = ids.sibling(item.item_id, "rsv")
            supply_id, quantity, outcome = self.lines.get(reservation_id, (item.supply_id, 0, "released"))
            if outcome == "taken":
                self.left[supply_id] += quantity
            self.lines[reservation_id] = (supply_id, quantity, "released")

    def return_sold(self, order: Order) -> None:
        """What return_stock does at order.refunded."""
        for item in order.items:
            supply_id, quantity, _ = self.lines[ids.sibling(item.item_id, "rsv")]
            self.left[supply_id] += quantity
            self.lines[ids.sibling(item.item_id, "rsv")] = (supply_id, 0, "taken")

    def taken(self, order: Order) -> list[int]:
        """How many units each line of an order has reserved or bought."""
        lines = [self.lines.get(ids.sibling(item.item_id, "rsv"), ("", 0, "released")) for item in order.items]
        return [quantity if outcome == "taken" else 0 for _, quantity, outcome in lines]

    def _answers(self) -> None:
        if self.down:
            raise Unavailable("Supply did not answer.")


class FakeWallet:
    """The wallet service: balances, holds and tombstones."""

    def __init__(self, shop: "Shop") -> None:
        self._shop = shop
        self.owners: dict[str, str] = {}
        self.available: dict[str, int] = {}
        self.holds: dict[str, tuple[str, str, int, Literal["placed", "captured", "released"]]] = {}
        """By hold: order, wallet, amount and state."""
        self.refunds: dict[str, int] = {}
        """By order: the amount refunded."""
        self.settled: set[str] = set()
        """Orders whose merchant has the money."""
        self.refusal: RefusalReason | None = None
        self.down = False

    def address(self, wallet_id: str, owner: str) -> str:
        self._answers()
        if self.owners.get(wallet_id) != owner:
            raise NotFound("There is no such wallet.")
        return "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

    def spendable(self, wallet_id: str, currency: str) -> SpendableBalance:
        self._answers()
        return SpendableBalance(open=True, available=self.available[wallet_id])

    def hold(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        self._answers()
        return [self._hold(order) for order in orders]

    def _hold(self, order: Order) -> RefusalReason | None:
        if order.hold_id in self.holds:
            released = self.holds[order.hold_id][3] == "released"
            return ("HOLD_RELEASED", "The hold was released before it was placed.") if released else None
        if self.refusal:
            return self.refusal
        if self.available[order.wallet_id] < order.total:
            return ("INSUFFICIENT_FUNDS", "There is not enough.")
        self.available[order.wallet_id] -= order.total
        self.holds[order.hold_id] = (order.id, order.wallet_id, order.total, "placed")
        return None

    def release(self, order: Order) -> bool:
        self._answers()
        self._shop.note_release(order.id, "hold")
        _, wallet_id, amount, state = self.holds.get(order.hold_id, (order.id, order.wallet_id, 0, "released"))
        if state == "captured":
            return False
        if state == "placed":
            self.available[wallet_id] += amount
        self.holds[order.hold_id] = (order.id, wallet_id, amount, "released")
        return True

    def refund(self, order: Order) -> None:
        self._answers()
        assert self.holds[order.hold_id][3] == "captured", "there is nothing to give back"
        if order.id in self.settled:
            raise MeridianError("the merchant has it")
        if order.id not in self.refunds:
            self.refunds[order.id] = order.total
            self.available[order.wallet_id] += order.total

    def settle(self, order: Order) -> None:
        """What settle_order does at order.claimed and order.matured."""
        if order.id not in self.refunds:
            self.settled.add(order.id)

    def capture(self, order: Order) -> bool:
        """What capture_hold does at order.confirmed: returns whether the hold is captured now."""
        order_id, wallet_id, amount, state = self.holds[order.hold_id]
        if state == "placed":
            self.holds[order.hold_id] = (order_id, wallet_id, amount, "captured")
        return state != "released"

    def _answers(self) -> None:
        if self.down:
            raise Unavailable("The wallet did not answer.")


class FakeClaiming:
    """The claiming service: at most one claim for each order."""

    def __init__(self, shop: "Shop") -> None:
        self._shop = shop
        self.claims: dict[str, Literal["claimed", "voided"]] = {}
        """By order: the state of its claim; none while it is open."""
        self.down = False

    def void(self, order: Order) -> bool:
        self._answers()
        return self.claims.setdefault(order.id, "voided") == "voided"

    def claim(self, order: Order) -> bool:
        """What create_claim does with an open claim: returns whether a voucher is issued now."""
        self._answers()
        return self.claims.setdefault(order.id, "claimed") == "claimed"

    def _answers(self) -> None:
        if self.down:
            raise Unavailable("Claiming did not answer.")


class FakeOrders:
    """Orders, within one transaction."""

    def __init__(self, ledger: Ledger, now: datetime) -> None:
        self._ledger = ledger
        self._now = now

    def place(self, placed: Sequence[OrderPlaced]) -> list[Order]:
        for each in placed:
            self._ledger.histories[each.order_id] = [(each, self._now)]
        return [self._due(self.lock(each.order_id)) for each in placed]

    def use_quote(self, quote_id: str, order: Order) -> RefusalReason | None:
        if quote_id in self._ledger.used_quotes:
            return QUOTE_USED
        self._ledger.used_quotes.add(quote_id)
        return None

    def lock_all(self, known: Sequence[Order]) -> list[Order]:
        return [self.lock(order.id) for order in known]

    def lock_each(self, order_ids: Sequence[str]) -> list[Order]:
        return [self.lock(order_id) for order_id in order_ids]

    def record_all(self, decided: Sequence[tuple[Order, Sequence[OrderEvent]]]) -> list[Order]:
        return [self.record(order, facts) if facts else order for order, facts in decided]

    def lock(self, order_id: str) -> Order:
        order = self._ledger.order(order_id)
        if order is None:
            raise NotFound("There is no such order.")
        return order

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        if self.lock(order.id).version != order.version:
            raise Contended
        self._ledger.histories[order.id] += [(fact, self._now) for fact in facts]
        after = self._due(self.lock(order.id))
        if order.stage == "pending":
            self._answer(order.id, "201", refusal_of(after))
        if order.stage == "refunding":
            refusal = refund_refusal_of(after, self._now, MATURES_AFTER)
            self._answer(ids.sibling(order.id, "rfd"), "200", refusal)
        return after

    def _due(self, order: Order) -> Order:
        self._ledger.due[order.id] = (order.due_at(MATURES_AFTER), 0)
        return order

    def _answer(self, reference: str, success: str, refusal: Refusal | None) -> None:
        for lease in self._ledger.keys.values():
            if lease.reference == reference:
                lease.answer = refusal.code if refusal else success

    def show(self, order_id: str, caller: Caller) -> OrderView:
        order = self._ledger.order(order_id)
        if order is None or not (caller.operator or caller.user_id in (order.user_id, order.merchant_id)):
            raise NotFound("There is no such order.")
        return OrderView.of(order)

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        found = [
            OrderView.of(order)
            for order in sorted(self._all(), key=lambda order: order.id, reverse=True)
            if user_id in (None, order.user_id)
            and merchant_id in (None, order.merchant_id)
            and status in (None, order.status)
            and (after is None or order.id < after)
        ]
        return found[:most]

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        numbered = enumerate(self._ledger.histories.get(order_id, []), 1)
        views = [
            OrderEventView(version=version, type=fact.type, data=_data(fact), at=at) for version, (fact, at) in numbered
        ]
        return views[after : after + most]

    def histories(self, before: datetime | None, below: str, most: int) -> list[OrderHistory]:
        found = []
        for order_id, facts in sorted(self._ledger.histories.items(), reverse=True):
            if (below and order_id >= below) or (before and facts[0][1] >= before):
                continue
            moments = {type(fact).type: Occurrence(at, version) for version, (fact, at) in enumerate(facts, 1)}
            restocked = any(isinstance(fact, OrderRefunded) and fact.restock for fact, _ in facts)
            found.append(OrderHistory(order_id, fold(facts[:1]), moments, restocked))
        return found[:most]

    def take(self, task: Task, most: int) -> list[str]:
        waiting = [
            (due, order)
            for order in self._all()
            if order.stage in STAGES[task]
            and (due := self._ledger.due[order.id][0]) is not None
            and due <= self._now
            and (task != "expire_orders" or order.expires_at <= self._now)
        ]
        turns: Counter[str] = Counter()
        queued = []
        for due, order in sorted(waiting, key=lambda each: each[0]):
            turns[order.user_id] += 1
            queued.append((turns[order.user_id], due, order))
        taken = [order for *_, order in sorted(queued, key=lambda each: each[:2])][:most]
        for order in taken:
            attempts = self._ledger.due[order.id][1]
            due = self._now + timedelta(seconds=15) * 2 ** min(attempts, 5)
            if order.stage == "pending" and order.expires_at > self._now:
                due = min(due, order.expires_at)
            self._ledger.due[order.id] = (due, attempts + 1)
        return [order.id for order in taken]

    def _all(self) -> list[Order]:
        return [self.lock(order_id) for order_id in self._ledger.histories]


@dataclass
class FakeTransaction:
    """The work of one transaction."""

    orders: Orders
    clock: FakeClock
    ledger: Ledger
    key: str | None
    failures: FakeFailures
    matures_after: timedelta = MATURES_AFTER

    def now(self) -> datetime:
        return self.clock.now()

    def new_id(self, prefix: str) -> str:
        return ids.new(prefix, "us")

    def lease_key(self, reference: str) -> None:
        if self.key is None:
            return
        if self.key in self.ledger.keys:
            raise KeyInUse
        self.ledger.keys[self.key] = Lease(reference, self.now() + LEASE)

    def lease_keys(self, requests: Mapping[str, RequestHandle]) -> set[str]:
        leased = set()
        for reference, key in requests.items():
            if key is None or str(key) not in self.ledger.keys:
                leased.add(reference)
            if key is not None:
                self.ledger.keys.setdefault(str(key), Lease(reference, self.now() + LEASE))
        return leased

    def attribute(self, requests: Mapping[str, RequestHandle]) -> None:
        """There are no traces in memory."""

    def keep_answer(self, answer: OrderView | Refusal) -> None:
        if self.key is not None and self.key not in self.ledger.keys:
            kept = answer.code if isinstance(answer, Refusal) else "200"
            self.ledger.keys[self.key] = Lease("", self.now(), kept)


def begin_alone(begin: BeginOrders, order: NewOrder, work: SagaWork) -> Order:
    """Begin an order in a batch of its own. Raises what it ends with."""
    (outcome,) = begin([order], work)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class FakeWork:
    """The work of one request or sweep in a shop."""

    order_ttl_seconds = 900
    quote_ttl_seconds = 300
    answer_within_seconds = 5
    payment_lag_seconds = 2
    fee_bps = 250

    def __init__(self, shop: "Shop", key: str | None = None) -> None:
        self._shop = shop
        self._key = key
        self.supply: Supply = shop.supply
        self.wallet: Wallet = shop.wallet
        self.claiming: Claiming = shop.claiming
        self.quotes: Quotes = HmacQuotes(b"the key of this shop")

    def now(self) -> datetime:
        return self._shop.clock.now()

    def new_id(self, prefix: str) -> str:
        return ids.new(prefix, "us")

    @contextmanager
    def transaction(self) -> Iterator[KeyedWork]:
        """Writes are kept if the block succeeds, and discarded if it raises."""
        copied = self._shop.ledger.copy()
        yield FakeTransaction(FakeOrders(copied, self.now()), self._shop.clock, copied, self._key, self._shop.failures)
        self._shop.ledger = copied

    @property
    def request(self) -> RequestHandle:
        """The request's key."""
        return RequestHandle(self._key)

    def payments_lag(self, by: timedelta) -> bool:
        waiting = [order.updated_at for order in self._shop.orders() if order.stage == "confirmed"]
        return any(by < self.now() - at < RECONCILE_AFTER for at in waiting)

    def grouped(self, begin: BeginOrders, order: NewOrder) -> Order:
        return begin_alone(begin, order, self)

    def resumed(self) -> str | None:
        lease = self._shop.ledger.keys.get(self._key or "")
        if lease is None or lease.answer:
            return None
        if lease.expires_at > self.now():
            raise KeyInUse
        lease.expires_at = self.now() + LEASE
        return lease.reference

    def end_lease(self, reference: str) -> None:
        for lease in self._shop.ledger.keys.values():
            if lease.reference == reference:
                lease.expires_at = self.now()

    def pause(self, attempt: int) -> None:
        self._shop.clock.pass_by(seconds=attempt)


class Shop:
    """A buyer with a wallet, supplies, and the three services that a purchase needs."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.failures = FakeFailures(self.clock)
        self.ledger = Ledger()
        self.supply = FakeSupply(self)
        self.wallet = FakeWallet(self)
        self.claiming = FakeClaiming(self)
        self.buyer = Caller(ids.new("usr", "us"), ids.new("ses", "us"), frozenset({"order:write"}))
        self.merchant = msgspec.structs.replace(self.buyer, user_id="usr_us_merchant")
        self.released_early: list[str] = []
        """What was released for an order without an outcome."""

    def sells(self, terms: Terms, units: int) -> Terms:
        """Put units of a supply on sale."""
        self.supply.supplies[terms.supply_id] = terms
        self.supply.left[terms.supply_id] = units
        return terms

    def funds(self, amount: int) -> str:
        """Give the buyer a wallet with a balance; returns its id."""
        wallet_id = ids.new("wal", "us")
        self.wallet.owners[wallet_id] = self.buyer.user_id
        self.wallet.available[wallet_id] = amount
        return wallet_id

    def note_release(self, order_id: str, what: str) -> None:
        """Record a release for an order without an outcome."""
        if not self.order(order_id).ended:
            self.released_early.append(what)

    def order(self, order_id: str) -> Order:
        """An order as committed."""
        order = self.ledger.order(order_id)
        assert order is not None, f"{order_id} was never placed"
        return order

    def orders(self) -> list[Order]:
        """All orders as committed."""
        return [self.order(order_id) for order_id in self.ledger.histories]

    def story(self, order_id: str) -> list[str]:
        """The types of an order's events, oldest first."""
        return [fact.type for fact, _ in self.ledger.histories[order_id]]

    def deliver(self) -> None:
        """Apply the effects of all events, once each.

        Captures at confirmed, cancellations at released, returns at the end; claims, settlements, and units sold again.
        """
        for order in self.capture():
            self._deliver(lambda event, work: record_payment([event], work), HoldCaptured(order_id=order.id))
        for order in self.orders():
            if order.hold_id in self.wallet.holds and self.wallet.holds[order.hold_id][3] == "released":
                self._deliver(record_release, HoldReleased(order_id=order.id))
            if self.order(order.id).ended:
                self.supply.release(self.order(order.id))
                if order.hold_id:
                    self.wallet.release(self.order(order.id))
        self._deliver_ends()

    def _deliver_ends(self) -> None:
        for order_id, claim in self.claiming.claims.items():
            if claim == "claimed" and self.order(order_id).stage != "refunding":  # which asks for it again
                self._deliver(record_claim, ClaimClaimed(order_id=order_id, claim_id=ids.sibling(order_id, "clm")))
        for order in self.orders():
            if order.total and {"order.claimed", "order.matured"} & set(self.story(order.id)):
                self.wallet.settle(order)
            if order.stage == "refunded" and order.restock:
                self.supply.return_sold(order)

    def capture(self) -> list[Order]:
        """Apply the effect of order.confirmed; returns the orders whose holds are captured now."""
        return [order for order in self.orders() if order.status == "confirmed" and self.wallet.capture(order)]

    def _deliver(self, operation: Callable[[Any, OrderWork], None], data: Any) -> None:
        with FakeWork(self).transaction() as work:
            operation(Event("evt_us_x", "", "", 1, self.clock.now(), data), work)


def _data(fact: OrderEvent) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(to_json(fact))
    return data
