"""What waits for a promotion: what is started in advance, when, and in which order. Nothing here runs a stack."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emulators.stack import lock
from emulators.stack.environment import Layout
from emulators.stack.progress import Progress
from emulators.stack.regions import troubles
from emulators.stack.regions.control import Regions
from emulators.stack.regions.troubles import Troubles
from emulators.stack.regions.warm import PATIENCE_SECONDS, Warmer
from emulators.stack.supervisor import SERVICE, WARM, Process, Program
from tests.emulators.conftest import ASIA, EUROPE, US

HERE = Path()


def program(name: str, region: str, stage: int = WARM) -> Program:
    return Program(name, ("true",), lambda: False, HERE, region=region, stage=stage)


@dataclass
class Supervised:
    """A supervisord that starts what it is told to, and notes it."""

    states: dict[str, str]
    started: list[str] = field(default_factory=list)

    def processes(self) -> list[Process]:
        return [Process(name, state, 0, 0, "") for name, state in self.states.items()]

    def start(self, name: str) -> None:
        self.started.append(name)
        self.states[name] = "RUNNING"


@pytest.fixture
def supervised() -> Supervised:
    """Where two hosts were not started yet, nor workers, which have been stopped by hand."""
    return Supervised({"workers": "STOPPED", "functions-as": "STOPPED", "rpc-as": "STOPPED", "rpc-us": "STOPPED"})


@pytest.fixture
def regions(three: Layout, supervised: Supervised) -> Regions:
    made = [program("workers", US, SERVICE), program("functions-as", US), program("rpc-as", US)]
    listed = {each.name: each for each in (*made, program("rpc-us", EUROPE))}
    return Regions(three, supervised, lambda **_: listed, Progress())  # type: ignore[arg-type]


def test_what_waits_is_started_one_by_one(regions: Regions, supervised: Supervised) -> None:
    """And nothing else, though it does not run either."""
    found = [regions.warm_next() for _ in range(4)]
    assert [each and each.name for each in found] == ["functions-as", "rpc-as", "rpc-us", None]
    assert supervised.started == ["functions-as", "rpc-as", "rpc-us"]
    assert supervised.states["workers"] == "STOPPED"


def test_nothing_is_started_in_a_killed_region(regions: Regions, supervised: Supervised, three: Layout) -> None:
    """Until it is healed."""
    troubles.save(three.state, Troubles(killed=frozenset({US})))
    assert [regions.warm_next(), regions.warm_next()] == [regions.waiting()[0], None]
    assert supervised.started == ["rpc-us"]
    troubles.save(three.state, Troubles(killed=frozenset({ASIA})))
    regions.warm_next()
    assert supervised.started == ["rpc-us", "functions-as"]


def test_nothing_is_started_while_a_command_is_at_work(regions: Regions, supervised: Supervised, three: Layout) -> None:
    """Which may be killing the region."""
    with lock.held(three.state):
        assert regions.warm_next() is None
    assert supervised.started == []
    assert regions.warm_next()


def test_the_next_one_is_started_when_the_last_one_is_ready() -> None:
    """Or after a while in which that did not become so."""
    ready: dict[str, bool] = {}

    def named(name: str) -> Program:
        def ask() -> bool:
            return ready.get(name, False)

        return Program(name, ("true",), ask, HERE)

    started: list[str] = []
    now = [0.0]

    left = [named("a"), named("b"), named("c")]

    class Cold:
        def warm_next(self) -> Program | None:
            chosen = left.pop(0) if left else None
            started.extend([chosen.name] if chosen else [])
            return chosen

    warmer = Warmer(Cold(), lambda: now[0])  # type: ignore[arg-type]
    warmer.look()
    warmer.look()
    assert started == ["a"]
    ready["a"] = True
    warmer.look()
    warmer.look()
    assert started == ["a", "b"]
    now[0] += PATIENCE_SECONDS
    warmer.look()
    assert started == ["a", "b", "c"]
    now[0] += PATIENCE_SECONDS
    warmer.look()
    warmer.look()
    assert started == ["a", "b", "c"]
