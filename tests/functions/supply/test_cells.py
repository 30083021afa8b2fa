"""A sale in three cells at once, cut off from one another in the middle, and healed."""

import random
import threading
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Final

from functions.supply.views import SupplyView
from tests.functions.supply.cells import Cells
from tests.functions.supply.phases import open_phase
from tests.functions.supply.stock import an_order, release, reserve
from tests.functions.supply.test_credit_units import sell
from tests.functions.supply.test_request_units import gather
from tests.isolated_services import IsolatedUser
from tests.races import all_at_once

UNITS: Final = 36
LIMIT: Final = 2


class Crowd:
    """Buyers in every cell who insist, and now and then give back what they have."""

    def __init__(self, shop: Cells, supply: SupplyView, seed: int) -> None:
        self._shop = shop
        self._supply = supply
        self._seed = seed
        self._lock = threading.Lock()
        self.has: Counter[str] = Counter()
        self.turns = 0

    def sold(self) -> int:
        """The units that all buyers have."""
        with self._lock:
            return sum(self.has.values())

    def buy(self, name: str, buyers: list[IsolatedUser], rounds: int) -> None:
        """The buyers of a cell, one after the other, for so many rounds."""
        chance = random.Random(f"{self._seed} {name}")
        for _ in range(rounds):
            buyer = chance.choice(buyers)
            order = an_order(buyer, (self._supply, 1))
            order.lines[0].phase = "Early"
            (refusal,) = reserve(self._shop[name], order)
            if refusal == "SOLD_OUT" and gather(self._shop[name], order)[0]:
                (refusal,) = reserve(self._shop[name], order)
            if refusal:
                continue
            with self._lock:
                self.has[buyer.user_id] += 1
                self.turns += 1
                assert sum(self.has.values()) <= UNITS
            if chance.random() < 0.2:
                with self._lock:  # before it is released, or another could have the unit as well
                    self.has[buyer.user_id] -= 1
                assert release(self._shop[name], order) == [True]


def test_three_cells_sell_every_unit_once(shop: Cells) -> None:
    """Never more than there is, nor beyond a buyer's limit or the cap, cut off or not; and all of it in the end, while
    buyers insist. Events come late, twice and in any order. Nothing is lost between the cells.
    """
    chance = random.Random(17)
    _, supply = sell(shop, quantity=UNITS, per_user_limit=LIMIT, phases=[open_phase("Early", cap=UNITS)])
    crowd = Crowd(shop, supply, seed=17)
    buyers = {name: [shop[name].new_user() for _ in range(14)] for name in shop}

    def rush(rounds: int) -> None:
        all_at_once([partial(crowd.buy, name, buyers[name], rounds) for name in shop])

    rush(8)
    shop.carry(chance)
    with ExitStack() as cut:
        for name in shop:
            cut.enter_context(shop.cut(name))
        rush(8)
    shop.carry(chance)
    for _ in range(40):
        if crowd.sold() == UNITS:
            break
        rush(6)
        shop.carry(chance)
    assert crowd.sold() == UNITS
    assert max(crowd.has.values()) <= LIMIT
    assert shop.total(supply.id) == UNITS
    assert sum(shop.account(name, supply.id).reserved for name in shop) == UNITS
    assert shop.violations() == []
