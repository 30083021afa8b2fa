"""Orders on the real stack: requests that crash at a chosen step, and events that are held back."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.order.adapters.work import Work
from functions.order.create_order import CreateOrder, create_order
from functions.order.views import OrderView
from shared.contracts.operations import Caller
from shared.idempotency import Key, fingerprint
from shared.resources import Resources
from tests.clocks import ShiftedClock
from tests.database_probe import DatabaseProbe
from tests.functions.order.steps import Crash, Disturbance, Moment, SteppedWork, Steps

MINUTE_AGO = timedelta(minutes=-1)
"""Long enough ago for leases to end and the sweep to take the order, but not for the order to expire."""

HOUR_AGO = timedelta(hours=-1)
"""Long enough ago for the order to expire."""


@dataclass
class Attempt:
    """A buyer's request that runs in this process, so that it can crash at any step."""

    resources: Resources
    buyer: ApiUser
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
        """Send the same request with the same key until the response is final."""
        return self.buyer.send_with_retries("POST", "/v1/orders", self.body, self.key)

    def crash(self, at: int | str, moment: Moment = "after") -> None:
        """Run it until before or after one of its steps, by number or name."""
        with pytest.raises(Crash):
            self.run(Steps(Disturbance(at, moment, crash)))


def crash() -> None:
    """End the process."""
    raise Crash


def body_of(buyer: ApiUser, *lines: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """The body of an order of these lines, each (supply, quantity)."""
    items = [{"supply_id": supply["id"], "quantity": quantity} for supply, quantity in lines]
    return {"wallet_id": buyer.wallet_id, "items": items}


@pytest.fixture(scope="session")
def shifted(resources: Resources) -> Callable[[timedelta], Resources]:
    """The real resources under a clock that is ahead or behind; they share their connections."""

    def shift(by: timedelta) -> Resources:
        moved = copy.copy(resources)
        moved.clock = ShiftedClock(by)
        return moved

    return shift


@pytest.fixture(scope="session")
def attempt(shifted: Callable[[timedelta], Resources]) -> Callable[..., Attempt]:
    """A request for units of a supply: `attempt(buyer, supply, quantity=1, by=MINUTE_AGO)`."""

    def make(buyer: ApiUser, supply: dict[str, Any], quantity: int = 1, by: timedelta = MINUTE_AGO) -> Attempt:
        return Attempt(shifted(by), buyer, body_of(buyer, (supply, quantity)), fresh_key())

    return make


@pytest.fixture
def stuck(attempt: Callable[..., Attempt], probe: DatabaseProbe) -> Callable[..., str]:
    """Crashes a request once its funds are held; returns the id of the order, which stays pending."""

    def leave(buyer: ApiUser, supply: dict[str, Any], by: timedelta = MINUTE_AGO) -> str:
        attempt(buyer, supply, by=by).crash("wallet.hold")
        return probe.orders_of(buyer.user_id)[-1]

    return leave


@pytest.fixture
def unpublished(pause_order_relay: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Holds back the events of orders while the test runs."""
    with pause_order_relay():
        yield
