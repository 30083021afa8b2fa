"""What three regions make of a CPU second, beside one region."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from emulators.demo import sale
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.runner import sites_of
from emulators.stack.environment import NO_STANDBYS, STANDBYS
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.registry import load
from shared.resources import Resources
from tests.bench.comparison import ROUNDS
from tests.bench.goals import Measurement
from tests.bench.served import cpu_seconds

ORDERS: Final = 96
"""Of a play, by buyers of every region in turn."""

BUYERS: Final = 24
AT_ONCE: Final = 12
REGIONS: Final = 3
UNITS: Final = 1_000_000
PRICE: Final = 1_000
FUNDS: Final = 10**12
IDLE_SECONDS: Final = 15.0
"""So long is measured what a stack uses that nobody uses: several rounds of all that polls."""

SETTLE_SECONDS: Final = 240.0
POLL_SECONDS: Final = 0.5

UNSETTLED: Final = {
    "order": "SELECT count(*) AS many FROM orders WHERE status IN ('pending', 'confirmed')",
    "supply": "SELECT count(*) AS many FROM reservations WHERE status = 'reserved'",
}
CLAIMS: Final = "SELECT count(*) AS many FROM claims"


class Regions:
    """A running stack, its buyers, and what it has done."""

    def __init__(self, stack: Stack, buyers: Sequence[ApiUser], supply_id: str, at_once: int) -> None:
        """at_once: how many orders are under way at a time."""
        self.stack = stack
        self.polls = 0
        """How many statements, each a commit of its own, have looked into its databases."""
        self._at_once = at_once
        self._buyers = itertools.cycle(buyers)
        self._supply_id = supply_id
        self._sites: list[Resources] = list(sites_of(stack).values())
        self._processes = [psutil.Process(each.pid) for each in stack.status() if each.pid]

    def cpu(self) -> float:
        """The CPU seconds of all its processes so far."""
        return sum(cpu_seconds(process) for process in self._processes)

    def idle(self) -> float:
        """The CPU seconds that it uses in a second while nobody does anything."""
        before = self.cpu()
        time.sleep(IDLE_SECONDS)
        return (self.cpu() - before) / IDLE_SECONDS

    def play(self, resting: float, at_once: int = 0) -> float:
        """Orders in a CPU second, of a number that are placed and settled: paid, units sold, claims open.

        resting: the CPU seconds of an idle second, which are subtracted. at_once: how many orders are under way at a
        time, if not as many as the stack was opened for.
        """
        began, before, claims = time.monotonic(), self.cpu(), self._count("claiming", CLAIMS)
        with ThreadPoolExecutor(at_once or self._at_once) as pool:
            list(pool.map(self._order, itertools.islice(self._buyers, ORDERS)))
        until(lambda: self._count("claiming", CLAIMS) - claims, lambda found: found >= ORDERS, SETTLE_SECONDS)
        for service, sql in UNSETTLED.items():
            until(lambda of=service, ask=sql: self._count(of, ask), lambda left: left == 0, SETTLE_SECONDS)  # type: ignore[misc]
        return ORDERS / (self.cpu() - before - resting * (time.monotonic() - began))

    def _order(self, buyer: ApiUser) -> None:
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": self._supply_id, "quantity": 1}]}
        buyer.send_with_retries("POST", "/v1/orders", body, key=fresh_key()).raise_for_status()

    def _count(self, service: str, sql: str) -> int:
        time.sleep(POLL_SECONDS)  # each look costs the stack a little
        count = 0
        for resources in self._sites:
            self.polls += 1
            with resources.database(service).statement() as reading:
                count += int(reading.run(sql, {})[0]["many"])
        return count


def three_regions() -> Iterator[Measurement]:
    """orders_per_cpu_second_three_regions_vs_one: without standbys, what an idle stack uses subtracted.

    The same orders, of one supply whose merchant is at home in the first region, by buyers of that region alone, and by
    those of three. CPU time is that of all of a stack's processes, the emulators among them.

    With as many orders under way in all, a region has a third of them, and shares its statements, messages and commits
    among a third. So the same is measured with as many in each region too, which shows what regions themselves cost.
    """
    ones = [AT_ONCE, AT_ONCE // REGIONS]
    one = list(_rounds(1, ones))
    three = [played for (played,) in _rounds(REGIONS, [AT_ONCE])]
    for name, mine in zip(("", "_equal_load_each"), zip(*one, strict=True), strict=True):
        ratios = [there / here for here, there in zip(mine, three, strict=True)]
        medians = f"{statistics.median(three):.1f} orders a CPU second, one region {statistics.median(mine):.1f}"
        yield Measurement(f"orders_per_cpu_second_three_regions_vs_one{name}", ratios, medians)


def _rounds(count: int, loads: Sequence[int]) -> Iterator[list[float]]:
    """What so many regions do with so many orders under way, in rounds."""
    with opened(count) as regions:
        regions.play(0.0)  # every process connects, imports and prepares what an order needs
        resting = regions.idle()
        for _ in range(ROUNDS):
            yield [regions.play(resting, at_once) for at_once in loads]


@contextmanager
def opened(count: int, at_once: int = AT_ONCE) -> Iterator[Regions]:
    """Start a stack of so many regions on free ports, with buyers in each and one supply, at home in the first.

    at_once: how many orders are to be under way at a time, in all regions together.
    """
    names = tuple(load().regions[:count])
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), free_ports=True, regions=names, overrides={STANDBYS: NO_STANDBYS}) as stack,
        sale.connections(stack.edge_url, at_once) as client,
    ):
        merchant = ApiUser(client, near=names[0]).sign_in_with_retries()
        terms = {"title": "Bench", "currency": "USDC", "unit_price": str(PRICE), "quantity": UNITS, "status": "active"}
        supply_id = merchant.post("/v1/supplies", terms, key=fresh_key())["id"]
        path = f"/v1/supplies/{supply_id}/eligibility"
        buyers = [ApiUser(client, near=names[n % count]).sign_in_with_retries() for n in range(BUYERS)]
        for buyer in buyers:
            buyer.retrying.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
            until(lambda of=buyer: of.request("GET", path).status_code, lambda status: status == 200, 60)  # type: ignore[misc]
        yield Regions(stack, buyers, supply_id, at_once)
