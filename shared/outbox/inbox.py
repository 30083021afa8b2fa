"""Applies each event of a stream once and in order, together with its effect."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

from shared.adapters.clock import Clock
from shared.adapters.postgres import Database, Transaction
from shared.contracts.events import Event, StoredEvent, opened
from shared.errors import MeridianError
from shared.outbox.log import SQL
from shared.registry import Row
from shared.telemetry.context import follow

log = logging.getLogger(__name__)

GAP_WAIT: Final = timedelta(seconds=10)
"""How long a missing version may still arrive by itself before the consumer reads it from its source."""

Received = Literal["applied", "known", "parked"]


class Inbox:
    """One consumer's view of the streams that it receives."""

    def __init__(
        self, row: Row, database: Database, handle: Callable[[Event[Any], Transaction], None], clock: Clock
    ) -> None:
        """
        row: the consumer; its name is the inbox's.
        handle: the effect of one event, in the transaction that it is given. It may raise, and is called again.
        """
        self._row = row
        self._database = database
        self._handle = handle
        self._clock = clock

    def receive(self, event: StoredEvent) -> Received:
        """Take a delivered event: apply it when it is next, forget it when it is known, park it when one is missing.

        Raises what the handler raises; then nothing was done, and the event has to be delivered again.
        """
        with self._database.transaction() as transaction:
            last = self._lock(transaction, event.stream)
            if event.version <= last:
                return "known"
            if event.version > last + 1:
                self._park(transaction, event)
                return "parked"
            more = self._apply(transaction, event)
        if more:
            self._drain(event.stream)
        return "applied"

    def fill_gaps(self, read: Callable[[str, str, int], list[StoredEvent]]) -> int:
        """Read what streams have waited for longer than GAP_WAIT, and apply it. Returns how many events it applied.

        read: (event type, stream, from version) -> the stream's events, from the service that owns it.
        """
        applied = 0
        with self._database.transaction() as transaction:
            gaps = SQL.find_gaps(transaction, consumer=self._row.name, before=self._clock.now() - GAP_WAIT)
        for gap in gaps:
            try:
                for event in read(gap["type"], gap["stream"], gap["version"] + 1):
                    applied += self.receive(event) == "applied"
                self._drain(gap["stream"])
            except MeridianError as error:
                log.warning("the gap of %s in %s waits: %s", self._row.name, gap["stream"], error)
            except Exception:
                log.exception("the gap of %s in %s waits", self._row.name, gap["stream"])
        return applied

    def _lock(self, transaction: Transaction, stream: str) -> int:
        return int(SQL.lock_inbox(transaction, consumer=self._row.name, stream_id=stream))

    def _apply(self, transaction: Transaction, event: StoredEvent) -> bool:
        """The effect, where the type is one that this consumer handles; every type advances the stream.

        Tells whether events of the stream are parked behind it.
        """
        if event.type in (self._row.event or ()):
            follow(event.metadata.get("request_id"), event.metadata.get("traceparent"))
            self._handle(opened(event), transaction)
        name = self._row.name
        return bool(SQL.advance_inbox(transaction, consumer=name, stream_id=event.stream, version=event.version))

    def _park(self, transaction: Transaction, event: StoredEvent) -> None:
        log.warning("%s waits for what comes before %s version %d", self._row.name, event.stream, event.version)
        SQL.park(
            transaction,
            consumer=self._row.name,
            stream_id=event.stream,
            version=event.version,
            reason="gap",
            event=msgspec.json.encode(event).decode(),
            at=self._clock.now(),
        )

    def _drain(self, stream: str) -> None:
        """Apply what is parked and next in a stream, each event in its own transaction."""
        following = True
        while following:
            with self._database.transaction() as transaction:
                last = self._lock(transaction, stream)
                SQL.drop_old_parked(transaction, consumer=self._row.name, stream_id=stream, version=last)
                parked = SQL.take_parked(transaction, consumer=self._row.name, stream_id=stream, version=last + 1)
                if parked:
                    self._apply(transaction, msgspec.convert(parked["event"], StoredEvent))
                following = parked is not None
