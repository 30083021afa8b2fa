"""Has a consumer apply what it lacks of what its sources have stored, and no effect a second time.

    python -m shared.outbox.replay --consumer NAME --from TIME|POSITION
    python -m shared.outbox.replay --consumer NAME --from TIME --seek
    python -m functions.main replay --verify

It compares the consumer's inbox with the streams of its sources, those that were added to since a time, or beyond a
position in the source's outbox; 0 is all there is. What the inbox lacks is noted, and the consumer's worker reads and
applies it in order, whatever deliveries do meanwhile. Of a row that says `replay: rebuild`, a projection, the inbox
first forgets the streams, so that all of them is applied again: such a row writes what it has written before, and
whatever else stands there goes. A new consumer is compared with all there is by its worker.

A seek has the transport deliver again, as far as it keeps messages: Pub/Sub's subscriptions go back to a time, a Kafka
group to its offsets of that time, while its consumers are stopped. It serves where the transport, not the consumer, is
in doubt; what was applied is known by its version, and has no second effect.

Verifying makes every projection anew, beside the live one, and compares them row by row while writes go on. That needs
the code of services, which only functions/main.py may compose.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.adapters.clock import Clock
from shared.adapters.postgres import Database
from shared.adapters.resources import resources
from shared.adapters.transport import seek
from shared.contracts.encode import to_json
from shared.contracts.gen.events_pb2 import ListResponse
from shared.outbox.log import SQL
from shared.outbox.redrive import consumer_of
from shared.outbox.source import Sources
from shared.outbox.verify import Projection
from shared.registry import Row, load

Listing = Callable[[str, datetime | None, int], ListResponse]
"""(source, since, position) -> its streams, as Events.List tells them."""


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


class Comparison:
    """A consumer's inbox, beside the stores of its sources."""

    def __init__(self, row: Row, database: Database, listing: Listing, clock: Clock) -> None:
        self._row = row
        self._database = database
        self._listing = listing
        self._clock = clock
        self._sources = sorted({load().owner_of(event_type) for event_type in row.event or ()})

    def replay(self, since: datetime | None, after: int) -> Compared:
        """Compare what was recorded since a time, beyond a position, with the inbox. Raises Unavailable."""
        streams = lacking = 0
        for source in self._sources:
            position, more = after, True
            while more:
                page = self._listing(source, since, position)
                lacking += self._note(source, page)
                streams += len(page.streams)
                position, more = page.position, page.more
        return Compared(streams, lacking, anew=self._row.replay == "rebuild")

    def bootstrap(self) -> bool:
        """Take a step of a new consumer's first comparison; tells whether there is more to do. Raises Unavailable."""
        for source in self._sources:
            with self._database.transaction() as transaction:
                known = SQL.find_compared(transaction, consumer=self._row.name, source=source)
            if known is None or not known["done"]:
                page = self._listing(source, None, known["position"] if known else 0)
                self._note(source, page, asked=known["asked"] if known else 0)
                return True
        return False

    def again(self) -> None:
        """Have the first comparison made once more: the transport may have lost what it had taken, the end of a stream
        too, which no later event would show. Raises Unavailable.
        """
        with self._database.transaction() as transaction:
            for source in self._sources:
                SQL.compare_again(transaction, consumer=self._row.name, source=source)

    def _note(self, source: str, page: ListResponse, asked: int | None = None) -> int:
        """Note what is missing of a page's streams, and in the same transaction how far the comparison has come.

        asked: how often the comparison had been begun again when the page was asked for; None where none is followed.
        """
        name = self._row.name
        listed = [{"stream": each.stream, "type": each.type, "version": each.version} for each in page.streams]
        streams = to_json(sorted(listed, key=lambda each: str(each["stream"]))).decode()
        with self._database.transaction() as transaction:
            SQL.note_inboxes(transaction, consumer=name, streams=streams)
            if self._row.replay == "rebuild" and asked is None:
                SQL.forget_places(transaction, consumer=name, streams=streams)
            lacking = SQL.note_missing(transaction, consumer=name, streams=streams, at=self._clock.now())
            if asked is not None:
                place = {"position": page.position, "done": not page.more, "asked": asked}
                SQL.note_compared(transaction, consumer=name, source=source, **place)
        return len(lacking)


def main(arguments: Sequence[str], projections: Callable[[], Iterable[tuple[str, Projection]]] | None = None) -> int:
    """The command line.

    projections: the projections of all services, each with its service, where they can be composed.
    """
    parser = argparse.ArgumentParser(prog="shared.outbox.replay", description="Apply what a consumer lacks.")
    parser.add_argument("--consumer", choices=sorted(row.name for row in load().event_rows()))
    parser.add_argument("--from", default="0", dest="start", help="a time (RFC 3339) or a position; 0 is all")
    parser.add_argument("--seek", action="store_true", help="have the transport deliver again since a time")
    parser.add_argument("--verify", action="store_true", help="compare every projection with its events")
    chosen = parser.parse_args(arguments)
    if bool(chosen.consumer) == chosen.verify:
        parser.error("name a consumer, or ask to verify")
    if chosen.verify:
        if projections is None:
            parser.error("to verify is `python -m functions.main replay --verify`")
        return verified(projections())
    row = consumer_of(chosen.consumer)
    since, after = beginning(chosen.start)
    if chosen.seek:
        if since is None:
            parser.error("a seek begins at a time")
        back = seek(resources().settings, row.name, load().topics_of(row), since)
        print(f"{back} subscriptions or partitions have gone back to {since.isoformat()}")
        return 0
    sources = Sources(row.service, resources())
    comparison = Comparison(row, resources().database(row.service), sources.list, resources().clock)
    compared = comparison.replay(since, after)
    print(compared)
    return 0


def verified(projections: Iterable[tuple[str, Projection]]) -> int:
    """Verify projections, each of a service, and print what differs; the exit code is 1 when something does."""
    differing = 0
    for service, projection in projections:
        found = projection.verify(resources().database(service))
        print(f"{projection.name}: {found.streams} streams made anew, {len(found.differences)} rows differ")
        for difference in found.differences:
            print(f"  {difference}")
        differing += len(found.differences)
    return 1 if differing else 0


def beginning(text: str) -> tuple[datetime | None, int]:
    """A time or a position, told apart. Raises ValueError when it is neither."""
    if text.isdecimal():
        return None, int(text)
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)), 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
