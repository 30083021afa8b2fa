"""Group commit: items that arrive while others are running go together in the next batch.

An item that finds a free runner runs at once, so that batching costs no time; how large batches become follows from
how long a batch takes. What happens to an item touches no other: if a batch fails as a whole, each of its items is run
by itself, by its own thread within its own deadline.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar, cast

from shared.errors import Unavailable
from shared.resilience.deadline import time_left

AT_MOST: Final = 64
"""The most items in a batch: how much waits behind one lock, and is lost in one rollback."""

RUNNERS: Final = 2
"""How many batches run at once: one that waits for a lock holds up only the items that are in it."""

WAIT_SECONDS: Final = 30.0
"""How long an item without a deadline waits."""

State = Literal["waiting", "taken", "leading", "alone", "done"]
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(slots=True)
class _Place(Generic[Item]):
    """An item's place. waiting: for its turn; taken: in the batch that runs; leading, alone: its own thread runs it."""

    item: Item
    state: State = "waiting"
    outcome: Any = None
    turn: threading.Event = field(default_factory=threading.Event)

    def wake(self, state: State) -> None:
        """Have its thread go on in a state."""
        self.state = state
        self.turn.set()


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
        self._free = runners
        self._lock = threading.Lock()

    def run(self, item: Item) -> Outcome:
        """The outcome of an item. Raises what it ends with, and Unavailable if no time is left for its turn."""
        place = _Place(item)
        with self._lock:
            waits = not self._free
            if waits:
                self._waiting.append(place)
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
        if place.turn.wait(max(0.0, time_left(WAIT_SECONDS))):
            return
        with self._lock:
            if place.turn.is_set():
                return
            if place.state == "waiting":
                self._waiting.remove(place)
        raise Unavailable("No time is left for this.")

    def _lead(self, place: _Place[Item]) -> None:
        """Run it with what waits, and hand the lead on."""
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_most - 1))]
            for other in others:
                other.state = "taken"
        try:
            if not others or not self._ran_together([place, *others]):
                (place.outcome,) = self._together([place.item])
        finally:
            with self._lock:
                if self._waiting:
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
