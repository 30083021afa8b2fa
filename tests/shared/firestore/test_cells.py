"""The cell map: what a store says, and what a process remembers of it."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from shared.config import Settings
from shared.errors import Unavailable
from shared.firestore.cells import COLLECTION, KEPT_SECONDS, CellMap, CellStore, FirestoreCells, ServedCell
from shared.resilience.breakers import Breakers
from tests.races import at_once

REGIONS = {"us": "us-central1", "eu": "europe-west1", "us2": "us-central1"}


class Kept(Protocol):
    """A store, and a way to write to it."""

    store: CellStore

    def write(self, cell: str, fields: dict[str, Any]) -> None:
        """Write a cell's document."""


@dataclass
class FakeCells:
    """A store in memory."""

    documents: dict[str, ServedCell] = field(default_factory=dict)
    down: bool = False
    reads: int = 0

    def read(self) -> Mapping[str, ServedCell]:
        self.reads += 1
        if self.down:
            raise Unavailable
        return dict(self.documents)


class KeptInMemory:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeCells()
        self.store: CellStore = self.fake

    def write(self, cell: str, fields: dict[str, Any]) -> None:
        self.fake.documents[cell] = ServedCell(cell, fields["region"], fields["epoch"])


class KeptInFirestore:
    """The emulator, in a project of its own."""

    def __init__(self) -> None:
        from google.cloud.firestore import Client

        self._client = Client(project=f"test-{secrets.token_hex(6)}")
        self.store: CellStore = FirestoreCells(lambda: self._client, Breakers().of("firestore"))

    def write(self, cell: str, fields: dict[str, Any]) -> None:
        self._client.collection(COLLECTION).document(cell).set(fields)


@pytest.fixture(params=[KeptInMemory, KeptInFirestore])
def kept(request: pytest.FixtureRequest, settings: Settings) -> Kept:
    """A store: the fake, and the real one."""
    made: Kept = request.param()
    return made


@dataclass
class Seconds:
    """A clock that a test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_store_says_where_cells_are_served(kept: Kept) -> None:
    """Those with a document; what else a document has is not the map's."""
    assert kept.store.read() == {}
    kept.write("us", {"region": "europe-west1", "epoch": 2, "renewal": 17, "standby": "asia-east1"})
    kept.write("us2", {"region": "us-central1", "epoch": 1})
    assert kept.store.read() == {
        "us": ServedCell("us", "europe-west1", 2),
        "us2": ServedCell("us2", "us-central1", 1),
    }
    kept.write("us", {"region": "asia-east1", "epoch": 3})
    assert kept.store.read()["us"] == ServedCell("us", "asia-east1", 3)


def test_a_cell_without_a_document_is_served_where_the_registry_says(kept: Kept) -> None:
    """Under its first epoch; a cell that nobody knows is an error."""
    cells = CellMap(kept.store, REGIONS)
    kept.write("eu", {"region": "us-central1", "epoch": 5})
    assert cells.of("us") == ServedCell("us", "us-central1", 1)
    assert cells.of("eu") == ServedCell("eu", "us-central1", 5)
    with pytest.raises(KeyError):
        cells.of("mars")


@pytest.mark.parametrize("fields", [{}, {"region": 5, "epoch": 1}, {"region": "asia-east1"}, {"epoch": 0}])
def test_a_document_that_makes_no_sense_is_ignored(
    fields: dict[str, Any], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log, and the other cells are served."""
    kept = KeptInFirestore()
    kept.write("eu", fields)
    kept.write("us", {"region": "asia-east1", "epoch": 2})
    with caplog.at_level(logging.ERROR):
        assert kept.store.read() == {"us": ServedCell("us", "asia-east1", 2)}
    assert "the document of the cell eu" in caplog.text


def test_the_map_is_read_every_few_seconds() -> None:
    """Not for every request, and not later than said; a refresh reads it at once, once for all who ask."""
    store, clock = FakeCells(), Seconds()
    cells = CellMap(store, REGIONS, clock)
    assert [cells.of("us").epoch for _ in range(5)] == [1] * 5
    assert store.reads == 1
    store.documents["us"] = ServedCell("us", "europe-west1", 2)
    clock.now += KEPT_SECONDS - 0.1
    assert cells.of("us").epoch == 1
    clock.now += 0.1
    assert cells.of("us") == ServedCell("us", "europe-west1", 2)
    store.documents["us"] = ServedCell("us", "asia-east1", 3)
    told_at = cells.now()
    for _ in range(3):
        clock.now += 0.01
        cells.refresh(told_at)
    assert cells.of("us").epoch == 3
    assert store.reads == 3


def test_without_the_store_the_last_known_map_is_used() -> None:
    """From the start that of the registry; the store is not asked for every request either."""
    store, clock = FakeCells(down=True), Seconds()
    cells = CellMap(store, REGIONS, clock)
    assert [cells.of("us").region for _ in range(5)] == ["us-central1"] * 5
    assert store.reads == 1
    store.down = False
    store.documents["us"] = ServedCell("us", "europe-west1", 2)
    clock.now += KEPT_SECONDS
    assert cells.of("us").region == "europe-west1"
    store.down = True
    clock.now += KEPT_SECONDS
    assert cells.of("us").region == "europe-west1"
    cells.refresh(clock.now)
    assert cells.of("us").region == "europe-west1"


def test_an_epoch_never_goes_back() -> None:
    """A read that began before a promotion, and ends after one that saw it, is not believed."""
    store, clock = FakeCells({"us": ServedCell("us", "europe-west1", 2)}), Seconds()
    cells = CellMap(store, REGIONS, clock)
    assert cells.of("us").epoch == 2
    store.documents["us"] = ServedCell("us", "us-central1", 1)
    clock.now += KEPT_SECONDS
    assert cells.of("us") == ServedCell("us", "europe-west1", 2)


def test_threads_read_the_map_once() -> None:
    """Whoever comes while it is read for the first time waits for it, and does not read it too."""
    store = FakeCells({"us": ServedCell("us", "europe-west1", 2)})
    cells = CellMap(store, REGIONS, Seconds())
    assert at_once([lambda: cells.of("us").epoch] * 8) == [2] * 8
    assert store.reads == 1
