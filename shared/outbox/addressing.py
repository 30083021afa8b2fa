"""To whom an event goes: the rows that handle its type, and what each must have applied before it; and in which cells.

A row receives the events of its types only. So that it notices a missing one, each says which version of the stream
the row handled before it. All relays compute the same, whatever their release, since a row's types never change
(shared/consumers.py).

A row's events may come from other cells (registry: `cells`). Whoever receives them decides whether they are for its
cell: those of a stream between two cells are for one, and a stream is only taken from the cell that it is of. What is
for others counts as foreign, and is missing nowhere. The relay sends it to nobody else in the first place, but for a
transport that has one flow for all.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from shared import ids
from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent
from shared.registry import Registry, Row, load

LOOK_BACK: Final = 32
"""How many earlier events of a stream are looked at for the previous one of a row."""


NOWHERE: Final[Sequence[str]] = ()

HERE: Final = ""
"""The cell of a relay that is the only one of its deployment, and so has no need of its name."""


def addressed(
    event: StoredEvent, before: Sequence[str], registry: Registry, own: str = HERE, others: Sequence[str] = NOWHERE
) -> AddressedEvent:
    """An event with its addressees.

    before: the types of up to LOOK_BACK events before it, the newest first. own: the cell that it is published in.
    others: the deployment's other cells.
    """
    to, cells = {}, {}
    for row in registry.consumers_of(event.type):
        if receiving := receivers(row, event.stream, event.data, own, others):
            to[row.name] = prior(row.event or (), event.version, before)
            cells[row.name] = receiving
    return AddressedEvent(event, to, cells)


def receivers(row: Row, stream: str, data: Mapping[str, Any], own: str, others: Sequence[str]) -> list[str]:
    """The cells in which a row receives an event that a cell publishes: of a stream, with such data.

    What a field of an event names has to be the same in all events of its stream that the row handles: each of them
    says which one came before it, wherever that went.
    """
    cells = row.sources(own, others)
    if row.cells == "own":
        return cells
    named = ids.receiver_of(stream) or concerned(row, data)
    return [cell for cell in cells if named in (None, cell)]


def concerned(row: Row, data: Mapping[str, Any]) -> str | None:
    """The one cell whose row receives events with such data; None if each does."""
    return ids.cell_of(str(data.get(row.receiver))) if row.receiver else None


def prior(types: Collection[str], version: int, before: Sequence[str]) -> int:
    """The version of the previous event of these types; 0 if there is none.

    If it is too far back it is unknown: then it is the version before, for which the receiver asks the source.
    """
    for distance, event_type in enumerate(before, 1):
        if event_type in types:
            return version - distance
    return 0 if len(before) == version - 1 else version - 1


def stores_of(row: Row, own: str, others: Sequence[str]) -> list[str]:
    """The cells whose stores a row's inbox in a cell is compared with.

    Those whose events it receives; what is in Firestore is everywhere, and so read at home.
    """
    return [own] if load().in_documents(row) else row.sources(own, others)


def receives(row: Row, stream: str, cell: str, recorded_in: str | None, data: Mapping[str, Any] | None = None) -> bool:
    """Whether a row in a cell receives the events of a stream.

    recorded_in: the cell whose store they are from. data: of one of them, where that is known.
    """
    if row.cells == "own" or load().in_documents(row):
        return True
    if concerned(row, data or {}) not in (None, cell):
        return False
    home = ids.source_of(stream)
    if ids.receiver_of(stream) not in (None, cell) or (row.cells == "others" and home == cell):
        return False
    return home in (None, recorded_in)
