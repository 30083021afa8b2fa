"""Reconciles a consumer's inbox with the event stores of its sources, so that no event is lost, whoever loses it.

A transport may lose accepted messages, even the last ones of a stream, which no later event would reveal. So every
COMPARE_EVERY each consumer looks for events of the types it handles, beyond the position it has compared so far and up
to a ceiling below which no event can still appear. Missing events are noted in `parked`; its worker reads them from the
source and applies them in order. If nothing is missing, nothing is written.

The ceiling: positions are assigned before their transactions commit, so one below the newest may appear later. A
source reports the last position it has assigned; after SETTLED_AFTER, longer than any transaction can live,
everything up to it is committed or never will be. It is longer still because a transport with a backlog delivers by
itself, and at less cost, what is under way.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.contracts.encode import to_json
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.errors import MeridianError
from shared.outbox.addressing import receives
from shared.outbox.log import SQL
from shared.postgres.connect import TRANSACTION_SECONDS
from shared.postgres.database import Database
from shared.registry import Row, load

log = logging.getLogger(__name__)

COMPARE_EVERY: Final = timedelta(minutes=1)
"""How often a consumer is compared with its sources."""

SETTLED_AFTER: Final = timedelta(seconds=TRANSACTION_SECONDS + 70)
"""How long after a source reported a last position all up to it are settled."""

PAGES_KEPT: Final = 10
"""After so many pages without a missing event the position is stored: the most that a restarted worker repeats."""

Listing = Callable[[str, ListRequest], ListResponse]
"""(source, request) -> a page of its streams, as returned by Events.List."""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """How many streams were compared, and in how many something was missing."""

    streams: int
    lacking: int
    anew: bool = False
    """Whether the projection is rebuilt, so that all events are applied again."""

    def __str__(self) -> str:
        if self.anew:
            return f"{self.lacking} streams are applied anew"
        return f"{self.streams} streams compared, {self.lacking} of them lack events, which will be read"


@dataclass(slots=True)
class _SourceProgress:
    """How far a source has been compared; `stored` is the position in the database."""

    position: int
    stored: int
    pages: int = 0
    marks: list[tuple[datetime, int]] = field(default_factory=list)
    """The source's reported last positions, each with the time of the report, oldest first."""

    def ceiling(self, now: datetime) -> int:
        """The position up to which all events are known to be settled."""
        settled = [last for at, last in self.marks if now - at >= SETTLED_AFTER]
        self.marks = self.marks[max(0, len(settled) - 1) :]
        return max(settled, default=0)


class Comparison:
    """Compares one consumer's inbox with the stores of its sources in one cell.

    Cells are compared apart, so that one that cannot be reached holds up no other.
    """

    def __init__(
        self,
        row: Row,
        database: Database,
        listing: Listing,
        clock: Clock,
        own: str | None = None,
        cell: str | None = None,
    ) -> None:
        """
        listing: asks the sources.
        own: the inbox's cell; needed where the row receives other cells' events.
        cell: the sources' cell, if that is another one.
        """
        if own is None and row.cells != "own":
            raise ValueError(f"{row.name} receives other cells' events: which is its own?")
        self._own = own
        self._cell = cell
        self._row = row
        self._database = database
        self._listing = listing
        self._clock = clock
        self.sources = sorted({load().owner_of(event_type) for event_type in row.event or ()})
        """The services that own the streams."""
        self._places: dict[str, _SourceProgress] = {}
        self._due: datetime | None = None

    def replay(self, since: datetime | None, after: int) -> ComparisonResult:
        """Compare events recorded since a time, beyond a position, with the inbox. Raises Unavailable."""
        streams = lacking = 0
        for source in self.sources:
            for page in self._pages(source, ListRequest(since=since, after=after)):
                lacking += self._note(page, anew=self._row.replay == "rebuild")
                streams += len(page.streams)
        return ComparisonResult(streams, lacking, anew=self._row.replay == "rebuild")

    def catch_up(self) -> list[tuple[str, str]]:
        """Compare all that the sources have with the inbox, and note what it lacks: streams, each with a type of event.

        For a store that was promoted, into which nobody else writes yet. Raises Unavailable.
        """
        found: list[tuple[str, str]] = []
        for source in self.sources:
            for page in self._pages(source, ListRequest(after=self.position(source))):
                if lacking := self._lacking(page):
                    self._note(page)
                    types = {each.stream: each.type for each in page.streams}
                    found += [(stream, types[stream]) for stream, _ in lacking]
        return found

    def follow(self) -> int:
        """Compare what has settled since the last run, if that is due. Returns how many streams lack events.

        A source that does not respond is left for the next run, without holding up the others.
        """
        now = self._clock.now()
        if self._due is not None and now < self._due:
            return 0
        self._due = now + COMPARE_EVERY
        lacking = 0
        for source in self.sources:
            try:
                lacking += self._follow(source)
            except MeridianError as error:
                log.warning("%s is compared with %s later: %s", self._row.name, source, error)
        return lacking

    def unapplied(self, before: datetime) -> Iterator[tuple[str, int]]:
        """The streams with unapplied events from before a time, with their last versions. Raises Unavailable."""
        for source in self.sources:
            for page in self._pages(source, ListRequest(after=self.position(source), before=before)):
                yield from self._lacking(page)

    def _follow(self, source: str) -> int:
        if source not in self._places:
            stored = self.position(source)
            self._places[source] = _SourceProgress(stored, stored)
        place = self._places[source]
        until = max(place.position, place.ceiling(self._clock.now()))
        lacking = 0
        for number, page in enumerate(self._pages(source, ListRequest(after=place.position, until=until))):
            if number == 0:
                place.marks.append((self._clock.now(), page.last))
            place.pages += page.position > place.position
            if place.pages >= PAGES_KEPT or self._lacking(page):
                lacking += self._note(page, source=source)
                place.pages, place.stored = 0, page.position
            place.position = page.position
        if lacking:
            log.warning("%s lacked events of %d streams of %s", self._row.name, lacking, source)
        return lacking

    def _pages(self, source: str, request: ListRequest) -> Iterator[ListResponse]:
        """Pages of a source's streams, of the types that this consumer handles."""
        request.types.extend(self._row.event or ())
        if self._row.receiver:
            request.receiver_field, request.receiver = self._row.receiver, self._own or ""
        more = True
        while more:
            page = self._listing(source, request)
            self._drop_foreign(page)
            yield page
            request.after, more = page.position, page.more

    def _drop_foreign(self, page: ListResponse) -> None:
        """Drop the streams that this consumer does not receive from there."""
        own = self._own
        if own is not None and self._row.cells != "own":
            kept = [each for each in page.streams if receives(self._row, each.stream, own, self._cell or own)]
            del page.streams[:]
            page.streams.extend(kept)

    def newer(self, source: str, after: int) -> tuple[dict[str, int], int]:
        """The last versions of the streams with events beyond a position, and the position that the source has come to.

        Raises Unavailable.
        """
        found: dict[str, int] = {}
        for page in self._pages(source, ListRequest(after=after)):
            found |= {each.stream: each.version for each in page.streams}
            after = max(after, page.position)
        return found, after

    def unapplied_of(self, streams: Mapping[str, int]) -> dict[str, int]:
        """Those of these streams that this consumer has not applied up to the given versions."""
        page = ListResponse(streams=[ListResponse.Stream(stream=name, version=streams[name]) for name in streams])
        return dict(self._lacking(page))

    def position(self, source: str) -> int:
        """The position up to which a source was compared, as stored."""
        with self._database.transaction() as transaction:
            return int(SQL.find_compared(transaction, consumer=self._row.name, source=self.named(source)) or 0)

    def named(self, source: str) -> str:
        """How a source is named where positions are stored."""
        return source if self._cell in (None, self._own) else f"{source}@{self._cell}"

    def _lacking(self, page: ListResponse) -> list[tuple[str, int]]:
        """The streams of a page that this consumer has not fully applied, and their last versions."""
        if not page.streams:
            return []
        with self._database.transaction() as transaction:
            rows = SQL.find_lacking(transaction, consumer=self._row.name, streams=_streams(page))
        return [(row["stream"], row["version"]) for row in rows]

    def _note(self, page: ListResponse, source: str | None = None, *, anew: bool = False) -> int:
        """Note the missing events of a page's streams and, in the same transaction, the comparison's position.

        source: the source whose position is stored; None to store none.
        """
        name, streams = self._row.name, _streams(page)
        with self._database.transaction() as transaction:
            SQL.note_inboxes(transaction, consumer=name, streams=streams)
            if anew:
                SQL.forget_places(transaction, consumer=name, streams=streams)
            lacking = SQL.note_missing(transaction, consumer=name, streams=streams, at=self._clock.now())
            if source is not None:
                SQL.note_compared(transaction, consumer=name, source=self.named(source), position=page.position)
        return len(lacking)


def _streams(page: ListResponse) -> str:
    listed = [{"stream": each.stream, "type": each.type, "version": each.version} for each in page.streams]
    return to_json(sorted(listed, key=lambda each: str(each["stream"]))).decode()
