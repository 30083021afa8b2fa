"""Compares a consumer's inbox with the stores of its sources: nothing is lost, whoever loses it.

A transport may lose what it had taken, and the end of a stream too, which no later event would show. So each consumer
compares itself for ever: every EVERY it looks for events of the types that it handles, beyond the position up to which
it has compared and up to a ceiling below which no event can be missing any more. What it lacks is noted in `parked`,
and its worker reads it from the source and applies it in order. Where nothing lacks nothing is written.

The ceiling: positions are given out before their transactions commit, so that one below the newest may appear later. A
source tells the last position that it has given out; once SETTLED has passed since, longer than a transaction can live,
all up to it are committed or will never be. It is longer still: a transport with a backlog brings by itself, and at
less cost, what is on its way.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.adapters.clock import Clock
from shared.adapters.connect import TRANSACTION_SECONDS
from shared.adapters.postgres import Database
from shared.contracts.encode import to_json
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.errors import MeridianError
from shared.outbox.log import SQL
from shared.registry import Row, load

log = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=1)
"""How often a consumer compares itself with its sources."""

SETTLED: Final = timedelta(seconds=TRANSACTION_SECONDS + 70)
"""How old a reading of the last position is when all up to it are settled."""

PAGES_KEPT: Final = 10
"""After so many pages without a lack it is written down how far they go: what a worker that begins anew repeats."""

Listing = Callable[[str, ListRequest], ListResponse]
"""(source, what) -> its streams, as Events.List tells them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How many streams were compared, and of how many something was missing."""

    streams: int
    lacking: int
    anew: bool = False
    """Whether what they had been applied to is made anew."""

    def __str__(self) -> str:
        if self.anew:
            return f"{self.lacking} streams are applied anew"
        return f"{self.streams} streams compared, {self.lacking} of them lack something, which is on its way"


@dataclass(slots=True)
class _Place:
    """How far a consumer has come with a source; `stored` of it is written down."""

    position: int
    stored: int
    pages: int = 0
    marks: list[tuple[datetime, int]] = field(default_factory=list)
    """Readings of the source's last position, each with when it was known, oldest first."""

    def ceiling(self, now: datetime) -> int:
        """The position up to which all events are settled, as far as it is known."""
        settled = [last for at, last in self.marks if now - at >= SETTLED]
        self.marks = self.marks[max(0, len(settled) - 1) :]
        return max(settled, default=0)


class Comparison:
    """A consumer's inbox, beside the stores of its sources."""

    def __init__(self, row: Row, database: Database, listing: Listing, clock: Clock) -> None:
        self._row = row
        self._database = database
        self._listing = listing
        self._clock = clock
        self._sources = sorted({load().owner_of(event_type) for event_type in row.event or ()})
        self._places: dict[str, _Place] = {}
        self._due: datetime | None = None

    def replay(self, since: datetime | None, after: int) -> Compared:
        """Compare what was recorded since a time, beyond a position, with the inbox. Raises Unavailable."""
        streams = lacking = 0
        for source in self._sources:
            for page in self._pages(source, ListRequest(since=since, after=after)):
                lacking += self._note(page, anew=self._row.replay == "rebuild")
                streams += len(page.streams)
        return Compared(streams, lacking, anew=self._row.replay == "rebuild")

    def follow(self) -> int:
        """Compare what has settled since the last time, where that is long enough ago. Returns how many streams lack.

        A source that does not answer is left for the next time, and keeps none of the others.
        """
        now = self._clock.now()
        if self._due is not None and now < self._due:
            return 0
        self._due = now + EVERY
        lacking = 0
        for source in self._sources:
            try:
                lacking += self._follow(source)
            except MeridianError as error:
                log.warning("%s is compared with %s later: %s", self._row.name, source, error)
        return lacking

    def unapplied(self, before: datetime) -> Iterator[tuple[str, int]]:
        """The streams of which what was recorded before a time is not applied, each with the version that is missing.

        It changes nothing. Raises Unavailable.
        """
        for source in self._sources:
            for page in self._pages(source, ListRequest(after=self._stored(source), before=before)):
                yield from self._lacking(page)

    def _follow(self, source: str) -> int:
        if source not in self._places:
            stored = self._stored(source)
            self._places[source] = _Place(stored, stored)
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
        """What a source has, of the types that this consumer handles."""
        request.types.extend(self._row.event or ())
        more = True
        while more:
            page = self._listing(source, request)
            yield page
            request.after, more = page.position, page.more

    def _stored(self, source: str) -> int:
        with self._database.transaction() as transaction:
            return int(SQL.find_compared(transaction, consumer=self._row.name, source=source) or 0)

    def _lacking(self, page: ListResponse) -> list[tuple[str, int]]:
        """The streams of a page of which this consumer has not come so far, and how far they go."""
        if not page.streams:
            return []
        with self._database.transaction() as transaction:
            rows = SQL.find_lacking(transaction, consumer=self._row.name, streams=_streams(page))
        return [(row["stream"], row["version"]) for row in rows]

    def _note(self, page: ListResponse, source: str | None = None, *, anew: bool = False) -> int:
        """Note what is missing of a page's streams, and in the same transaction how far the comparison has come.

        source: where that is to be written down.
        """
        name, streams = self._row.name, _streams(page)
        with self._database.transaction() as transaction:
            SQL.note_inboxes(transaction, consumer=name, streams=streams)
            if anew:
                SQL.forget_places(transaction, consumer=name, streams=streams)
            lacking = SQL.note_missing(transaction, consumer=name, streams=streams, at=self._clock.now())
            if source is not None:
                SQL.note_compared(transaction, consumer=name, source=source, position=page.position)
        return len(lacking)


def _streams(page: ListResponse) -> str:
    listed = [{"stream": each.stream, "type": each.type, "version": each.version} for each in page.streams]
    return to_json(sorted(listed, key=lambda each: str(each["stream"]))).decode()
