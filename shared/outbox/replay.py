"""Has a consumer apply what it lacks of what its sources have stored, and no effect a second time.

    python -m shared.outbox.replay --consumer NAME --from TIME|POSITION
    python -m shared.outbox.replay --consumer NAME --from TIME --seek
    python -m functions.main replay --verify

It compares the consumer's inbox with the streams of its sources, those that were added to since a time, or beyond a
position in the source's outbox; 0 is all there is. What the inbox lacks is noted, and the consumer's worker reads and
applies it in order, whatever deliveries do meanwhile. Of a row that says `replay: rebuild`, a projection, the inbox
first forgets the streams, so that all of them is applied again: such a row writes what it has written before, and
whatever else stands there goes. Workers compare consumers all the time (comparison.py); this is for who cannot wait, or
doubts what was applied.

A seek has the transport deliver again, as far as it keeps messages: Pub/Sub's subscriptions go back to a time, a Kafka
group to its offsets of that time, while its consumers are stopped. It serves where the transport, not the consumer, is
in doubt; what was applied is known by its version, and has no second effect.

Verifying makes every projection anew, beside the live one, and compares them row by row while writes go on. That needs
the code of services, which only functions/main.py may compose.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from shared.adapters.resources import resources
from shared.adapters.transport import seek
from shared.outbox.comparison import Comparison
from shared.outbox.redrive import consumer_of
from shared.outbox.source import Sources
from shared.outbox.verify import Projection
from shared.registry import load


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
