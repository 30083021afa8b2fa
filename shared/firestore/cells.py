"""The cell map: which region serves each cell, and under which epoch. One document a cell, in the collection `cells`.

    region       the region that serves the cell
    epoch        counts promotions, from 1

A document has further fields, of the lease and the designated standby, which belong to whoever keeps those; readers
leave them alone. A cell without a document is served by the region that the registry names, under epoch 1.

Requests read the map through `CellMap`, which may be some seconds old: whoever is asked for a cell that it does not
serve says so (MOVED), and the asker reads the map anew.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from shared.errors import Unavailable
from shared.firestore.calls import call_options, guarded

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.resilience.breaker import Breaker

log = logging.getLogger(__name__)

COLLECTION: Final = "cells"

KEPT_SECONDS: Final = 3.0
"""How old the map may be."""

READ_SECONDS: Final = 1.0
"""How long a request waits for the map at most; then the last known one is used."""


class ServedCell(msgspec.Struct, frozen=True):
    """Where a cell is served. epoch: counts its promotions; an answer under an older one is of a former server."""

    cell: str
    region: str
    epoch: int = 1


class CellStore(Protocol):
    """Where the map is kept."""

    def read(self) -> Mapping[str, ServedCell]:
        """The cells that have a document. Raises Unavailable."""


class FirestoreCells:
    """The map in Firestore, strongly consistent across regions."""

    def __init__(self, client: "Callable[[], Client]", breaker: "Breaker") -> None:
        self._client = client
        self._breaker = breaker

    def read(self) -> Mapping[str, ServedCell]:
        with guarded(self._breaker):
            documents = list(self._client().collection(COLLECTION).stream(**call_options(READ_SECONDS)))
        found = (_served(document.id, document.to_dict()) for document in documents)
        return {each.cell: each for each in found if each is not None}


def _served(cell: str, fields: Mapping[str, Any] | None) -> ServedCell | None:
    """The entry in a document; None, with an error in the log, if it is none."""
    region, epoch = (fields or {}).get("region"), (fields or {}).get("epoch")
    if not isinstance(region, str) or type(epoch) is not int or epoch < 1:
        log.error("the document of the cell %s names no region and epoch, and is ignored", cell)
        return None
    return ServedCell(cell, region, epoch)


class CellMap:
    """A cached view of the map, shared by the threads of a process."""

    def __init__(
        self, store: CellStore, regions: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        regions: the region of each cell that has no document, from the registry.
        clock: monotonic seconds.
        """
        self._store = store
        self._regions = regions
        self._clock = clock
        self._reading = threading.Lock()
        self._known: Mapping[str, ServedCell] = {}
        self._read_at = float("-inf")

    def of(self, cell: str) -> ServedCell:
        """Where a cell is served, as known for at most KEPT_SECONDS, or longer while the map cannot be read.

        Raises KeyError for a cell that neither the map nor the registry knows.
        """
        if self._clock() - self._read_at >= KEPT_SECONDS and self._reading.acquire(blocking=self._never_read):
            try:
                if self._clock() - self._read_at >= KEPT_SECONDS:
                    self._read()
            finally:
                self._reading.release()
        return self._known.get(cell) or ServedCell(cell, self._regions[cell])

    def refresh(self, since: float) -> None:
        """Read the map, unless that was done after a time of the clock: one of many that were told MOVED does it."""
        with self._reading:
            if self._read_at <= since:
                self._read()

    def now(self) -> float:
        """The present time of its clock, for `refresh`."""
        return self._clock()

    @property
    def _never_read(self) -> bool:
        return self._read_at == float("-inf")

    def _read(self) -> None:
        """Read the map; if that fails, what is known stays, for as long as if it had been read."""
        begun = self._clock()
        try:
            found = self._store.read()
        except Unavailable as error:
            log.warning("the cell map cannot be read, and is used as it was: %s", error)
        else:
            # A read that began before a promotion may end after one that saw it.
            self._known = dict(self._known) | {
                cell: max(each, self._known.get(cell, each), key=lambda one: one.epoch) for cell, each in found.items()
            }
        self._read_at = begun
