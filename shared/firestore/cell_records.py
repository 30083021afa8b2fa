"""The whole documents of cells: lease, standby and promotion (shared/cells/record.py). Requests read less (cells.py).

Every change is a compare-and-set by the document's last update: Firestore's own transactions stall when they contend.
A change whose response was lost may still take effect; whoever made it reads the record again.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from shared.cells.record import CellRecord
from shared.errors import Unavailable
from shared.firestore.calls import call_options, guarded
from shared.firestore.cells import COLLECTION

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.resilience.breaker import Breaker

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 2.0
"""How long one call may take. A renewal that takes longer is begun again (lease.ROUND_SECONDS)."""

ATTEMPTS: Final = 5
"""How often a change is tried against others' changes."""

STORED: Final = tuple(each.name for each in fields(CellRecord) if each.name != "cell")
"""What a document has; the cell is its name."""


class CellRecords:
    """Cells' documents, strongly consistent across regions. For one thread."""

    def __init__(self, client: "Callable[[], Client]", breaker: "Breaker", regions: Mapping[str, str]) -> None:
        """regions: which region serves a cell that has no document yet, from the registry."""
        self._client = client
        self._breaker = breaker
        self._regions = regions
        self._seen: dict[str, tuple[CellRecord, Any]] = {}
        """By cell, what was read or written last, and when it was updated; None if there was no document."""

    def read(self, cell: str) -> CellRecord:
        """A cell's record; as of its beginning, if it has no document yet. Raises Unavailable."""
        with guarded(self._breaker):
            snapshot = self._document(cell).get(**call_options(CALL_SECONDS))
        record = CellRecord(cell, self._regions[cell])
        if snapshot.exists:
            record = _record(cell, snapshot.to_dict())
        self._seen[cell] = (record, snapshot.update_time)
        return record

    def change(self, cell: str, change: Callable[[CellRecord], CellRecord | None]) -> CellRecord | None:
        """Change a cell's record by one of the functions of record.py; the new record, or None if that refuses.

        The record as it was last seen is tried first, which saves a read where nobody else changes it.
        Raises Unavailable; then the change may take effect.
        """
        fresh = cell not in self._seen
        for _ in range(ATTEMPTS):
            if fresh:
                self.read(cell)
            record, updated = self._seen.pop(cell)
            after = change(record)
            if after is not None and self._write(cell, after, updated):
                return after
            if after is None and fresh:
                return None
            fresh = True
        raise Unavailable(f"The record of the cell {cell} changes all the time.")

    def _write(self, cell: str, record: CellRecord, updated: Any) -> bool:
        """Write a record, if the document was last updated then; whether it was."""
        from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

        document, content = self._document(cell), {name: asdict(record)[name] for name in STORED}
        with guarded(self._breaker, writes=True), suppress(AlreadyExists, FailedPrecondition, NotFound):
            if updated is None:
                written = document.create(content, **call_options(CALL_SECONDS))
            else:
                unchanged = self._client().write_option(last_update_time=updated)
                written = document.update(content, option=unchanged, **call_options(CALL_SECONDS))
            self._seen[cell] = (record, written.update_time)
            return True
        return False

    def _document(self, cell: str) -> Any:
        return self._client().collection(COLLECTION).document(cell)


def _record(cell: str, content: Mapping[str, Any]) -> CellRecord:
    """The record in a document; what it lacks is as at the beginning."""
    return CellRecord(cell, **{name: content[name] for name in STORED if name in content})
