"""Orders that are begun together: each has its own outcome, its own stock and hold, its own answer and trace."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, cast

import pytest
from msgspec.structs import replace

from emulators.demo.api_user import fresh_key
from emulators.waiting import until
from functions.order import saga
from functions.order.adapters.work import Work
from functions.order.domain.order import Order
from functions.order.domain.placement import Line, place
from functions.order.domain.quote import Quote, quote_of
from functions.order.ports import NewOrder, SagaWork
from functions.supply.views import SupplyView
from shared import ids
from shared.config import Settings
from shared.contracts.encode import from_json
from shared.errors import KeyInUse, OutcomeUnknown, Unavailable
from shared.idempotency import Answer, Key
from shared.resilience.group_commit import RUNNERS
from shared.resources import Resources
from shared.telemetry.context import bind
from tests.functions.order.samples import FEE_BPS
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import all_at_once
from tests.shared.commit_proxy import CommitProxy, Fate

PRICE = 1000


@pytest.fixture
def merchant(isolated: IsolatedServices) -> IsolatedUser:
    """Who sells."""
    return isolated.new_user()


@pytest.fixture
def buyer(isolated: IsolatedServices) -> IsolatedUser:
    """A buyer with enough for all that a test buys."""
    return isolated.new_user(USDC=100 * PRICE)


class Counter:
    """Makes orders of one isolated services, each for a request of its own."""

    def __init__(self, isolated: IsolatedServices) -> None:
        self._isolated = isolated

    def work(self, user_id: str = "", key: str | None = None) -> Work:
        """The work of a request."""
        bound = Key(user_id, "create_order", key, "fingerprint") if key else None
        return Work(self._isolated.resources, "order", None, bound)

    def new(
        self,
        buyer: IsolatedUser,
        supply: SupplyView,
        quantity: int = 1,
        key: str | None = None,
        quote: Callable[[list[Line]], Quote] | None = None,
        request_id: str = "",
    ) -> NewOrder:
        """An order to place, of one line."""
        bind(request_id or f"req_{ids.new('ord', 'us')}")
        work = self.work(buyer.user_id, key or fresh_key())
        terms = work.supply.describe([supply.id], buyer.user_id, buyer.address, {})
        lines = [Line(work.new_id("itm"), terms[supply.id], quantity)]
        expires_at = datetime.now(UTC) + timedelta(minutes=15)
        placed = place(work.new_id("ord"), buyer.user_id, buyer.wallet_id, buyer.address, lines, FEE_BPS, expires_at)
        return NewOrder(placed, work.request, lines, quote(lines) if quote else None)

    def begin(self, *new: NewOrder, work: Any = None) -> list[Order | Exception]:
        """Begin them in one batch."""
        return saga.begin(new, cast(SagaWork, work or self.work()))

    def answer(self, new: NewOrder) -> Answer | Any:
        """What is stored under the key of an order's request."""
        key: Key = new.request.key  # type: ignore[attr-defined]
        with self.work().transaction() as reading:
            return key.find(reading.current_transaction, datetime.now(UTC))


@pytest.fixture
def counter(isolated: IsolatedServices) -> Counter:
    return Counter(isolated)


def outcomes(begun: Sequence[Order | Exception]) -> list[str]:
    """The stage of each order, the code of each failure, the name of each exception."""
    return [
        type(each).__name__ if isinstance(each, Exception) else each.failure[0] if each.failure else each.stage
        for each in begun
    ]


def test_each_has_its_own_outcome(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """What one is refused for touches no other: stock, money and stored answers are each order's own."""
    few, plenty, free = (
        isolated.sell(merchant, quantity=2),
        isolated.sell(merchant, quantity=50),
        isolated.sell(merchant, unit_price="0"),
    )
    poor = isolated.new_user()
    new = [
        counter.new(buyer, few),
        counter.new(poor, plenty),
        counter.new(buyer, few, 2),
        counter.new(buyer, plenty, 3),
        counter.new(poor, free),
        counter.new(buyer, few),
    ]
    begun = counter.begin(*new)
    assert outcomes(begun) == ["confirmed", "INSUFFICIENT_FUNDS", "SOLD_OUT", "confirmed", "paid", "confirmed"]
    assert isolated.probe.stock(few.id).available == 0
    assert isolated.probe.money(buyer.wallet_id)[1] == 5 * PRICE
    answers = [counter.answer(each) for each in new]
    assert [answer.status for answer in answers] == [201, 409, 409, 201, 201, 201]
    for each, answer in zip(new, answers, strict=True):
        body = from_json(answer.body.encode(), dict)
        if answer.status == 201:
            assert body["id"] == each.placed.order_id
        else:
            assert body["order_id"] == each.placed.order_id
            assert body["request_id"] == each.request.trace.request_id  # type: ignore[attr-defined]
    for refused in (begun[1], begun[2]):
        assert isinstance(refused, Order)
        saga.finish(refused, counter.work(), datetime.now(UTC))  # type: ignore[arg-type]
    assert isolated.probe.stock(plenty.id).available == 47


def test_an_order_is_the_same_as_it_is_read(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """What a batch returns is what its events fold into, and what is shown."""
    supply = isolated.sell(merchant)
    begun = counter.begin(counter.new(buyer, supply), counter.new(buyer, supply, 2))
    with counter.work().transaction() as work:
        for order in begun:
            assert isinstance(order, Order)
            assert work.orders.lock(order.id) == order
            shown = work.orders.find(order.id)
            assert shown is not None
            assert (shown.status, shown.total) == ("confirmed", order.total)


def test_one_key_places_one_order(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """Requests with the same key, in a batch or after it: the first has it, and nothing is taken for the others."""
    supply, key = isolated.sell(merchant), fresh_key()
    new = [counter.new(buyer, supply, key=key), counter.new(buyer, supply), counter.new(buyer, supply, key=key)]
    assert outcomes(counter.begin(*new)) == ["confirmed", "confirmed", "KeyInUse"]
    late = counter.new(buyer, supply, key=key)
    assert outcomes(counter.begin(late, counter.new(buyer, supply))) == ["KeyInUse", "confirmed"]
    assert isolated.probe.stock(supply.id).available == 7
    assert [isolated.probe.event_types(each.placed.order_id) for each in (new[2], late)] == [[], []]


def test_a_quote_is_good_for_one_of_them(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """The others with it fail, as does one whose quote has expired; nothing is taken for those."""
    supply, quote_id, soon = isolated.sell(merchant), ids.new("qte", "us"), datetime.now(UTC) + timedelta(minutes=1)

    def quote(lines: list[Line], until: datetime = soon, name: str = quote_id) -> Quote:
        return quote_of(name, buyer.user_id, buyer.wallet_id, lines, {}, until)

    new = [
        counter.new(buyer, supply, quote=quote),
        counter.new(buyer, supply),
        counter.new(buyer, supply, quote=quote),
        counter.new(buyer, supply, quote=lambda lines: quote(lines, soon - timedelta(hours=1), ids.new("qte", "us"))),
    ]
    assert outcomes(counter.begin(*new)) == ["confirmed", "confirmed", "QUOTE_EXPIRED", "QUOTE_EXPIRED"]
    assert isolated.probe.stock(supply.id).available == 8


def test_events_carry_the_trace_of_their_own_request(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """Not that of whoever led the batch."""
    supply = isolated.sell(merchant)
    new = [counter.new(buyer, supply, request_id=f"request-{number}") for number in range(3)]
    bind("the-leader")
    counter.begin(*new)
    for number, each in enumerate(new):
        events = isolated.stream(each.placed.order_id)
        assert [event.type for event in events] == ["order.placed", "order.confirmed"]
        assert {event.metadata["request_id"] for event in events} == {f"request-{number}"}


class Broken:
    """A work, one of whose services fails for several orders at once."""

    def __init__(self, work: Work, error: Exception) -> None:
        self._work = work
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    @property
    def wallet(self) -> "Broken":
        """The wallet service."""
        return self

    def hold(self, orders: Sequence[Order]) -> Any:
        raise self._error


@pytest.mark.parametrize("error", [Unavailable(), ZeroDivisionError()], ids=repr)
def test_a_batch_that_is_stopped_is_finished_one_by_one(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser, error: Exception
) -> None:
    """Whatever stops it after T1: the orders stay placed, and each request takes its own on from there, once."""
    supply = isolated.sell(merchant)
    begun = counter.begin(counter.new(buyer, supply), counter.new(buyer, supply), work=Broken(counter.work(), error))
    assert outcomes(begun) == ["pending", "pending"]
    finished = []
    for order in begun:
        assert isinstance(order, Order)
        finished.append(saga.finish(order, counter.work(), datetime.now(UTC)))  # type: ignore[arg-type]
    assert outcomes(finished) == ["confirmed", "confirmed"]
    assert isolated.probe.stock(supply.id).available == 8
    assert isolated.probe.money(buyer.wallet_id)[1] == 2 * PRICE


def test_an_order_that_moved_on_meanwhile_keeps_its_outcome(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """Another process cancels one between T1 and T2: T2 sees it, and confirms the others."""
    supply = isolated.sell(merchant)
    new = [counter.new(buyer, supply), counter.new(buyer, supply)]
    work = counter.work()
    hold = work.wallet.hold

    class Cancelling(Broken):
        def hold(self, orders: Sequence[Order]) -> Any:
            with counter.work().transaction() as other:
                order = other.orders.lock(new[0].placed.order_id)
                other.orders.record(order, order.cancel())
            return hold(orders)

    begun = counter.begin(*new, work=Cancelling(work, Unavailable()))
    assert outcomes(begun) == ["cancelled", "confirmed"]
    assert counter.answer(new[0]).status == 409
    assert counter.answer(new[1]).status == 201


@pytest.mark.parametrize(("fate", "placed"), [("is lost", 0), ("has its answer lost", 2)])
def test_orders_whose_placing_has_an_unknown_outcome_are_not_placed_again(
    isolated: IsolatedServices,
    counter: Counter,
    merchant: IsolatedUser,
    buyer: IsolatedUser,
    settings: Settings,
    fate: Fate,
    placed: int,
) -> None:
    """The connection breaks at T1's commit: every request is told so; its key tells later whether it was placed."""
    supply = isolated.sell(merchant)
    new = [counter.new(buyer, supply), counter.new(buyer, supply)]
    with CommitProxy(settings.database_port) as wire:
        resources = Resources(replace(isolated.settings, database_port=wire.port))
        wire.commit = fate
        begun = counter.begin(*new, work=Work(resources, "order"))
        resources.database("order").close()
    assert [type(each) for each in begun] == [OutcomeUnknown, OutcomeUnknown]
    assert sum(bool(isolated.stream(each.placed.order_id)) for each in new) == placed
    assert isolated.probe.stock(supply.id).available == 10


def test_requests_of_a_process_are_begun_together(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """Those that wait while a batch runs go together, and every request gets its own order."""
    supply, go, batches = isolated.sell(merchant, quantity=20), Event(), list[int]()

    def begin(new: Sequence[NewOrder], work: SagaWork) -> Sequence[Order | Exception]:
        batches.append(len(new))
        if len(batches) == 1:
            until(lambda: sum(batches) + len(group()._waiting), lambda known: known == 12)
            go.set()
        assert go.wait(20)
        return saga.begin(new, work)

    def group() -> Any:
        return isolated.resources.once("group commit of begin", lambda: pytest.fail("there is no group"))

    new = [counter.new(buyer, supply) for _ in range(12)]
    works = [counter.work(buyer.user_id, fresh_key()) for _ in new]
    isolated.resources._opened.pop("group commit of begin", None)
    try:
        begun = all_at_once([partial(work.grouped, begin, each) for work, each in zip(works, new, strict=True)])
    finally:
        isolated.resources._opened.pop("group commit of begin", None)
    assert [order.id for order in begun] == [each.placed.order_id for each in new]
    assert {order.stage for order in begun} == {"confirmed"}
    assert sum(batches) == 12
    assert len(batches) <= 2 * RUNNERS  # those that ran while others came, and the rest


def test_a_request_whose_key_is_in_use_is_told_so(
    isolated: IsolatedServices, counter: Counter, merchant: IsolatedUser, buyer: IsolatedUser
) -> None:
    """`grouped` raises what the batch says of this order."""
    supply, key = isolated.sell(merchant), fresh_key()
    counter.begin(counter.new(buyer, supply, key=key))
    with pytest.raises(KeyInUse):
        counter.work().grouped(saga.begin, counter.new(buyer, supply, key=key))
