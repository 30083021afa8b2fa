"""Each invariant of the whole system is shown to find what breaks it, and to be silent about what is in order."""

from collections.abc import Iterator

import pytest

from emulators.secrets import read as secret
from emulators.stack import Stack
from shared.config import read
from tests.audit.plants import PLANTS, Plant
from tests.audit.scene import Scene
from tests.chain import LocalChain
from tests.functions.wallet.custody import custody_of


@pytest.fixture(scope="module")
def scene(stack: Stack, chain: LocalChain) -> Iterator[Scene]:
    """Databases of its own, in which something has become of everything."""
    with custody_of(read(stack.environment), secret(stack.layout.secrets, "postgres.password"), chain) as custody:
        yield Scene(custody)


def test_all_is_well_and_every_invariant_is_checked(scene: Scene) -> None:
    """None is left unchecked, and none is broken before something is planted; one without a plant fails this."""
    view = scene.audited()
    assert view.violations == []
    assert view.unchecked == []
    assert len(view.checked) == len(set(view.checked))
    assert set(view.checked) == {plant.invariant for plant in PLANTS}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.invariant}-{plant.subject}")
def test_what_is_planted_is_found(scene: Scene, plant: Plant) -> None:
    """By the invariant's name and its subject, and nothing else is found but what it breaks by its nature."""
    wanted = {
        (invariant, subject.format_map(scene.names))
        for invariant, subjects in {plant.invariant: plant.subject, **plant.beside}.items()
        for subject in subjects.split(", ")
    }
    with scene.planted(plant.service, plant.sql.format_map(scene.names)):
        assert scene.broken() == wanted


def test_nothing_is_left_of_what_was_planted(scene: Scene) -> None:
    """So that what was found was planted just then."""
    assert scene.broken() == set()
