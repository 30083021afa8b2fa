"""The sample sale, as `make run` plays it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from emulators.demo import report, sale
from emulators.demo.runner import sites_of
from emulators.stack.progress import ProgressBars
from emulators.stack.stack import Stack
from tests.bench.goals import Measurement


def sample_sale() -> Iterator[Measurement]:
    """sample_sale_orders_per_second, in the order phase, and sample_sale_seconds, of the whole sale.

    600 buyers sign in, are funded, order one unit each of 3 x 100, are paid, and claim twice at once, through a client
    written with httpx in this process, on a fresh stack with its default settings. There is no other side, and one
    round: it is what a newcomer sees. Raises RuntimeError if an invariant is broken.
    """
    size, bars = sale.Size(), ProgressBars(Console(quiet=True))
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), free_ports=True) as stack,
        sale.connections(stack.edge_url, size.at_once) as client,
    ):
        result = sale.run(client, size, bars)
        found = report.read_back(result, sites_of(stack))
    if found.failures:
        raise RuntimeError(f"the sale broke an invariant: {'; '.join(found.failures)}")
    detail = f"{found.order_p50_ms:.0f} ms median, {found.order_p99_ms:.0f} ms p99"
    yield Measurement("sample_sale_orders_per_second", [found.orders_per_second], detail)
    yield Measurement("sample_sale_seconds", [found.seconds])
