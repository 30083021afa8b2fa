"""The database's own constraints, whatever the code does."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from shared.contracts.gen.supply_pb2 import ReserveRequest
from shared.errors import MeridianError
from tests.functions.supply.stock import an_order, left, release, reserve
from tests.isolated_services import TTL, IsolatedServices
from tests.races import all_at_once

DENIED = "42501"
BROKEN = "23514"
Sell = Callable[..., SupplyView]


def refused_with(state: str, isolated: IsolatedServices, sql: str, **parameters: Any) -> None:
    """The supply service's role is refused a statement."""
    with pytest.raises(DatabaseError) as error, isolated.resources.database("supply").transaction() as transaction:
        transaction.run(sql, parameters)
    assert error.value.args[0]["C"] == state, error.value


@pytest.mark.parametrize(
    "change",
    [
        "available = available - 1",
        "sold = sold + 1",
        "reserved = reserved + 1",
        "quantity = quantity - 1",
        "available = -1, sold = sold + available + 1",
        "reserved = -1, sold = sold + reserved + 1",
        "sold = -1, available = available + sold + 1",
    ],
)
def test_stock_adds_up_always(isolated: IsolatedServices, sell: Sell, change: str) -> None:
    """No statement leaves quantity other than available + reserved + sold, or one of them below nothing."""
    supply = sell(quantity=5)
    reserve(isolated, an_order(isolated.new_user(), (supply, 2)))
    refused_with(BROKEN, isolated, f"UPDATE stock SET {change} WHERE supply_id = :id", id=supply.id)
    assert left(isolated, supply) == (3, 2, 0)


def test_nothing_that_counts_can_be_deleted(isolated: IsolatedServices) -> None:
    """Supplies, stock and reservations end; they do not vanish. Facts are not changed."""
    for table in ("supplies", "stock", "reservations", "events"):
        refused_with(DENIED, isolated, f"DELETE FROM {table}")
    refused_with(DENIED, isolated, "UPDATE events SET data = '{}'")


def test_a_reservation_of_nothing_is_a_tombstone(isolated: IsolatedServices, sell: Sell) -> None:
    """A row of quantity 0 can only be a released one."""
    order = an_order(isolated.new_user(), (sell(), 1))
    reserve(isolated, order)
    change = "UPDATE reservations SET quantity = 0 WHERE id = :id"
    refused_with(BROKEN, isolated, change, id=order.lines[0].reservation_id)


class Chaos:
    """A client that does anything at any time with the stock of isolated services."""

    def __init__(
        self,
        isolated: IsolatedServices,
        seed: int,
        orders: list[ReserveRequest.Order],
        paid: list[Order],
        late: list[Order],
    ) -> None:
        self._isolated = isolated
        self._random = random.Random(seed)
        self._orders = orders
        self._paid = paid
        self._late = late

    def act(self, times: int) -> None:
        """So many random steps; refusals and waits are part of it."""
        steps: list[Callable[[], object]] = [
            self._reserve,
            self._reserve_late,
            self._release,
            self._commit,
            self._sweep,
        ]
        for _ in range(times):
            try:
                self._random.choice(steps)()
            except MeridianError:
                continue

    def _reserve(self) -> None:
        reserve(self._isolated, *self._random.sample(self._orders, 3))

    def _reserve_late(self) -> None:
        self._isolated.orders.supply.reserve([self._random.choice(self._late)])[0]

    def _release(self) -> None:
        release(self._isolated, *self._random.sample(self._orders, 2))

    def _commit(self) -> None:
        self._isolated.deliver("commit_stock", self._random.choice(self._paid).id)

    def _sweep(self) -> None:
        self._isolated.run("sweep_reservations")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_unit_is_lost_or_sold_twice(isolated: IsolatedServices, sell: Sell, seed: int) -> None:
    """After any mix of reservations, releases, sales and sweeps at once every sum is right.

    Stock adds up and is what the reservations say, nothing is oversold, buyers keep to limits, and no stream has a gap.
    """
    chance = random.Random(seed)
    supplies = [sell(quantity=chance.randint(3, 12), per_user_limit=chance.choice([None, 4])) for _ in range(3)]
    people = [isolated.new_user(USDC=100_000) for _ in range(3)]
    orders = [
        an_order(chance.choice(people), *((supply, chance.randint(1, 3)) for supply in chance.sample(supplies, 2)))
        for _ in range(24)
    ]
    paid = [isolated.buy(somebody, (chance.choice(supplies), 1)) for somebody in people]
    late = [isolated.place(somebody, (chance.choice(supplies), 1), ttl=-TTL) for somebody in people * 2]
    all_at_once([partial(Chaos(isolated, seed * 100 + number, orders, paid, late).act, 12) for number in range(8)])
    for supply in supplies:
        left(isolated, supply)
    assert isolated.violations() == []
