"""Applies each event of a stream once and in order, in one transaction with its effect.

A consumer receives the events of its types only. Each says which version of the stream the consumer handled before it
(its prior): it is next if the inbox has come as far as that, and not as far as the event.

An event that cannot be applied is parked and acknowledged, so that no other stream of its partition waits for it:

- an event that arrives early waits for the missing ones, which are read from their source after a while;
- an event whose effect needs something that is missing for now (Unavailable: a service is down, or the event that it
  depends on has not arrived; Contended) is not a defect. It is limited by time: redelivered for UNAVAILABLE_FOR, then
  parked, and retried by the consumer's worker, with growing backoff, until it succeeds;
- an event that fails in any other way is a defect: at the row's `attempts` it is parked, and an operator redrives it.

What came with others that can be applied is parked after ASIDE_AFTER, and the worker goes on with its attempts. Later
events of the same stream are parked behind it, and applied in order after it. Attempts are counted in the consumer's
database, in a transaction of their own.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final, Literal

import msgspec

from shared import ids
from shared.clock import Clock
from shared.contracts.events import Event, StoredEvent, chained
from shared.decoding import ready
from shared.errors import Contended, MeridianError, Unavailable, summary
from shared.outbox.addressing import receives
from shared.outbox.effects import UndecodableEvent, effect_of
from shared.outbox.log import SQL, StreamPart
from shared.postgres.database import Database, Transaction, retried
from shared.registry import Row

log = logging.getLogger(__name__)

GAP_WAIT: Final = timedelta(seconds=10)
"""How long to wait for a missing version before the consumer reads it from its source."""

UNAVAILABLE_FOR: Final = timedelta(seconds=60)
"""How long an event whose effect raises Unavailable or Contended is redelivered before it is parked."""

ASIDE_AFTER: Final = timedelta(seconds=2)
"""How long an event is redelivered together with others that can be applied."""

RETRY_FIRST: Final = timedelta(seconds=5)
"""When an event parked as unavailable is first retried; after that the wait doubles."""

ReceiveOutcome = Literal["applied", "known", "parked", "foreign"]
Read = Callable[[str, str, int, Sequence[str]], StreamPart]
"""(event type, stream, from version, types) -> the stream's events of these types, from the service that owns it."""


class Inbox:
    """One consumer's inbox: how far it has applied each stream."""

    def __init__(
        self,
        row: Row,
        database: Database,
        handle: Callable[[Event[Any], Transaction], None],
        clock: Clock,
        cell: str | None = None,
    ) -> None:
        """
        row: the consumer's registry row; its name identifies the inbox.
        handle: applies one event's effect in the given transaction. If it raises, it is called again later.
        cell: the one that it is in; needed where the row receives other cells' events.
        """
        if cell is None and row.cells != "own":
            raise ValueError(f"{row.name} receives other cells' events: which is its own?")
        self._cell = cell
        self._row = row
        self._database = database
        self._handle = handle
        self._clock = clock

    def receive(self, event: StoredEvent) -> ReceiveOutcome:
        """Receive an event: apply it if it is next, ignore it if it was applied or is foreign, otherwise park it.

        Raises what the handler raises until the event is parked for it; nothing was done then, and the event has to be
        redelivered. Raises UndecodableEvent for data that does not match its contract: see `note_gap`.
        """
        if not self._handles(event):
            return "foreign"
        try:
            outcome, more = retried(lambda: self._take(event))
        except Exception as error:
            if not isinstance(error, UndecodableEvent) and self._parks(event, error):
                return "parked"
            raise
        if more:
            self._drain(event.stream)
        return outcome

    def set_aside(self, event: StoredEvent, error: Exception) -> bool:
        """Park what has failed for ASIDE_AFTER while others that came with it were applied; returns whether it is."""
        return self._parks(event, error, aside=True)

    def note_gap(self, event: StoredEvent) -> None:
        """Note an event whose delivery could not be decoded, so that it is read from its source."""
        if not self._concerns(event):
            return
        with self._database.transaction() as transaction:
            if event.version > self._lock(transaction, event.stream)["version"]:
                self._park(transaction, event, "unread")

    def fill_gaps(self, read: Read, source: str | None = None, besides: Sequence[str] = ()) -> int:
        """Apply parked events that are due, and the missing ones before them. Returns how many events were applied.

        source: the cell whose streams are looked after; by default all but those of `besides`.
        """
        applied, now = 0, self._clock.now()
        with self._database.transaction() as transaction:
            due = SQL.find_due(
                transaction, consumer=self._row.name, before=now - GAP_WAIT, now=now, source=source, besides=[*besides]
            )
        for stream in due:
            progress = self.mend(stream["stream"], stream["type"], read)
            if not progress:
                with self._database.transaction() as transaction:
                    SQL.back_off(transaction, consumer=self._row.name, stream_id=stream["stream"], now=now)
            applied += progress
        return applied

    def mend(self, stream: str, event_type: str, read: Read) -> int:
        """Advance one stream as far as possible now. Returns how many events were applied. event_type: one of it."""
        applied = 0
        try:
            applied += self._drain(stream, again=True)
            with self._database.transaction() as transaction:
                last = SQL.find_missing(transaction, consumer=self._row.name, stream_id=stream)
            if last is not None:
                applied += self._apply_missing(stream, last, read(event_type, stream, last + 1, self._row.event or ()))
            applied += self._drain(stream)
        except MeridianError as error:
            log.warning("the gap of %s in %s waits: %s", self._row.name, stream, error)
        except Exception:
            log.exception("the gap of %s in %s waits", self._row.name, stream)
        return applied

    def _apply_missing(self, stream: str, after: int, part: StreamPart) -> int:
        """Apply what was read of a stream, and note that nothing of it is missing as far as was read."""
        applied = 0
        for event in chained(part.events, after):
            outcome = self._receive_own(event)
            if outcome == "parked":
                return applied
            applied += outcome == "applied"
            after = event.version
        with self._database.transaction() as transaction:
            # Compare-and-set: a rebuild may have reset the inbox since, and then all is to be applied again.
            SQL.pass_over(transaction, consumer=self._row.name, stream_id=stream, version=after, through=part.through)
        return applied

    def _receive_own(self, event: StoredEvent) -> ReceiveOutcome:
        """Receive an event read from its source: if it is undecodable, that is not the fault of a delivery."""
        try:
            return self.receive(event)
        except UndecodableEvent as error:
            if self._parks(event, error):
                return "parked"
            raise

    def _handles(self, event: StoredEvent) -> bool:
        """Whether the consumer handles its type, here. What it does not handle it leaves untouched."""
        return event.type in (self._row.event or ()) and self._concerns(event)

    def _concerns(self, event: StoredEvent) -> bool:
        """Whether it is for this cell, and from the cell that its stream is of."""
        return self._cell is None or receives(self._row, event.stream, self._cell, ids.cell_of(event.id), event.data)

    def _take(self, event: StoredEvent) -> tuple[ReceiveOutcome, bool]:
        """The outcome of an event, and whether others are parked behind it."""
        name, stream = self._row.name, event.stream
        turn = {"stream_id": stream, "follows": event.follows, "version": event.version}
        with self._database.transaction() as transaction:
            # Waits for no other statement; so a duplicate is Contended, and known on the next attempt.
            if not SQL.enter_inbox(transaction.later, consumer=name, **turn).result():
                return self._passed_over(transaction, event), False
            self._effect(transaction, event)
            behind = SQL.find_behind(transaction.later, consumer=name, streams=[stream])
        return "applied", bool(behind.result())

    def _passed_over(self, transaction: Transaction, event: StoredEvent) -> Literal["known", "parked"]:
        """What becomes of an event that is not next. Raises Contended if it has become the next meanwhile."""
        place = self._lock(transaction, event.stream)
        if event.version <= place["version"]:
            return "known"
        if event.follows <= place["version"] and not place["parked"]:
            raise Contended
        log.warning("%s waits for what comes before %s version %d", self._row.name, event.stream, event.version)
        self._park(transaction, event, "gap")
        return "parked"

    def _lock(self, transaction: Transaction, stream: str) -> dict[str, Any]:
        return dict(SQL.lock_inbox(transaction, consumer=self._row.name, stream_id=stream))

    def _effect(self, transaction: Transaction, event: StoredEvent) -> None:
        """Apply the effect. A parked event may be foreign: one that was received when every type advanced a stream."""
        if self._handles(event):
            with effect_of(event, self._row.name) as message:
                self._handle(message, transaction)

    def _park(self, transaction: Transaction, event: StoredEvent, reason: Literal["gap", "unread"]) -> None:
        SQL.park(
            transaction,
            consumer=self._row.name,
            stream_id=event.stream,
            version=event.version,
            prior=event.follows,
            reason=reason,
            event=msgspec.json.encode(event).decode(),
            at=self._clock.now(),
        )

    def _parks(self, event: StoredEvent, error: Exception, *, aside: bool = False) -> bool:
        """Count a failed attempt; returns whether the event is parked now, and so needs no redelivery."""
        try:
            return retried(lambda: self._count(event, error, self._clock.now(), aside))
        except MeridianError as unable:
            log.warning("a failed attempt of %s at %s was not counted: %s", self._row.name, event.stream, unable)
            return False

    def _count(self, event: StoredEvent, error: Exception, now: datetime, aside: bool) -> bool:
        transient = isinstance(error, Unavailable | Contended)
        name, stream = self._row.name, event.stream
        with self._database.transaction() as transaction:
            place = self._lock(transaction, stream)
            if not event.follows <= place["version"] < event.version:
                return False  # another delivery has applied it meanwhile; the next one is a duplicate
            since = place["failing_since"] or now
            if aside and now - since < ASIDE_AFTER:
                return False
            defects = place["defects"] + (not transient and not aside)
            failed = not transient and defects >= self._row.attempts
            parked = failed or aside or (transient and now - since >= UNAVAILABLE_FOR)
            stays = parked or place["parked"]
            SQL.count_attempt(transaction, consumer=name, stream_id=stream, defects=defects, since=since, parked=stays)
            if parked:
                SQL.park_failing(
                    transaction,
                    consumer=name,
                    stream_id=stream,
                    version=event.version,
                    prior=event.follows,
                    reason="failed" if failed else "unavailable",
                    error=summary(error),
                    event=msgspec.json.encode(event).decode(),
                    at=now,
                    retry_at=None if failed else now + RETRY_FIRST,
                )
        if parked:
            log.error("%s parks %s version %d: %s", name, stream, event.version, summary(error), exc_info=not transient)
        return parked

    def _drain(self, stream: str, *, again: bool = False) -> int:
        """Apply parked events while they are next in their stream, each in its own transaction. Returns how many.

        again: also retry an event that was parked as unavailable.
        """
        for applied in count():
            taken: list[StoredEvent] = []
            try:
                if not retried(partial(self._unpark, stream, again, taken)):
                    return applied
            except UndecodableEvent:
                self._mark_unreadable(taken[-1])
                return applied
            except Exception as error:
                if not taken:
                    raise
                if not self._parks(taken[-1], error):
                    log.warning("%s failed at a parked event of %s: %s", self._row.name, stream, summary(error))
                return applied
        raise AssertionError("count() ends never")

    def _mark_unreadable(self, event: StoredEvent) -> None:
        with self._database.transaction() as transaction:
            SQL.mark_unreadable(transaction, consumer=self._row.name, stream_id=event.stream, version=event.version)

    def _unpark(self, stream: str, again: bool, taken: list[StoredEvent]) -> bool:
        """Unpark and apply the stream's next event; returns whether there was one. The event is appended to `taken`."""
        with self._database.transaction() as transaction:
            place = self._lock(transaction, stream)
            if place["parked"] and not again:
                return False
            name, last = self._row.name, place["version"]
            SQL.drop_old_parked(transaction, consumer=name, stream_id=stream, version=last)
            parked = SQL.take_parked(transaction, consumer=name, stream_id=stream, version=last)
            if parked is None:
                return False
            taken.append(msgspec.convert(parked["event"], ready(StoredEvent)))
            self._effect(transaction, taken[-1])
            SQL.advance_inbox(transaction.later, consumer=name, stream_id=stream, version=taken[-1].version)
            return True
