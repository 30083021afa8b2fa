"""Runs the benches and prints the results: `make bench`, or `make bench ARGS=token` for those with that word.

The exit code is 1 when a required ratio was not reached.
"""

import sys
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench import identity, ledger, reads, redis_pipeline, relay, transports
from tests.bench.comparison import Comparison

BENCHES: Final[list[Callable[[], Comparison]]] = [
    identity.sign_in_verification,
    identity.token_verification,
    ledger.transfer,
    ledger.transfer_in_python,
    redis_pipeline.pipeline_on_a_server,
    redis_pipeline.pipeline_on_a_cluster,
    reads.cached_supply,
    reads.cached_order,
    reads.cached_claim,
    reads.cached_supply_or_no_cache,
    reads.cached_order_or_no_cache,
    reads.cached_claim_or_no_cache,
    relay.relay,
    relay.commit_to_handler,
    transports.kafka_beside_push,
]


def main(words: list[str]) -> int:
    """Run the benches whose name contains every word."""
    console = Console()
    table = Table("bench", "ours /s", "compared with", "/s", "ratio", "required")
    chosen = [bench for bench in BENCHES if all(word in bench.__name__ for word in words)]
    if not chosen:
        names = ", ".join(bench.__name__ for bench in BENCHES)
        sys.exit(f"No bench has {' and '.join(words)} in its name: there are {names}.")
    passed = True
    for bench in chosen:
        with console.status(bench.__name__):
            found = bench()
        passed = passed and found.passed
        ratio = f"[{'green' if found.passed else 'red'}]{found.ratio:.1f}x"
        figures = (f"{found.ours:,.0f}", found.other_name, f"{found.other:,.0f}")
        table.add_row(found.name, *figures, ratio, f"{found.at_least:g}x" if found.at_least else "")
    console.print(table)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
