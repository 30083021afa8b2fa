"""Each invariant detects a planted violation, and reports nothing for consistent data."""

from collections.abc import Iterator

import pytest

from emulators.stack.secrets import read as secret
from emulators.stack.stack import Stack
from shared.config import read
from tests.audit.plants import PLANTS, PlantedViolation
from tests.audit.sample_data import SampleData
from tests.chain import LocalChain
from tests.functions.wallet.custody import custody_of

BETWEEN_CELLS = {"wallet received_is_a_prefix_of_sent"}
"""What takes a second cell to be violated: see tests/functions/wallet/test_transit.py."""


@pytest.fixture(scope="module")
def sample_data(stack: Stack, chain: LocalChain) -> Iterator[SampleData]:
    """Isolated databases with data in every state."""
    with custody_of(read(stack.environment), secret(stack.layout.secrets, "postgres.password"), chain) as custody:
        yield SampleData(custody)


def test_all_is_well_and_every_invariant_is_checked(sample_data: SampleData) -> None:
    """All are checked, none is violated before a violation is planted, and each has a planted violation."""
    view = sample_data.audited()
    assert view.violations == []
    assert view.unchecked == []
    assert len(view.checked) == len(set(view.checked))
    assert set(view.checked) == {plant.invariant for plant in PLANTS} | BETWEEN_CELLS


@pytest.mark.sampled
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.invariant}-{plant.subject}")
def test_what_is_planted_is_found(sample_data: SampleData, plant: PlantedViolation) -> None:
    """By the invariant's name and subject, and nothing else is reported but inherent consequences."""
    expected = {
        (invariant, subject.format_map(sample_data.names))
        for invariant, subjects in {plant.invariant: plant.subject, **plant.beside}.items()
        for subject in subjects.split(", ")
    }
    with sample_data.planted(plant.service, plant.sql.format_map(sample_data.names)):
        assert sample_data.broken() == expected


def test_nothing_is_left_of_what_was_planted(sample_data: SampleData) -> None:
    """Every violation above was detected because of its own plant."""
    assert sample_data.broken() == set()
