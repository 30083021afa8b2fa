"""The contract of the ports, on the fakes and on PostgreSQL and the real services alike."""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from emulators.demo.api_user import ApiUser, fresh_key
from functions.order.adapters.work import Work
from functions.order.domain.order import Order
from functions.order.domain.placement import Terms
from functions.order.domain.quote import QUOTE_USED, Eligibility, SpendableBalance
from functions.order.ports import SagaWork, Task
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Contended, KeyInUse, NotFound
from shared.idempotency import Key
from shared.resources import Resources
from tests.clocks import ShiftedClock
from tests.database_probe import DatabaseProbe
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import FEE_BPS, placed, terms
from tests.isolated_services import IsolatedServices

UNITS = 10
FUNDS = 10_000


@dataclass
class Trade:
    """A buyer, a merchant and what they trade, on one kind of parts."""

    open: Callable[[str | None, timedelta], SagaWork]
    """The work of a request with this idempotency key, or of none, so long from now."""

    buyer: str
    wallet_id: str
    supply_id: str
    left: Callable[[], int]
    spendable: Callable[[], int]
    ahead: timedelta = timedelta(0)
    key: str = field(default_factory=fresh_key)

    def work(self, key: str | None = None) -> Any:
        """The work of a request, now."""
        return self.open(key, self.ahead)

    def pass_by(self, **duration: float) -> None:
        """Let time pass, as in `pass_by(seconds=3)`."""
        self.ahead += timedelta(**duration)

    def terms(self) -> Terms:
        """The terms of the supply, from the supply service."""
        found: dict[str, Terms] = self.work().supply.describe([self.supply_id], self.buyer, "", {})
        return found[self.supply_id]

    def place(self, *units: int, key: str | None = None, price: int | None = None) -> Order:
        """Commit an order of so many units in each line."""
        found = self.terms()
        found = found if price is None else found._replace(unit_price=price)
        begun = placed([(found, quantity) for quantity in units or (2,)], self.work().now(), self.buyer)
        begun = replace(begun, wallet_id=self.wallet_id)
        with self.work(key).transaction() as t1:
            t1.lease_key(begun.order_id)
            order: Order = t1.orders.place([begun])[0]
        return order


class Undone(Exception):
    """Rolls a transaction back: the stack would act on a confirmed order that has taken nothing."""


@pytest.fixture
def fake_trade() -> Trade:
    """A trade in memory."""
    shop = Shop()
    supply, wallet_id, began = shop.sells(terms(unit_price=1000), UNITS), shop.funds(FUNDS), shop.clock.now()

    def work(key: str | None, ahead: timedelta) -> SagaWork:
        shop.clock.moment = began + ahead
        return FakeWork(shop, key)

    return Trade(
        open=work,
        buyer=shop.buyer.user_id,
        wallet_id=wallet_id,
        supply_id=supply.supply_id,
        left=lambda: shop.supply.left[supply.supply_id],
        spendable=lambda: shop.wallet.available[wallet_id],
    )


@pytest.fixture
def real_trade(
    anyone: Callable[[], ApiUser],
    on_sale: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    shifted: Callable[[timedelta], Resources],
) -> Trade:
    """A trade on the running stack."""
    buyer, supply = anyone(), on_sale(quantity=UNITS)
    buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(FUNDS)})

    def work(key: str | None, ahead: timedelta) -> Any:
        bound = Key(buyer.user_id, "create_order", key, "fingerprint") if key else None
        return Work(shifted(ahead), "order", None, bound)

    def spendable() -> int:
        posted, held = probe.money(buyer.wallet_id)
        return posted - held

    return Trade(
        open=work,
        buyer=buyer.user_id,
        wallet_id=buyer.wallet_id,
        supply_id=supply["id"],
        left=lambda: probe.stock(supply["id"]).available,
        spendable=spendable,
    )


@pytest.fixture
def isolated_trade(isolated: IsolatedServices) -> Trade:
    """A trade in isolated services, where no sweeper runs by itself."""
    buyer, supply = isolated.new_user(USDC=FUNDS), isolated.sell(isolated.new_user(), quantity=UNITS)

    def work(key: str | None, ahead: timedelta) -> Any:
        resources = copy.copy(isolated.resources)
        resources.clock = ShiftedClock(ahead)
        return Work(resources, "order", None, None)

    return Trade(
        open=work,
        buyer=buyer.user_id,
        wallet_id=buyer.wallet_id,
        supply_id=supply.id,
        left=lambda: isolated.probe.stock(supply.id).available,
        spendable=lambda: isolated.probe.money(buyer.wallet_id)[0],
    )


@pytest.fixture(params=["fake", "isolated"])
def secluded(request: pytest.FixtureRequest) -> Trade:
    """A trade in memory, then one in isolated services."""
    made: Trade = request.getfixturevalue(f"{request.param}_trade")
    return made


@pytest.fixture(params=["fake", "real"])
def trade(request: pytest.FixtureRequest) -> Trade:
    """A trade in memory, then one on the running stack."""
    made: Trade = request.getfixturevalue(f"{request.param}_trade")
    return made


def caller(user_id: str, *scopes: str) -> Caller:
    """Somebody who asks."""
    return Caller(user_id, "ses_us_test", frozenset(scopes))


# Orders


def test_an_order_comes_back_as_it_was_placed(trade: Trade) -> None:
    """Every field, when it is locked later; unknown ids are not found."""
    order = trade.place(1, 2)
    with trade.work().transaction() as work:
        assert work.orders.lock(order.id) == order
        assert (order.status, order.version, order.total, order.fee_bps) == ("pending", 1, 3000, FEE_BPS)
        with pytest.raises(NotFound):
            work.orders.lock(ids.new("ord", "us"))


def test_a_transaction_that_raises_leaves_nothing(trade: Trade) -> None:
    """Neither facts nor the key."""
    order = trade.place()
    with pytest.raises(Undone), trade.work(trade.key).transaction() as work:
        work.lease_key(ids.new("ord", "us"))
        work.orders.record(order, order.confirm())
        raise Undone
    with trade.work().transaction() as work:
        assert work.orders.lock(order.id) == order
    assert trade.work(trade.key).resumed() is None


def test_facts_are_recorded_after_the_version_they_were_decided_on(trade: Trade) -> None:
    """What was recorded comes back; a decision on an older version loses, and changes nothing."""
    order = trade.place()
    with trade.work().transaction() as work:
        cancelled = work.orders.record(work.orders.lock(order.id), order.cancel())
    assert (cancelled.status, cancelled.version) == ("cancelled", 2)
    with pytest.raises(Contended), trade.work().transaction() as work:
        work.orders.record(order, order.confirm())
    with trade.work().transaction() as work:
        assert work.orders.lock(order.id) == cancelled


def test_an_order_is_shown_to_whom_it_concerns(trade: Trade) -> None:
    """Buyer, merchant and operators see it, with its failure if there is one; others do not find it."""
    order = trade.place()
    with trade.work().transaction() as work:
        work.orders.record(order, order.fail("SOLD_OUT", "Nothing is left."))
        views = [
            work.orders.show(order.id, caller(order.user_id)),
            work.orders.show(order.id, caller(order.merchant_id)),
            work.orders.show(order.id, caller("usr_us_x", "operator")),
        ]
        assert views[0] == views[1] == views[2]
        assert (views[0].status, views[0].failure.code, views[0].total) == ("failed", "SOLD_OUT", 2000)
        for order_id, user_id in ((order.id, "usr_us_x"), (ids.new("ord", "us"), order.user_id), ("x", order.user_id)):
            with pytest.raises(NotFound):
                work.orders.show(order_id, caller(user_id, "order:read"))


def test_orders_are_browsed_newest_first(trade: Trade) -> None:
    """By buyer, by merchant and by status, beyond an id, at most so many."""
    orders = [trade.place(1) for _ in range(3)]
    merchant, newest_first = orders[0].merchant_id, [order.id for order in orders[::-1]]
    with trade.work().transaction() as work:
        work.orders.record(orders[1], orders[1].cancel())

        def browse(user: str | None, merchant: str | None, status: Any, after: str | None, most: int) -> list[str]:
            return [view.id for view in work.orders.browse(user, merchant, status, after, most)]

        assert browse(trade.buyer, None, None, None, 9) == newest_first
        assert browse(trade.buyer, None, None, None, 2) == newest_first[:2]
        assert browse(trade.buyer, None, None, newest_first[0], 9) == newest_first[1:]
        assert browse(trade.buyer, None, "cancelled", None, 9) == [orders[1].id]
        assert browse(trade.buyer, None, "pending", None, 9) == [orders[2].id, orders[0].id]
        assert browse(None, merchant, None, None, 3) == newest_first
        assert browse(trade.buyer, "usr_us_x", None, None, 9) == []


def test_a_history_is_read_beyond_a_version(trade: Trade) -> None:
    """Oldest first, at most so many."""
    order = trade.place()
    with pytest.raises(Undone), trade.work().transaction() as work:
        order = work.orders.record(order, order.confirm())
        work.orders.record(order, order.pay())
        found = work.orders.history(order.id, 0, 9)
        assert [(event.version, event.type) for event in found] == [
            *((1, "order.placed"), (2, "order.confirmed"), (3, "order.paid")),
        ]
        assert found[0].data["total"] == "2000"
        assert work.orders.history(order.id, 1, 1) == found[1:2]
        assert work.orders.history(order.id, 3, 9) == work.orders.history("ord_us_x", 0, 9) == []
        raise Undone


def taken(trade: Trade, task: Task, order: Order) -> bool:
    """Whether an order is taken for a task now."""
    with trade.work().transaction() as work:
        return order.id in work.orders.take(task, 10_000)


def test_what_is_due_is_taken_and_put_off(secluded: Trade) -> None:
    """A pending order after 15 seconds, again 15 seconds after it was taken, then 30, 60 and so on; none that ended."""
    pending, ended = secluded.place(1), secluded.place(1)
    with secluded.work().transaction() as work:
        work.orders.record(ended, ended.cancel())
    assert not taken(secluded, "advance_orders", pending)
    for wait in (15, 15, 30, 60):
        # The machine's clock goes on as the test runs: five seconds are for that.
        secluded.pass_by(seconds=wait - 5)
        assert not taken(secluded, "advance_orders", pending)
        secluded.pass_by(seconds=5)
        assert taken(secluded, "advance_orders", pending)
        assert not taken(secluded, "advance_orders", pending)
        assert not taken(secluded, "advance_orders", ended)
    with secluded.work().transaction() as work:
        work.orders.record(pending, pending.cancel())


def test_what_is_overdue_is_taken_at_its_time(secluded: Trade) -> None:
    """However often it backed off: from its expiry on, and not before."""
    pending = secluded.place(1)
    for _ in range(40):
        secluded.pass_by(seconds=20)
        taken(secluded, "advance_orders", pending)
    assert not taken(secluded, "expire_orders", pending)
    secluded.ahead += pending.expires_at - secluded.work().now()
    assert taken(secluded, "expire_orders", pending)
    with secluded.work().transaction() as work:
        work.orders.record(pending, pending.cancel())


def test_those_that_wait_longest_are_taken_first() -> None:
    """What was tried in vain does not stand before what was not tried yet."""
    shop = Shop()
    with FakeWork(shop).transaction() as work:
        orders = [each.id for each in work.orders.place([placed([], shop.clock.now()) for _ in range(5)])]
    shop.clock.pass_by(seconds=15)
    found = []
    for _ in range(3):
        with FakeWork(shop).transaction() as work:
            found.append(work.orders.take("advance_orders", 2))
    assert found == [orders[:2], orders[2:4], orders[4:]]


def test_histories_are_listed_newest_first(trade: Trade) -> None:
    """Each as it was placed, with the first moment of each fact and its version; of a time and below an id."""
    orders = [trade.place(1), trade.place(2), trade.place(3)]
    with pytest.raises(Undone), trade.work().transaction() as work:
        paid = work.orders.record(work.orders.record(orders[0], orders[0].confirm()), orders[0].pay())
        requested = work.orders.record(paid, paid.request_refund("usr_us_x", "", restock=True))
        work.orders.record(requested, requested.refund())
        now, instant = work.now(), timedelta(microseconds=1)
        listed = work.orders.histories(None, "", 3)
        assert [history.id for history in listed] == [order.id for order in reversed(orders)]
        assert listed[0].order == orders[2]
        assert (list(listed[0].facts), listed[0].restocked) == (["order.placed"], False)
        assert listed[2].restocked
        assert {name: moment.version for name, moment in listed[2].facts.items()} == {
            "order.placed": 1,
            "order.confirmed": 2,
            "order.paid": 3,
            "order.refund_requested": 4,
            "order.refunded": 5,
        }
        assert listed[2].facts["order.refunded"].at == now
        assert work.orders.histories(None, orders[2].id, 1) == [listed[1]]
        assert work.orders.histories(orders[2].created_at + instant, "", 3) == listed
        assert orders[2].id not in [each.id for each in work.orders.histories(orders[2].created_at, "", 3)]
        raise Undone


# Idempotency keys of sagas


def test_a_key_is_leased_to_one_request(trade: Trade) -> None:
    """The first takes it; until the lease ends nobody resumes; then one does, for another lease."""
    assert trade.work(trade.key).resumed() is None
    order = trade.place(key=trade.key)
    with pytest.raises(KeyInUse):
        trade.place(key=trade.key)
    with pytest.raises(KeyInUse):
        trade.work(trade.key).resumed()
    trade.pass_by(seconds=11)
    assert trade.work(trade.key).resumed() == order.id
    with pytest.raises(KeyInUse):
        trade.work(trade.key).resumed()


def test_a_quote_is_used_by_one_order(trade: Trade) -> None:
    """The first that is committed with it; what was rolled back has not used it."""
    order, other, quote_id = trade.place(), trade.place(), ids.new("qte", "us")
    with suppress(RuntimeError), trade.work().transaction() as work:
        assert work.orders.use_quote(quote_id, other) is None
        raise RuntimeError
    with trade.work().transaction() as work:
        assert work.orders.use_quote(quote_id, order) is None
    with trade.work().transaction() as work:
        assert work.orders.use_quote(quote_id, other) == QUOTE_USED
        assert work.orders.use_quote(ids.new("qte", "us"), other) is None


def test_a_lease_that_is_given_up_is_free_at_once(trade: Trade) -> None:
    """The same key resumes without waiting."""
    order = trade.place(key=trade.key)
    work = trade.work(trade.key)
    work.end_lease(order.id)
    assert trade.work(trade.key).resumed() == order.id


def test_an_order_with_an_outcome_is_not_resumed(trade: Trade) -> None:
    """Its response is stored with the outcome, so there is nothing to resume."""
    order = trade.place(key=trade.key)
    with trade.work().transaction() as work:
        work.orders.record(order, order.cancel())
    trade.pass_by(seconds=11)
    assert trade.work(trade.key).resumed() is None


def test_a_request_without_a_key_leases_nothing(trade: Trade) -> None:
    """The sweeper has none."""
    trade.place()
    assert trade.work().resumed() is None


# Supply


def test_terms_are_given_for_what_there_is(trade: Trade) -> None:
    """Unknown supplies are left out."""
    found = trade.work().supply.describe([trade.supply_id, ids.new("sup", "us"), "x"], trade.buyer, "", {})
    assert set(found) == {trade.supply_id}
    assert (found[trade.supply_id].unit_price, found[trade.supply_id].currency) == (1000, "USDC")


def test_stock_is_reserved_once_and_given_back_once(trade: Trade) -> None:
    """However often the command is repeated; a released reservation is never made again."""
    order, supply = trade.place(1, 2), trade.work().supply
    for _ in range(2):
        assert supply.reserve([order])[0] is None
        assert trade.left() == UNITS - 3
    for _ in range(2):
        supply.release(order)
        assert trade.left() == UNITS
    assert supply.reserve([order])[0][0] == "STOCK_RELEASED"
    assert trade.left() == UNITS


def test_a_release_before_the_reservation_refuses_it(trade: Trade) -> None:
    """The tombstone of an unknown reservation."""
    order, supply = trade.place(), trade.work().supply
    supply.release(order)
    assert supply.reserve([order])[0][0] == "STOCK_RELEASED"
    assert trade.left() == UNITS


def test_a_refused_order_takes_no_stock(trade: Trade) -> None:
    """Not even of the lines for which there is enough; later, when there is, the same command is no longer refused."""
    order, supply = trade.place(6), trade.work().supply
    both = trade.place(1, 6)
    assert supply.reserve([order])[0] is None
    assert supply.reserve([both])[0][0] == "SOLD_OUT"
    assert trade.left() == UNITS - 6
    supply.release(order)
    assert supply.reserve([both])[0] is None
    assert trade.left() == UNITS - 7
    supply.release(both)


def test_eligibility_is_checked_without_reserving(trade: Trade) -> None:
    """No reason against the available units, SOLD_OUT beyond them; the check reserves nothing."""
    supply, address = trade.work().supply, trade.work().wallet.address(trade.wallet_id, trade.buyer)
    for units, reasons in ((UNITS, ()), (UNITS + 1, ("SOLD_OUT",))):
        found = supply.check({trade.supply_id: units}, trade.buyer, address, {})
        assert found == {trade.supply_id: Eligibility(reasons, "", None)}
    assert trade.left() == UNITS


# Wallet


def test_the_spendable_balance_excludes_holds(trade: Trade) -> None:
    """What may be spent of it now."""
    wallet = trade.work().wallet
    assert wallet.spendable(trade.wallet_id, "USDC") == SpendableBalance(open=True, available=FUNDS)
    order = trade.place()
    wallet.hold([order])[0]
    assert wallet.spendable(trade.wallet_id, "USDC") == SpendableBalance(open=True, available=FUNDS - 2000)
    wallet.release(order)


def test_an_address_is_given_to_the_owner(trade: Trade) -> None:
    """Another's and an unknown wallet are not found."""
    wallet = trade.work().wallet
    assert wallet.address(trade.wallet_id, trade.buyer).startswith("0x")
    for wallet_id, owner in ((trade.wallet_id, "usr_us_x"), (ids.new("wal", "us"), trade.buyer), ("", trade.buyer)):
        with pytest.raises(NotFound):
            wallet.address(wallet_id, owner)


def test_funds_are_held_once_and_given_back_once(trade: Trade) -> None:
    """However often the command is repeated; a released hold is never placed again."""
    order, wallet = trade.place(), trade.work().wallet
    for _ in range(2):
        assert wallet.hold([order])[0] is None
        assert trade.spendable() == FUNDS - 2000
    for _ in range(2):
        assert wallet.release(order)
        assert trade.spendable() == FUNDS
    assert wallet.hold([order])[0][0] == "HOLD_RELEASED"
    assert trade.spendable() == FUNDS


def test_a_release_before_the_hold_refuses_it(trade: Trade) -> None:
    """The tombstone of an unknown hold."""
    order, wallet = trade.place(), trade.work().wallet
    assert wallet.release(order)
    assert wallet.hold([order])[0][0] == "HOLD_RELEASED"
    assert trade.spendable() == FUNDS


def test_a_hold_is_covered(trade: Trade) -> None:
    """All that there is can be held, and not one atomic unit more."""
    most, more = trade.place(1, price=FUNDS), trade.place(1, price=1)
    assert trade.work().wallet.hold([most])[0] is None
    assert trade.work().wallet.hold([more])[0][0] == "INSUFFICIENT_FUNDS"
    assert trade.spendable() == 0
    assert trade.work().wallet.release(most)
