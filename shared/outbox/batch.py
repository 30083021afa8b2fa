"""Applies many events in one transaction, as long as none of them needs special treatment.

One statement advances the inbox in all their streams, which locks these until the effects are committed. Events of
types that the consumer does not handle, which Kafka delivers too, are passed over before the database is asked. As soon
as one of the others fails, has to be parked, or comes after one that is known already, the transaction is rolled back
and they are applied one by one by shared.outbox.inbox.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

from shared.clock import Clock
from shared.contracts.events import Event, StoredEvent
from shared.outbox.effects import effect_of
from shared.outbox.inbox import Inbox, ReceiveOutcome
from shared.outbox.log import SQL
from shared.postgres.database import Database, Transaction, retried
from shared.registry import Row
from shared.telemetry.context import attributing, trace_context

log = logging.getLogger(__name__)

BATCH_SIZE: Final = 50
"""How many events share a transaction: every effect's locks are held until the last one is done."""


class BatchInbox(Inbox):
    """An inbox for a transport that delivers many events at once."""

    def __init__(
        self,
        row: Row,
        database: Database,
        handle: Callable[[Event[Any], Transaction], None],
        clock: Clock,
        cell: str | None = None,
        handle_all: Callable[[Sequence[Event[Any]], Transaction], None] | None = None,
    ) -> None:
        """handle_all: applies the effects of many events at once, if the operation can; the rest as Inbox has it."""
        super().__init__(row, database, handle, clock, cell)
        self._handle_all = handle_all

    def receive_batch(self, events: Sequence[StoredEvent]) -> list[ReceiveOutcome] | None:
        """Apply delivered events, those of a stream in order, and say what became of each.

        None if nothing was done, for whatever reason.
        """
        try:
            outcomes, behind = retried(lambda: self._apply_batch(events))
            for stream in behind:
                self._drain(stream)
        except Exception as error:  # noqa: BLE001 - it recurs, and is logged, when they are applied one by one
            log.info("%s takes %d events one by one: %r", self._row.name, len(events), error)
            return None
        return outcomes

    def _apply_batch(self, events: Sequence[StoredEvent]) -> tuple[list[ReceiveOutcome], list[str]]:
        """Apply them all. Returns their outcomes, and the streams in which events are parked behind these."""
        consumer, streams = {"consumer": self._row.name}, self._by_stream(events)
        if not streams:
            return ["foreign"] * len(events), []
        with self._database.transaction() as transaction:
            rows = SQL.enter_inboxes(transaction.later, **consumer, **_entering(streams))
            entered = {row["stream"] for row in rows.result()}
            self._refuse_out_of_turn(transaction, {name: of for name, of in streams.items() if name not in entered})
            outcomes: list[ReceiveOutcome] = []
            applied: list[StoredEvent] = []
            for event in events:
                if not self._handles(event):
                    outcomes.append("foreign")
                elif event.stream in entered and streams[event.stream][:1] == [event]:  # a repeat is not next again
                    applied.append(streams[event.stream].pop(0))
                    outcomes.append("applied")
                else:
                    outcomes.append("known")
            self._effects(transaction, applied)
            behind = SQL.find_behind(transaction.later, **consumer, streams=sorted(entered))
        return outcomes, [row["stream"] for row in behind.result()]

    def _effects(self, transaction: Transaction, events: Sequence[StoredEvent]) -> None:
        """Apply the effects of events that are next, in this order: at once if the operation can."""
        if self._handle_all is None or not events:
            for event in events:
                self._effect(transaction, event)
            return
        with ExitStack() as effects:
            messages, trails = [], {}
            for event in events:
                messages.append(effects.enter_context(effect_of(event, self._row.name)))
                trails[event.stream] = trace_context()
            with attributing(trails):
                self._handle_all(messages, transaction)

    def _by_stream(self, events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
        """The events that the consumer handles, each once, by stream. Raises _OutOfTurn if one lacks its prior."""
        streams: dict[str, list[StoredEvent]] = {}
        for event in events:
            if self._handles(event):
                chain = streams.setdefault(event.stream, [])
                if chain and event.follows > chain[-1].version:
                    raise _OutOfTurn(event.stream)
                if not chain or event.version > chain[-1].version:
                    chain.append(event)
        return streams

    def _refuse_out_of_turn(self, transaction: Transaction, left: Mapping[str, Sequence[StoredEvent]]) -> None:
        """Raise _OutOfTurn unless all of these, whose streams could not be entered, are known."""
        if left:
            rows = SQL.find_places(transaction, consumer=self._row.name, streams=sorted(left))
            places = {row["stream"]: row["version"] for row in rows}
            for stream, events in left.items():
                if events[-1].version > places.get(stream, 0):
                    raise _OutOfTurn(stream)


def _entering(streams: Mapping[str, Sequence[StoredEvent]]) -> dict[str, list[Any]]:
    """What enters the inbox: the streams, what the first event of each follows, its version, and the last one's."""
    names = sorted(streams)
    return {
        "streams": names,
        "follows": [streams[name][0].follows for name in names],
        "firsts": [streams[name][0].version for name in names],
        "versions": [streams[name][-1].version for name in names],
    }


class _OutOfTurn(Exception):
    """An event has to be parked, which needs a transaction of its own."""
