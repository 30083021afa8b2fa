"""Rows receive the events of their types, each saying what comes before it: nothing is lost, doubled or reordered."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import msgspec
import pytest

from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent
from shared.outbox.addressing import prior
from shared.outbox.comparison import COMPARE_EVERY, SETTLED_AFTER, Comparison
from shared.outbox.inbox import GAP_WAIT
from shared.outbox.relay import Relay
from shared.postgres.database import Database
from shared.postgres.notify import discard
from shared.registry import Registry, load
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer
from tests.shared.outbox.sample_events import FOREIGN, KEPT, TYPE, Claimed, Foreign, Kept, stream
from tests.shared.outbox.test_replay import Store

LOST = 0.05


@pytest.mark.parametrize(
    ("version", "before", "expected"),
    [
        (1, [], 0),
        (2, ["a"], 1),
        (2, ["b"], 0),
        (5, ["b", "b", "a", "a"], 2),
        (5, ["b", "b", "b", "b"], 0),
        (9, ["b", "b", "b"], 8),
        (9, ["b", "b", "a"], 6),
    ],
)
def test_the_prior_is_the_last_version_of_a_handled_type(version: int, before: list[str], expected: int) -> None:
    """0 if there is none, and the version before where it is unknown since it lies too far back."""
    assert prior(["a"], version, before) == expected


FACTS = (Claimed, Foreign, Kept)
"""What stays in the store has a consumer too, in the newer release: the older one does not publish it."""


class LossyBus:
    """Accepts everything, loses some of it, and delivers the rest late, twice, and in the order of each row."""

    def __init__(self, dice: random.Random) -> None:
        self.waiting: list[tuple[str, StoredEvent]] = []
        self._dice = dice

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        for each in events:
            for row, version in each.to.items():
                copies = 0 if self._dice.random() < LOST else 1 + (self._dice.random() < LOST)
                self.waiting += [(row, msgspec.structs.replace(each.event, prior=version))] * copies
        return [True] * len(events)


class Deployment:
    """A service whose relays are of two releases, and three consumers, one of which only the newer release knows."""

    def __init__(self, database: Database, clock: FakeClock, seed: int) -> None:
        self.dice = random.Random(seed)
        self.bus, self.clock, self.store = LossyBus(self.dice), clock, Store(database)
        self.names = [stream() for _ in range(3)]
        self.store.names |= set(self.names)
        self.versions: dict[str, list[str]] = {name: [] for name in self.names}
        handled = ((TYPE,), (FOREIGN, TYPE), (KEPT, FOREIGN))
        self.consumers = [Consumer(database, clock, types=types) for types in handled]
        self._database = database
        self._registries = [registry(self.consumers[:2]), registry(self.consumers)]

    def lead(self) -> None:
        """A relay of either release leads, for a batch; it ends in good order or not."""
        release = self.dice.choice(self._registries)
        session = self._database.dedicated()
        relay = Relay("claiming", self._database, self.bus, lambda: release)
        relay.lead(session)
        relay.drain()
        if self.dice.random() < 0.5:  # else it crashes, and its successor publishes the same again
            relay.settle()
        discard(session)

    def append(self) -> None:
        """Commit some events of a stream."""
        name = self.dice.choice(self.names)
        for _ in range(self.dice.randint(1, 4)):
            fact, version = self.dice.choice(FACTS), len(self.versions[name]) + 1
            with self._database.transaction() as transaction:
                self.store.log(transaction).append(name, version - 1, [fact(name, str(version))])
            self.versions[name].append(fact.type)

    def deliver(self) -> None:
        """What waits arrives, some of it only later, and out of order between streams and rows."""
        kept = [each for each in self.bus.waiting if self.dice.random() < 0.3]
        arriving = [each for each in self.bus.waiting if each not in kept]
        if self.dice.random() < 0.2:
            self.dice.shuffle(arriving)
        self.bus.waiting = kept
        for consumer in self.consumers:
            consumer.receive(*(event for row, event in arriving if row == consumer.name))

    def settle(self) -> None:
        """All that waits is delivered, and time passes until consumers have found what they lack."""
        while self.bus.waiting:
            self.deliver()
        comparisons = [Comparison(each.row, self._database, self.store.list, self.clock) for each in self.consumers]
        for wait in (COMPARE_EVERY, SETTLED_AFTER, COMPARE_EVERY):
            for comparison in comparisons:
                comparison.follow()
            self.clock.moment += wait
        for consumer in self.consumers:
            while consumer.inbox.fill_gaps(self.store.source()):
                self.clock.moment += GAP_WAIT

    def expected(self, consumer: Consumer, name: str) -> list[int]:
        """The versions of a stream whose effects a consumer should have made."""
        return [number for number, kind in enumerate(self.versions[name], 1) if kind in (consumer.row.event or ())]


def registry(consumers: Sequence[Consumer]) -> Registry:
    """The registry of a release that knows these consumers."""
    return msgspec.structs.replace(load(), operations={each.name: each.row for each in consumers})


def survives(open_database: Callable[..., Database], seeds: Iterator[int]) -> None:
    """In each deployment every consumer has made its effects once and in order, whatever was lost on the way."""
    database = open_database(2)
    for seed in seeds:
        made = Deployment(database, FakeClock(), seed)
        for _ in range(12):
            made.dice.choice([made.append, made.lead, made.deliver])()
        made.append()
        made.lead()
        made.settle()
        for consumer in made.consumers:
            for name in made.names:
                assert consumer.applied(name) == made.expected(consumer, name), f"seed {seed}"
                assert consumer.parked(name) == [], f"seed {seed}"
                assert all(one < other for one, other in pairwise(consumer.versions(name))), f"seed {seed}"


def test_relays_of_two_releases_lose_nothing(open_database: Callable[..., Database], nothing_unsent: None) -> None:
    """They lead in turn, and a twentieth of all messages is lost."""
    survives(open_database, iter(range(15)))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_relays_of_two_releases_lose_nothing_in_many_deployments(
    open_database: Callable[..., Database], nothing_unsent: None
) -> None:
    """The same, many times over, other ones on every run."""
    survives(open_database, (random.randrange(2**32) for _ in range(1000)))
