"""The steps of a saga at its ports: every call to another service, and every commit.

A run without a disturbance records them; a test then repeats it with a disturbance at each, so that no list of steps
is kept by hand.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from functions.order.domain.order import Order
from functions.order.ports import BeginOrders, KeyedWork, NewOrder
from tests.functions.order.fakes import begin_alone


class Crash(BaseException):
    """The process crashes here; the saga cannot handle it."""


Moment = Literal["before", "after"]


@dataclass
class Disturbance:
    """A failure injected at a step, once: an error that is raised, or another process that runs in between.

    An error before a commit leaves nothing of the transaction; after it, what was written stays.
    at: the step's number, or the name of which it is the first.
    """

    at: int | str
    moment: Moment
    happen: Callable[[], object]


@dataclass
class Steps:
    """Records steps, and injects a disturbance at one of them."""

    disturbance: Disturbance | None = None
    taken: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step; the disturbance of its index happens before or after it."""
        index = len(self.taken)
        self.taken.append(name)
        self._disturb(index, name, "before")
        yield
        self._disturb(index, name, "after")

    def _disturb(self, index: int, name: str, moment: Moment) -> None:
        found = self.disturbance
        if found and found.at in (index, name) and found.moment == moment:
            self.disturbance = None
            found.happen()


class Stepped:
    """A client whose every call is a step."""

    def __init__(self, target: object, name: str, steps: Steps) -> None:
        self._target = target
        self._name = name
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with self._steps.step(f"{self._name}.{name}"):
                return method(*arguments, **named)

        return call


class SteppedWork:
    """The work of a saga whose calls and commits are steps."""

    def __init__(self, work: Any, steps: Steps) -> None:
        """work: a SagaWork, on fakes or on real parts."""
        self._work = work
        self._steps = steps
        self.supply: Any = Stepped(work.supply, "supply", steps)
        self.wallet: Any = Stepped(work.wallet, "wallet", steps)
        self.claiming: Any = Stepped(work.claiming, "claiming", steps)
        self.quotes = work.quotes
        self.order_ttl_seconds = work.order_ttl_seconds
        self.answer_within_seconds = work.answer_within_seconds
        self.fee_bps = work.fee_bps
        self.payment_lag_seconds = work.payment_lag_seconds
        self.payments_lag = work.payments_lag
        self.now = work.now
        self.new_id = work.new_id
        self.pause = work.pause
        self.request = work.request

    @contextmanager
    def transaction(self) -> Iterator[KeyedWork]:
        with self._steps.step("commit"), self._work.transaction() as opened:
            yield opened

    def grouped(self, begin: BeginOrders, order: NewOrder) -> Order:
        """Begin it alone: the steps of a batch are those of one order."""
        return begin_alone(begin, order, self)

    def resumed(self) -> str | None:
        with self._steps.step("resumed"):
            reference: str | None = self._work.resumed()
            return reference

    def end_lease(self, reference: str) -> None:
        with self._steps.step("end_lease"):
            self._work.end_lease(reference)
