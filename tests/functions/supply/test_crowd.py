"""A drop under heavy demand."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from functions.supply.views import SupplyView
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import Item, OrderPaid
from shared.contracts.gen.supply_pb2 import ReserveRequest
from shared.errors import Contended, Unavailable
from tests.functions.supply.phases import open_phase
from tests.functions.supply.stock import an_order, left, release, reserve
from tests.isolated_services import IsolatedServices, IsolatedUser

AT_ONCE = 64
TRIES = 20
T = TypeVar("T")


def crowd(isolated: IsolatedServices, supply: SupplyView, buyers: int) -> Counter[str]:
    """So many people order a unit each, 64 at once: every third of the first half whom it is reserved for cancels,
    everybody else pays. How it ended for how many."""
    pay = isolated.bound("commit_stock")

    def insist(call: Callable[[], T]) -> T:
        """Ask again while a busy machine keeps everybody waiting, as the order service does: a repeat does no harm."""
        for _ in range(TRIES):
            with suppress(Unavailable, Contended):
                return call()
        return call()

    def order(number: int) -> str:
        requested = an_order(IsolatedUser(wallet_id="", address=""), (supply, 1))
        requested.lines[0].phase = "Drop"
        (refusal,) = insist(lambda: reserve(isolated, requested))
        if refusal:
            return refusal
        if number < buyers // 2 and number % 3 == 0:
            assert insist(lambda: release(isolated, requested)) == [True]
            return "cancelled"
        insist(lambda: pay.run(event=paid(requested)))
        return "sold"

    with ThreadPoolExecutor(AT_ONCE) as people:
        return Counter(people.map(order, range(buyers)))


def paid(order: ReserveRequest.Order) -> Event[OrderPaid]:
    items = [
        Item(item_id=ids.sibling(line.reservation_id, "itm"), supply_id=line.supply_id, quantity=line.quantity)
        for line in order.lines
    ]
    data = OrderPaid(order_id=order.order_id, user_id=order.user_id, items=items)
    return Event(ids.new("evt", "us"), "order.paid", order.order_id, 3, datetime.now(UTC), data)


def ends_well(isolated: IsolatedServices, sell: Callable[..., SupplyView], buyers: int, units: int) -> None:
    supply = sell(quantity=units, per_user_limit=1, phases=[open_phase("Drop", cap=units, ends_at=None)])
    stop = threading.Event()
    seen: list[tuple[int, int, int]] = []

    def watch() -> None:
        while not stop.wait(0.2):
            with suppress(Unavailable):
                seen.append(left(isolated, supply))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        ended = crowd(isolated, supply, buyers)
    finally:
        stop.set()
        watcher.join()
    assert ended["sold"] == units
    assert ended["sold"] + ended["cancelled"] + ended["SOLD_OUT"] == buyers
    assert left(isolated, supply) == (0, 0, units)
    assert all(min(each) >= 0 for each in seen)
    assert [event.type for event in isolated.stream(supply.id)] == ["supply.created", "supply.sold_out"]
    assert isolated.violations() == []


def test_a_crowd_gets_what_there_is(isolated: IsolatedServices, sell: Callable[..., SupplyView]) -> None:
    """Of 150 people for 20 units, 64 at once, 20 buy one, and nothing stays reserved."""
    ends_well(isolated, sell, buyers=150, units=20)


@pytest.mark.long
def test_ten_thousand_people_get_what_there_is(isolated: IsolatedServices, sell: Callable[..., SupplyView]) -> None:
    """Of 10,000 people for 100 units, 64 at once, exactly 100 buy one, and 0 are reserved at the end."""
    ends_well(isolated, sell, buyers=10_000, units=100)
