"""Group commit: items that arrive while others are running go together in the next batch.

An item that finds nothing running runs at once, so that batching costs no time; how large batches become follows from
how long a batch takes. After a batch of several those that it answered are likely to come again within moments, and a
batch that began with the first of them would leave the others waiting: the next one waits for as many, for
LINGER_SECONDS at most. One batch runs at a time, the larger for it; only if it takes longer than PATIENCE_SECONDS, as
when it waits for a lock, do those behind it go with another runner.

What happens to an item touches no other: if a batch fails as a whole, each of its items is run by itself, by its own
thread within its own deadline.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Literal, TypeVar, cast

import msgspec

from shared.errors import Unavailable
from shared.resilience.deadline import time_left

AT_MOST: Final = 64
"""The most items in a batch: how much waits behind one lock, and is lost in one rollback."""

RUNNERS: Final = 2
"""How many batches run at once: one that waits for a lock does not hold up others for long."""

PATIENCE_SECONDS: Final = 0.02
"""How long an item waits for the batch that runs before it goes with another runner, if there is a free one."""

LINGER_SECONDS: Final = 0.002
"""How long the first item of a batch waits for as many as the last batch had."""

WAIT_SECONDS: Final = 30.0
"""How long an item without a deadline waits."""

State = Literal["waiting", "taken", "leading", "alone", "done"]
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class _Place(msgspec.Struct, Generic[Item], eq=False):
    """An item's place. waiting: for its turn; taken: in the batch that runs; leading, alone: its own thread runs it."""

    item: Item
    state: State = "waiting"
    outcome: Any = None
    turn: Any = msgspec.field(default_factory=threading.Lock)
    """Held until its thread is to go on: a lock that is released once costs a fraction of an Event."""

    def __post_init__(self) -> None:
        self.turn.acquire()

    def wake(self, state: State) -> None:
        """Have its thread go on in a state."""
        self.state = state
        self.turn.release()


class GroupCommit(Generic[Item, Outcome]):
    """Runs items together that wait at the same time."""

    def __init__(
        self,
        together: Callable[[Sequence[Item]], Sequence[Outcome | Exception]],
        at_most: int = AT_MOST,
        runners: int = RUNNERS,
    ) -> None:
        """
        together: runs items; returns for each, in order, its outcome or the exception that it ends with. It raises if
            nothing is known of any, and is then called with each by itself.
        at_most: items in a batch. runners: batches at once.
        """
        self._together = together
        self._at_most = at_most
        self._waiting: deque[_Place[Item]] = deque()
        self._runners = self._free = runners
        self._lock = threading.Lock()
        self._last = 1
        """How many items the last batch had."""
        self._lacking = 0
        """How many more items the lingering leader waits for; 0 if none does."""
        self._enough = threading.Event()
        self._begun: dict[int, float] = {}
        """When the batches that run have begun, by whatever identifies their leader."""

    def run(self, item: Item) -> Outcome:
        """The outcome of an item. Raises what it ends with, and Unavailable if no time is left for its turn."""
        place = _Place(item)
        with self._lock:
            waits = self._free < self._runners
            if waits:
                self._waiting.append(place)
                self._arrived()
            else:
                self._free -= 1
                place.state = "leading"
        if waits:  # not its state: a leader may have taken it already
            self._await(place)
        if place.state == "leading":
            self._lead(place)
        elif place.state == "alone":
            (place.outcome,) = self._together([item])
        if isinstance(place.outcome, Exception):
            raise place.outcome
        return cast(Outcome, place.outcome)

    def _await(self, place: _Place[Item]) -> None:
        """Wait until it is done, or its own thread is to run it."""
        until = time.monotonic() + max(0.0, time_left(WAIT_SECONDS))
        if place.turn.acquire(timeout=min(PATIENCE_SECONDS, max(0.0, until - time.monotonic()))):
            return
        with self._lock:
            if place.state == "waiting" and self._free:
                self._free -= 1
                self._waiting.remove(place)
                place.state = "leading"
                return
        if place.turn.acquire(timeout=max(0.0, until - time.monotonic())):
            return
        with self._lock:
            if place.turn.acquire(blocking=False):
                return
            if place.state == "waiting":
                self._waiting.remove(place)
        raise Unavailable("No time is left for this.")

    def _arrived(self) -> None:
        """Note that one more item waits."""
        if self._lacking:
            self._lacking -= 1
            if not self._lacking:
                self._enough.set()

    def _linger(self) -> None:
        """Wait for as many items as the last batch had."""
        with self._lock:
            lacking = self._last - 1 - len(self._waiting)
            if self._lacking or lacking <= 0:
                return
            self._lacking = lacking
            self._enough.clear()
        self._enough.wait(LINGER_SECONDS)

    def _lead(self, place: _Place[Item]) -> None:
        """Run it with what waits, and hand the lead on."""
        self._linger()
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_most - 1))]
            self._last, self._lacking = 1 + len(others), 0
            self._begun[id(place)] = time.monotonic()
            for other in others:
                other.state = "taken"
        try:
            if not others or not self._ran_together([place, *others]):
                (place.outcome,) = self._together([place.item])
        finally:
            self._hand_on(place)

    def _hand_on(self, place: _Place[Item]) -> None:
        """Let the next item lead, or leave what waits to a batch that will not run for long."""
        with self._lock:
            del self._begun[id(place)]
            now = time.monotonic()
            if self._waiting and all(now - begun > PATIENCE_SECONDS for begun in self._begun.values()):
                self._waiting.popleft().wake("leading")
            else:
                self._free += 1

    def _ran_together(self, places: "Sequence[_Place[Item]]") -> bool:
        """Run a batch; whether it did. If not, every item is to run alone."""
        others = places[1:]
        try:
            outcomes = self._together([place.item for place in places])
            if len(outcomes) != len(places):
                raise ValueError(f"{len(outcomes)} outcomes of {len(places)} items")
        except Exception:  # noqa: BLE001 - each item runs again, and raises what is its own
            for other in others:
                other.wake("alone")
            return False
        for place, outcome in zip(places, outcomes, strict=True):
            place.outcome = outcome
        for other in others:
            other.wake("done")
        return True
