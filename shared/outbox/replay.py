"""Replays events to a consumer: applies those that its inbox is missing, and none a second time.

    python -m functions.main replay --consumer NAME --from TIME|POSITION
    python -m functions.main replay --consumer NAME --from TIME --seek
    python -m functions.main replay --verify

It compares the consumer's inbox with the streams of its sources that have events since a time, or beyond a position in
the source's outbox (0 is the beginning). Missing events are noted; the consumer's worker reads and applies them in
order, whatever is delivered meanwhile. For a row with `replay: rebuild`, a projection, the inbox first forgets the
streams, so that all their events are applied again; such handlers overwrite what they wrote before, and stale rows are
removed. Workers compare consumers all the time (comparison.py); this command is for those who cannot wait, or doubt
what was applied.

If the row receives other cells' events, their stores are compared too; one that cannot be reached is named, and the
exit code is 1.

--seek has the transport redeliver, as far as it retains messages: Pub/Sub's subscriptions seek to a time, a Kafka group
to its offsets at that time, while its consumers are stopped. Use it if the transport, not the consumer, is in doubt;
applied events are recognised by their version and have no second effect.

--verify rebuilds every projection beside the live one and compares them row by row while writes go on. That needs
the code of services, which only functions/main.py may compose.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from shared import requirements
from shared.bus.transport import seek
from shared.errors import Unavailable
from shared.outbox.addressing import stores_of
from shared.outbox.comparison import Comparison
from shared.outbox.redrive import consumer_of
from shared.outbox.source import Sources
from shared.outbox.verify import Projection
from shared.registry import load
from shared.resources import resources


def main(arguments: Sequence[str], projections: Callable[[], Iterable[tuple[str, Projection]]] | None = None) -> int:
    """The command line.

    projections: the projections of all services, each with its service, if the caller can compose them.
    """
    parser = argparse.ArgumentParser(prog="functions.main replay", description="Apply missing events.")
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
        return verify_projections(projections())
    row = consumer_of(chosen.consumer)
    requirements.check_job(resources().settings, row.service)
    since, after = parse_start(chosen.start)
    own, others = resources().settings.cell, resources().settings.other_cells
    if chosen.seek:
        if since is None:
            parser.error("a seek begins at a time")
        back = seek(resources().settings, row.name, load().topics_of(row), since, row.sources(own, others))
        print(f"{back} subscriptions or partitions have gone back to {since.isoformat()}")
        return 0
    failed = 0
    for cell in stores_of(row, own, others):
        sources = Sources(row.service, resources(), cell)
        comparison = Comparison(row, resources().database(row.service), sources.list, resources().clock, own, cell)
        try:
            compared = comparison.replay(since, after)
        except Unavailable as error:
            if cell == own:
                raise
            failed = 1
            print(f"{cell} was not compared: {error.detail}")
        else:
            print(compared if cell == own else f"of {cell}: {compared}")
    return failed


def verify_projections(projections: Iterable[tuple[str, Projection]]) -> int:
    """Verify projections, given with their services, and print differences; returns the exit code."""
    differing = 0
    for service, projection in projections:
        found = projection.verify(resources().database(service))
        print(f"{projection.name}: {found.streams} streams made anew, {len(found.differences)} rows differ")
        for difference in found.differences:
            print(f"  {difference}")
        differing += len(found.differences)
    return 1 if differing else 0


def parse_start(text: str) -> tuple[datetime | None, int]:
    """Parse a time or a position. Raises ValueError if it is neither."""
    if text.isdecimal():
        return None, int(text)
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)), 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
