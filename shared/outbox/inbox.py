"""Applies each event of a stream once and in order, together with its effect.

What cannot be applied is parked and acknowledged, so that no other stream of its partition waits for it:

- an event that comes before its turn waits for the one that is missing, which is read from its source after a while;
- an event whose effect needs something that is not there for the moment (Unavailable: a service is down, the fact that
  it follows has not arrived; Contended) is no defect, however often it is tried. It is counted by time: delivered again
  for UNAVAILABLE_FOR, then parked, and tried again by the consumer's worker, at growing intervals, until it succeeds;
- an event whose effect fails in any other way is a defect. It is counted by attempts: at the row's `attempts` it is
  parked, and waits for a person to redrive it.

Later events of a parked one's stream are parked behind it, and follow in order when it was applied. Attempts are
counted in the consumer's database, in a transaction of their own after the failed one was rolled back.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final, Literal

import msgspec

from shared.adapters.clock import Clock
from shared.adapters.postgres import Database, Transaction, retried
from shared.contracts.events import Event, StoredEvent, opened
from shared.errors import Contended, Malformed, MeridianError, Unavailable, summary
from shared.outbox.log import SQL
from shared.registry import Row
from shared.telemetry.context import follow

log = logging.getLogger(__name__)

GAP_WAIT: Final = timedelta(seconds=10)
"""How long a missing version may still arrive by itself before the consumer reads it from its source."""

UNAVAILABLE_FOR: Final = timedelta(seconds=60)
"""How long an event is delivered again and again whose effect needs what is not there, before it is parked."""

RETRY_FIRST: Final = timedelta(seconds=5)
"""When what was parked as unavailable is tried again; after that, when it has waited as long again as it had."""

Received = Literal["applied", "known", "parked"]
Read = Callable[[str, str, int], list[StoredEvent]]
"""(event type, stream, from version) -> the stream's events, from the service that owns it."""


class Unreadable(Malformed):
    """The event does not fit the contract of its type."""


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
        """Take a delivered event: apply it when it is next, forget it when it is known, else park it.

        Raises what the handler raises, until the event is parked for it; then nothing was done, and the event has to be
        delivered again. Raises Unreadable for data that does not fit its contract: see `miss`.
        """
        if self._passes_over(event):
            return "applied"
        try:
            outcome, more = retried(lambda: self._take(event))
        except Unreadable:
            raise
        except Exception as error:
            if self._parks(event, error):
                return "parked"
            raise
        if more:
            self._drain(event.stream)
        return outcome

    def miss(self, event: StoredEvent) -> None:
        """Note that there is an event whose delivery could not be read, so that it is asked of its source."""
        with self._database.transaction() as transaction:
            if event.version > self._lock(transaction, event.stream)["version"]:
                self._park(transaction, event, "unread")

    def fill_gaps(self, read: Read) -> int:
        """Look after what is parked and due: apply it, and what it waits for. Returns how many events were applied."""
        applied = 0
        now = self._clock.now()
        with self._database.transaction() as transaction:
            due = SQL.find_due(transaction, consumer=self._row.name, before=now - GAP_WAIT, now=now)
        for stream in due:
            progress = self._mend(stream["stream"], stream["type"], read)
            if not progress:
                with self._database.transaction() as transaction:
                    SQL.postpone(transaction, consumer=self._row.name, stream_id=stream["stream"], now=now)
            applied += progress
        return applied

    def _mend(self, stream: str, event_type: str, read: Read) -> int:
        """Go on with one stream as far as that is possible. Returns how many events were applied."""
        applied = 0
        try:
            applied += self._drain(stream, again=True)
            with self._database.transaction() as transaction:
                last = SQL.find_missing(transaction, consumer=self._row.name, stream_id=stream)
            for event in read(event_type, stream, last + 1) if last is not None else ():
                applied += self._receive_own(event) == "applied"
            applied += self._drain(stream)
        except MeridianError as error:
            log.warning("the gap of %s in %s waits: %s", self._row.name, stream, error)
        except Exception:
            log.exception("the gap of %s in %s waits", self._row.name, stream)
        return applied

    def _receive_own(self, event: StoredEvent) -> Received:
        """Take an event as its source has it: what is wrong with it is no accident of a delivery."""
        try:
            return self.receive(event)
        except Unreadable as error:
            if self._parks(event, error):
                return "parked"
            raise

    def _passes_over(self, event: StoredEvent) -> bool:
        """Advance the stream by an event of a type that is none of this consumer's: most are, so in one round trip.

        Whatever is not plain (it is known, or early, or something waits) is left to the careful way. An event that is
        parked at the same moment may not be seen here; then the consumer's worker finds it.
        """
        if event.type in (self._row.event or ()):
            return False
        name, stream = self._row.name, event.stream
        try:
            with self._database.statement() as statement:
                return bool(SQL.pass_over(statement, consumer=name, stream_id=stream, version=event.version))
        except Unavailable:
            return False  # an idle connection may have died; the careful way tries the next

    def _take(self, event: StoredEvent) -> tuple[Received, bool]:
        """What became of an event, and whether others are parked behind it."""
        with self._database.transaction() as transaction:
            place = self._lock(transaction, event.stream)
            if event.version <= place["version"]:
                return "known", False
            if event.version > place["version"] + 1 or place["parked"]:
                log.warning("%s waits for what comes before %s version %d", self._row.name, event.stream, event.version)
                self._park(transaction, event, "gap")
                return "parked", False
            return "applied", self._apply(transaction, event)

    def _lock(self, transaction: Transaction, stream: str) -> dict[str, Any]:
        place: dict[str, Any] = SQL.lock_inbox(transaction, consumer=self._row.name, stream_id=stream)
        return place

    def _apply(self, transaction: Transaction, event: StoredEvent) -> bool:
        """The effect, and the stream's advance. Tells whether events of the stream are parked behind it."""
        self._effect(transaction, event)
        name = self._row.name
        return bool(SQL.advance_inbox(transaction, consumer=name, stream_id=event.stream, version=event.version))

    def _effect(self, transaction: Transaction, event: StoredEvent) -> None:
        """The effect, where the type is one that this consumer handles; every type advances the stream."""
        if event.type in (self._row.event or ()):
            follow(event.metadata.get("request_id"), event.metadata.get("traceparent"))
            try:
                message = opened(event)
            except Malformed as error:
                raise Unreadable(error.detail) from error
            self._handle(message, transaction)

    def _park(self, transaction: Transaction, event: StoredEvent, reason: Literal["gap", "unread"]) -> None:
        SQL.park(
            transaction,
            consumer=self._row.name,
            stream_id=event.stream,
            version=event.version,
            reason=reason,
            event=msgspec.json.encode(event).decode(),
            at=self._clock.now(),
        )

    def _parks(self, event: StoredEvent, error: Exception) -> bool:
        """Count a failed attempt; tells whether the event is parked, and so needs no other delivery."""
        try:
            return retried(lambda: self._count(event, error, self._clock.now()))
        except MeridianError as unable:
            log.warning("a failed attempt of %s at %s was not counted: %s", self._row.name, event.stream, unable)
            return False

    def _count(self, event: StoredEvent, error: Exception, now: datetime) -> bool:
        transient = isinstance(error, Unavailable | Contended)
        name, stream = self._row.name, event.stream
        with self._database.transaction() as transaction:
            place = self._lock(transaction, stream)
            if event.version != place["version"] + 1:
                return False  # another delivery has applied it meanwhile; the next one is known
            since = place["failing_since"] or now
            defects = place["defects"] + (not transient)
            parked = bool(now - since >= UNAVAILABLE_FOR if transient else defects >= self._row.attempts)
            stays = parked or place["parked"]
            SQL.count_attempt(transaction, consumer=name, stream_id=stream, defects=defects, since=since, parked=stays)
            if parked:
                SQL.park_failing(
                    transaction,
                    consumer=name,
                    stream_id=stream,
                    version=event.version,
                    reason="unavailable" if transient else "failed",
                    error=summary(error),
                    event=msgspec.json.encode(event).decode(),
                    at=now,
                    retry_at=now + RETRY_FIRST if transient else None,
                )
        if parked:
            log.error("%s parks %s version %d: %s", name, stream, event.version, summary(error), exc_info=not transient)
        return parked

    def _drain(self, stream: str, *, again: bool = False) -> int:
        """Apply what is parked and next in a stream, each event in its own transaction. Returns how many.

        again: try also an event that is parked because what it needs was not there.
        """
        for applied in count():
            taken: list[StoredEvent] = []
            try:
                if not retried(partial(self._unpark, stream, again, taken)):
                    return applied
            except Unreadable:
                self._doubt(taken[-1])
                return applied
            except Exception as error:
                if not taken:
                    raise
                if not self._parks(taken[-1], error):
                    log.warning("%s failed at a parked event of %s: %s", self._row.name, stream, summary(error))
                return applied
        raise AssertionError("count() ends never")

    def _doubt(self, event: StoredEvent) -> None:
        with self._database.transaction() as transaction:
            SQL.doubt(transaction, consumer=self._row.name, stream_id=event.stream, version=event.version)

    def _unpark(self, stream: str, again: bool, taken: list[StoredEvent]) -> bool:
        """Take out the parked event that is next, and apply it; tells whether there was one. It is put into `taken`."""
        with self._database.transaction() as transaction:
            place = self._lock(transaction, stream)
            if place["parked"] and not again:
                return False
            name, last = self._row.name, place["version"]
            SQL.drop_old_parked(transaction, consumer=name, stream_id=stream, version=last)
            parked = SQL.take_parked(transaction, consumer=name, stream_id=stream, version=last + 1)
            if parked is None:
                return False
            taken.append(msgspec.convert(parked["event"], StoredEvent))
            self._apply(transaction, taken[-1])
            return True
