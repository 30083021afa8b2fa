"""The protocols between cells under simulated faults: seeds that hold, planted bugs that are found."""

from collections import Counter

import pytest

from tests.shared.cells.simulation.run import simulate
from tests.shared.cells.simulation.world import BUGS, Violation

SEEDS = 200
BOUND = 150
"""Within how many seeds a planted bug has to be found."""


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_seeds_hold(first: int) -> None:
    counts = sum((simulate(seed) for seed in range(first, first + 50)), start=Counter[str]())
    # They have met what they are to withstand.
    assert counts["promotions"] > 10
    assert counts["lost transactions"] > 10
    assert counts["outcome unknown"] > 10
    assert counts["left: grant"] > 50
    assert counts["sold out"] > 50


def test_a_seed_replays() -> None:
    assert simulate(3) == simulate(3)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    found = ""
    for seed in range(BOUND):
        try:
            simulate(seed, bug)
        except Violation as violation:
            found = str(violation)
            break
    assert found.startswith(f"seed {seed}: ")
    with pytest.raises(Violation, match=f"^seed {seed}: "):  # and its seed replays it
        simulate(seed, bug)


def test_unknown_bugs_are_refused() -> None:
    with pytest.raises(ValueError, match="typo"):
        simulate(0, "typo")
