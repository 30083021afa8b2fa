"""Orders on real parts: requests that are cut off where a test wants it, and events that wait."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from emulators.buyer import Person, fresh_key
from functions.order.create_order import CreateOrder, create_order
from functions.order.store import Work
from functions.order.views import OrderView
from shared.adapters.resources import Resources
from shared.contracts.operations import Caller
from shared.idempotency import Key, fingerprint
from tests.books import Books
from tests.clocks import ShiftedClock
from tests.functions.order.steps import Crash, Disturbance, Moment, SteppedWork, Steps

MINUTE_AGO = timedelta(minutes=-1)
"""So long ago that leases are over and the sweeper comes, but not that the order expires."""

HOUR_AGO = timedelta(hours=-1)
"""So long ago that the order's time is over."""


@dataclass
class Attempt:
    """A request of a buyer that runs in this process, so that it can be cut off anywhere."""

    resources: Resources
    buyer: Person
    body: dict[str, Any]
    key: str

    @property
    def caller(self) -> Caller:
        """Who sends it."""
        return Caller(self.buyer.user_id, "ses_us_test", frozenset({"order:write"}))

    @property
    def request(self) -> CreateOrder:
        """Its body, decoded."""
        return msgspec.convert(self.body, CreateOrder)

    def work(self, steps: Steps | None = None) -> SteppedWork:
        """The work that the runtime gives the operation."""
        bound = fingerprint("POST", "/v1/orders", [], self.body)
        key = Key(self.buyer.user_id, "create_order", self.key, bound)
        return SteppedWork(Work(self.resources, "order", None, key), steps or Steps())

    def run(self, steps: Steps | None = None) -> OrderView:
        """The order. Raises what the operation raises."""
        return create_order(self.request, self.caller, self.work(steps))

    def send(self) -> httpx.Response:
        """Send the same request with the same key through the edge."""
        return self.buyer.request("POST", "/v1/orders", self.body, self.key)

    def insist(self) -> httpx.Response:
        """Send the same request with the same key until it is answered for good."""
        return self.buyer.insist("POST", "/v1/orders", self.body, self.key)

    def crash(self, at: int | str, moment: Moment = "after") -> None:
        """Run it until before or after one of its steps, by number or name."""
        with pytest.raises(Crash):
            self.run(Steps(Disturbance(at, moment, crash)))


def crash() -> None:
    """End the process."""
    raise Crash


def body_of(buyer: Person, *lines: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """The body of an order of these lines, each (supply, quantity)."""
    items = [{"supply_id": supply["id"], "quantity": quantity} for supply, quantity in lines]
    return {"wallet_id": buyer.wallet_id, "items": items}


@pytest.fixture(scope="session")
def shifted(resources: Resources) -> Callable[[timedelta], Resources]:
    """The real parts under a clock that is ahead or behind; they share their connections."""

    def shift(by: timedelta) -> Resources:
        moved = copy.copy(resources)
        moved.clock = ShiftedClock(by)
        return moved

    return shift


@pytest.fixture(scope="session")
def attempt(shifted: Callable[[timedelta], Resources]) -> Callable[..., Attempt]:
    """A request for units of a supply: `attempt(buyer, supply, quantity=1, by=MINUTE_AGO)`."""

    def make(buyer: Person, supply: dict[str, Any], quantity: int = 1, by: timedelta = MINUTE_AGO) -> Attempt:
        return Attempt(shifted(by), buyer, body_of(buyer, (supply, quantity)), fresh_key())

    return make


@pytest.fixture
def stuck(attempt: Callable[..., Attempt], books: Books) -> Callable[..., str]:
    """Has a request crash once its funds are held: the id of the order, which is left pending."""

    def leave(buyer: Person, supply: dict[str, Any], by: timedelta = MINUTE_AGO) -> str:
        attempt(buyer, supply, by=by).crash("wallet.hold")
        return books.orders_of(buyer.user_id)[-1]

    return leave


@pytest.fixture
def unpublished(silence: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """The events of orders wait while the test runs."""
    with silence():
        yield
