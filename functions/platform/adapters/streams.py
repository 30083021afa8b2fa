"""The events of the service whose host this runs in, from its outbox in PostgreSQL or Firestore."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from functions.platform.ports import StreamPage, StreamPart, StreamQuery
from shared.contracts.encode import to_json
from shared.firestore.calls import guarded
from shared.outbox import log
from shared.registry import load
from shared.unit_of_work import UnitOfWork


class OutboxStreams:
    """The events of the service whose host this runs in."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def browse(self, query: StreamQuery) -> StreamPage:
        wanted = log.StreamQuery(**asdict(query))
        if self._in_firestore():
            from shared.outbox.firestore import list_streams

            with guarded(self._work.resources.breaker("firestore")):
                found = list_streams(self._work.resources.firestore(), wanted, self._work.now())
        else:
            with self._work.transaction() as work:
                found = work.events.streams(wanted)
        return StreamPage(**msgspec.structs.asdict(found))

    def read(self, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        if self._in_firestore():
            from shared.outbox.firestore import read_types

            with guarded(self._work.resources.breaker("firestore")):
                found = read_types(self._work.resources.firestore(), stream, from_version, types, log.READ_AT_MOST)
        else:
            with self._work.transaction() as work:
                found = work.events.read_types(stream, from_version, types)
        return StreamPart([to_json(event) for event in found.events], found.through)

    def _in_firestore(self) -> bool:
        return load().services[self._work.service].outbox == "firestore"
