"""Ten thousand seeds of the simulation."""

import pytest

from tests.shared.cells.simulation.run import simulate

CHUNK = 500


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 10_000, CHUNK))
def test_many_seeds_hold(first: int) -> None:
    for seed in range(first, first + CHUNK):
        simulate(seed)
