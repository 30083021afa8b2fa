"""Runs the benches and prints the results: `make bench`, or `make bench ARGS=pgledger` for the rows with that word.

    --markdown      print the table in Markdown, for a document
    --large         only what is measured on a preloaded stack (`make bench-large`)
    --list          print the rows

The results are also in .local/bench.json and .local/bench.md. The exit code is 1 when a row is below FLOOR of its goal
(goals.py) or could not be measured.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from emulators.stack.environment import EVENT_BUS, EVENT_DELIVERY, KAFKA, PULL
from tests.bench import (
    cost,
    identity,
    large,
    ledger,
    orders,
    processes,
    reads,
    redis_pipeline,
    regions,
    relay,
    reserve,
    results,
    sample_sale,
    tracing,
    transports,
)
from tests.bench.comparison import Comparison
from tests.bench.goals import Measurement
from tests.bench.shop import Shop, open_shop
from tests.chain import REDEEMED_AT_ONCE

FOLDER: Final = Path(".local")
KAFKA_CPU: Final = "cpu_paid_order_vs_hello_kafka"
THREE_REGIONS: Final = "orders_per_cpu_second_three_regions_vs_one"
PULL_CPU: Final = "cpu_paid_order_vs_hello_pull"

Found = Comparison | Measurement | Iterable[Measurement]


@dataclass(frozen=True)
class Bench:
    """What measures some rows of goals.py."""

    rows: tuple[str, ...]
    run: Callable[[Any], Found]


@dataclass(frozen=True)
class Venue:
    """What several benches share while they run; it is opened if one of them was chosen, and passed to each."""

    opened: Callable[[], AbstractContextManager[Any]]
    benches: tuple[Bench, ...]


def _alone(name: str, run: Callable[[], Found]) -> Bench:
    return Bench((name,), lambda _: run())


def _of_orders(name: str, run: Callable[[Shop], Found]) -> Bench:
    return Bench((name,), run)


CACHED: Final = tuple(f"cached_{each}{end}" for each in ("supply", "order", "claim") for end in ("", "_or_no_cache"))

VENUES: Final = (
    Venue(
        nullcontext,
        (
            Bench(("sample_sale_orders_per_second", "sample_sale_seconds"), lambda _: sample_sale.sample_sale()),
            Bench((THREE_REGIONS, f"{THREE_REGIONS}_same_load_in_all"), lambda _: regions.three_regions()),
            _alone("sign_in_verification", identity.sign_in_verification),
            _alone("token_verification", identity.token_verification),
            _alone("pipeline_on_a_server", redis_pipeline.pipeline_on_a_server),
            _alone("pipeline_on_a_cluster", redis_pipeline.pipeline_on_a_cluster),
        ),
    ),
    Venue(
        lambda: open_shop(REDEEMED_AT_ONCE),
        (
            Bench(("cpu_paid_order_vs_hello", "wal_kb_per_paid_order"), cost.cpu_and_wal),
            Bench(("commits_per_order_alone", "commits_per_order_in_batches"), cost.commits),
            _of_orders("pushes_per_claimed_order", cost.pushes_to_completed),
            Bench(
                (
                    "create_order_http_vs_hello",
                    "create_order_http_vs_hello_16_supplies",
                    "get_supply_http_vs_hello",
                    "bound_create_order_http_vs_hello",
                    "bound_health_http_vs_hello",
                ),
                orders.over_http,
            ),
            _of_orders("paid_vs_confirmed", orders.paid_vs_confirmed),
            Bench(("cold_start_vs_hello_create_order", "cold_start_vs_hello_capture_hold"), processes.cold_starts),
            _of_orders("function_rss_mb", processes.memory),
            Bench(("tracing_cached_read", "tracing_create_order"), tracing.cost_of_tracing),
            Bench(CACHED, lambda shop: reads.cached_reads(shop.stack)),
            Bench(("reserve_vs_naive", "reserve_vs_pgbench_insert"), lambda shop: reserve.reservations(shop.stack)),
        ),
    ),
    Venue(
        lambda: open_shop({EVENT_BUS: KAFKA}),
        (Bench((KAFKA_CPU,), lambda shop: cost.cpu_and_wal(shop, KAFKA_CPU)),),
    ),
    Venue(
        lambda: open_shop({EVENT_DELIVERY: PULL}),
        (Bench((PULL_CPU,), lambda shop: cost.cpu_and_wal(shop, PULL_CPU)),),
    ),
    Venue(
        nullcontext,
        (
            _alone("relay", relay.relay),
            _alone("commit_to_handler", relay.commit_to_handler),
            _alone("kafka_beside_push", transports.kafka_beside_push),
            Bench(
                (
                    *("transfer_uniform_vs_tpcb", "transfer_hot_vs_naive", "transfer_vs_pgledger_uniform"),
                    *("transfer_vs_pgledger_hot", "transfer_in_python"),
                ),
                lambda _: ledger.transfers(),
            ),
        ),
    ),
)

LARGE: Final = (Venue(nullcontext, (_alone("cost_per_order_large_vs_empty", large.cost_per_order),)),)


def chosen(venues: Sequence[Venue], words: Sequence[str]) -> list[Venue]:
    """The venues with those benches that have a row with every word in its name."""

    def fits(bench: Bench) -> bool:
        return any(all(word in row for word in words) for row in bench.rows)

    found = [Venue(venue.opened, tuple(bench for bench in venue.benches if fits(bench))) for venue in venues]
    return [venue for venue in found if venue.benches]


def measure(venues: Iterable[Venue], console: Console) -> Iterator[Measurement | None]:
    """Run benches; None for one that failed, whose error is printed."""
    for venue in venues:
        with venue.opened() as shared:
            for bench in venue.benches:
                began = time.monotonic()
                try:
                    with console.status(", ".join(bench.rows)):
                        found = measurements_of(bench.run(shared))
                except Exception:  # noqa: BLE001 - the others are measured all the same
                    console.print(f"[red]{', '.join(bench.rows)}: not measured[/red]")
                    traceback.print_exc()
                    yield None
                    continue
                console.print(f"{', '.join(bench.rows)}: {time.monotonic() - began:.0f} s", style="dim")
                yield from found


def measurements_of(found: Found) -> list[Measurement]:
    """What a bench has found, as measurements."""
    if isinstance(found, Comparison):
        return [found.measurement]
    return [found] if isinstance(found, Measurement) else list(found)


def main(arguments: list[str]) -> int:
    """Run the benches that were asked for, print and store what they find."""
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measures what Meridian promises.")
    parser.add_argument("words", nargs="*", help="measure only rows with all these words in their names")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--large", action="store_true", help="measure on a preloaded stack")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    given = parser.parse_args(arguments)
    venues = chosen(LARGE if given.large else VENUES, given.words)
    names = [row for venue in venues for bench in venue.benches for row in bench.rows]
    if not names:
        sys.exit(f"No row has {' and '.join(given.words)} in its name: see --list.")
    if given.list:
        print("\n".join(names))
        return 0
    for variable in (EVENT_BUS, EVENT_DELIVERY):  # each bench says which transport it measures
        os.environ.pop(variable, None)
    console = Console(stderr=given.markdown)
    found = list(measure(venues, console))
    measured = [each for each in found if each is not None]
    results.show(measured, console)
    results.store(measured, FOLDER)
    if given.markdown:
        print(results.markdown(measured), end="")
    return int(len(measured) < len(found) or any(each.failed for each in measured))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
