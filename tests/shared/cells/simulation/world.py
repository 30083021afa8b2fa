"""Simulated time, clocks, network, Firestore and bus. All chance comes from one generator, so that a seed replays."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.cells.record import CellRecord

REGIONS = ("us-central1", "europe-west1", "asia-east1")
CELLS = {"us": "us-central1", "eu": "europe-west1", "as": "asia-east1"}

BUGS = (
    "gate skipped for vouchers",
    "gate skipped for gap reads",
    "position before commit",
    "stale standby",
    "no comparison",
    "until after renewal",
    "no check after commit",
    "credit outside the inbox transaction",
    "warning taken for success",
    "tail re-applied",
    "designated before commits wait",
)
"""The bugs that a world may have, each of which its checks must find."""

Change = Callable[[CellRecord], CellRecord | None]


class Violation(AssertionError):
    """A rule of the protocols was broken."""


@dataclass
class Clock:
    """A clock with a rate of its own, which may step. `world.now` is the true time, which nobody knows."""

    world: "World"
    rate: float
    offset: float

    def __call__(self) -> float:
        return self.world.now * self.rate + self.offset


@dataclass
class Region:
    """A region: whether it lives, and what it is cut off from."""

    name: str
    clock: Clock
    alive: bool = True
    cut: set[str] = field(default_factory=set)
    """The other regions, and `firestore`, that it cannot reach nor be reached from."""
    loss: float = 0.0
    slow: float = 0.0
    """How much longer Firestore's responses take."""
    map: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Where it believes each cell is served, and since when."""


class World:
    """Everything that happens, in the order of its time."""

    def __init__(self, seed: int, bug: str = "") -> None:
        if bug and bug not in BUGS:
            raise ValueError(bug)
        self.seed = seed
        self.bug = bug
        self.rng = random.Random(seed)
        self.now = 0.0
        self.faulty = True
        """Whether messages are still lost and processes paused; nothing is after the healing."""
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self.uids = itertools.count(1)
        self.wild = self.rng.random() < 0.1
        """Whether databases' clocks step further back than is promised: then only units and money are safe."""
        rng = self.rng
        self.regions = {
            name: Region(
                name, Clock(self, rng.uniform(0.99, 1.01), rng.uniform(0, 1000)), loss=rng.choice((0, 0.02, 0.1))
            )
            for name in REGIONS
        }
        self.records = {cell: CellRecord(cell, region) for cell, region in CELLS.items()}
        self.firestore_away = False
        self.deliver: Callable[[Any], None] = lambda event: None
        self.queued: dict[int, Any] = {}

    def at(self, delay: float, what: Callable[..., None], *arguments: Any) -> None:
        """Have something happen later."""
        heapq.heappush(self._heap, (self.now + delay, next(self._order), what, arguments))

    def run(self, until: float) -> None:
        """Let time pass."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, what, arguments = heapq.heappop(heap)
            what(*arguments)
        self.now = until

    def pause(self) -> float:
        """How long a step takes: mostly nothing, sometimes a stall, now and then longer than a lease."""
        chance = self.rng.random()
        if chance < 0.93 or not self.faulty:
            return chance * 0.004
        return chance * 0.3 if chance < 0.985 else self.rng.uniform(1, 8)

    # The network.

    def reachable(self, one: str, other: str) -> bool:
        """Whether messages pass between two regions."""
        return one == other or other not in self.regions[one].cut

    def send(self, source: str, target: str, what: Callable[..., None], *arguments: Any) -> None:
        """A message to a process: it may be lost, repeated, delayed and overtaken."""
        rng = self.rng
        for _ in range(2 if self.faulty and rng.random() < 0.05 else 1):
            if self.faulty and source != target and rng.random() < self.regions[target].loss:
                continue
            delay = 0.001 if source == target else rng.uniform(0.02, 0.12)
            if self.faulty and rng.random() < 0.03:
                delay += rng.uniform(0, 6)
            self.at(delay, self._arrive, source, target, what, arguments)

    def _arrive(self, source: str, target: str, what: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self.regions[target].alive and self.reachable(source, target):
            what(*arguments)

    # Firestore.

    def firestore(
        self, region: str, cell: str, change: Change | None, then: Callable[[bool, CellRecord], None]
    ) -> None:
        """Read a record, or compare and set it. The request or the response may be lost; then `then` is not called."""

        def served() -> None:
            if self._firestore_down(region):
                return
            record = self.records[cell]
            after = change(record) if change else record
            if after is not None:
                self.records[cell] = record = after
            self.at(self.pause() + 0.01 + self.regions[region].slow, answered, after is not None, record)

        def answered(done: bool, record: CellRecord) -> None:
            if not self._firestore_down(region):
                then(done, record)

        late = self.rng.uniform(0, 5) if self.faulty and self.rng.random() < 0.02 else 0.0
        self.at(0.01 + self.pause() + late, served)

    def _firestore_down(self, region: str) -> bool:
        return self.firestore_away or "firestore" in self.regions[region].cut

    def serving(self, region: str, cell: str) -> str:
        """Where a region believes that a cell is served: refreshed now and then, if Firestore can be reached."""
        known = self.regions[region].map.get(cell)
        if known is None or (self.now - known[1] > 1.5 and not self._firestore_down(region)):
            known = self.regions[region].map[cell] = (self.records[cell].region, self.now)
        return known[0]

    # The bus: repeats a message until it is acknowledged, and now and then loses what it has accepted.

    def publish(self, event: Any) -> None:
        """Accept an event for its receiver."""
        if self.faulty and self.rng.random() < 0.02:
            return
        number = next(self.uids)
        self.queued[number] = event
        self.at(self.rng.uniform(0.02, 0.3), self._push, number)

    def _push(self, number: int) -> None:
        if number in self.queued:
            self.deliver((number, self.queued[number]))
            self.at(self.rng.uniform(1, 2), self._push, number)

    def acknowledge(self, number: int) -> None:
        """Send a message no more."""
        self.queued.pop(number, None)
