"""Applies many events in one transaction, as long as none of them needs special treatment.

One statement locks the inbox rows of all their streams and one advances them. Events of types that the consumer does
not handle, which Kafka delivers too, are passed over before the database is asked. As soon as one of the others fails
or has to be parked, the transaction is rolled back and they are applied one by one by shared.outbox.inbox.
"""

import logging
from collections.abc import Sequence
from typing import Final

from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.outbox.inbox import Inbox, ReceiveOutcome
from shared.outbox.log import SQL
from shared.postgres.database import retried

log = logging.getLogger(__name__)

BATCH_SIZE: Final = 50
"""How many events share a transaction: every effect's locks are held until the last one is done."""


class BatchInbox(Inbox):
    """An inbox for a transport that delivers many events at once."""

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
        name, handled = self._row.name, [event for event in events if self._handles(event)]
        outcomes: list[ReceiveOutcome] = []
        if not handled:
            return ["foreign"] * len(events), []
        with self._database.transaction() as transaction:
            rows = SQL.lock_inboxes(transaction, consumer=name, names=sorted({event.stream for event in handled}))
            places = {row["stream"]: row["version"] for row in rows}
            parked = {row["stream"] for row in rows if row["parked"]}
            fresh: dict[str, int] = {}
            for event in events:
                if not self._handles(event):
                    outcomes.append("foreign")
                    continue
                if event.version <= places[event.stream]:
                    outcomes.append("known")
                    continue
                if event.follows > places[event.stream] or event.stream in parked:
                    raise _OutOfTurn(event.stream)
                self._effect(transaction, event)
                fresh[event.stream] = places[event.stream] = event.version
                outcomes.append("applied")
            advanced = [{"stream": stream, "version": version} for stream, version in sorted(fresh.items())]
            rows = SQL.advance_inboxes(transaction, consumer=name, advanced=to_json(advanced).decode()) if fresh else []
        return outcomes, [row["stream"] for row in rows if row["behind"]]


class _OutOfTurn(Exception):
    """An event has to be parked, which needs a transaction of its own."""
