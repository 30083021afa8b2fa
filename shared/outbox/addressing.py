"""To whom an event goes: the rows that handle its type, and what each must have applied before it.

A row receives the events of its types only. So that it notices a missing one, each says which version of the stream
the row handled before it. All relays compute the same, whatever their release, since a row's types never change
(shared/consumers.py).
"""

from collections.abc import Collection, Sequence
from typing import Final

from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent
from shared.registry import Registry

LOOK_BACK: Final = 32
"""How many earlier events of a stream are looked at for the previous one of a row."""


def addressed(event: StoredEvent, before: Sequence[str], registry: Registry) -> AddressedEvent:
    """An event with its addressees. before: the types of up to LOOK_BACK events before it, the newest first."""
    rows = registry.consumers_of(event.type)
    return AddressedEvent(event, {row.name: prior(row.event or (), event.version, before) for row in rows})


def prior(types: Collection[str], version: int, before: Sequence[str]) -> int:
    """The version of the previous event of these types; 0 if there is none.

    If it is too far back it is unknown: then it is the version before, for which the receiver asks the source.
    """
    for distance, event_type in enumerate(before, 1):
        if event_type in types:
            return version - distance
    return 0 if len(before) == version - 1 else version - 1
