"""What three regions make of a CPU second, beside one region."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
RATE: Final = 5.0
"""Orders a second in each region, where they are paced: three regions are not near their limit, nor is any idle."""

PACED_SECONDS: Final = 6.0
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

    def play(self, resting: float) -> float:
        """Orders in a CPU second, of a number that are placed, as many at a time as the stack was opened for.

        resting: the CPU seconds of an idle second, which are subtracted.
        """
        return self._settled(resting, ORDERS, lambda pool: list(pool.map(self._order, self._next(ORDERS))))

    def play_paced(self, resting: float) -> float:
        """The same of orders that come at RATE in each region, however many are under way."""
        rate = RATE * len(self._sites)
        orders = int(rate * PACED_SECONDS)

        def place(pool: ThreadPoolExecutor) -> None:
            began, placed = time.monotonic(), []
            for number, buyer in enumerate(self._next(orders)):
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
                placed.append(pool.submit(self._order, buyer))
            for each in placed:
                each.result()

        return self._settled(resting, orders, place)

    def _settled(self, resting: float, orders: int, place: Callable[[ThreadPoolExecutor], object]) -> float:
        """Orders in a CPU second, until all of them are settled: paid, units sold, claims open."""
        began, before, claims = time.monotonic(), self.cpu(), self._count("claiming", CLAIMS)
        with ThreadPoolExecutor(self._at_once) as pool:
            place(pool)
        until(lambda: self._count("claiming", CLAIMS) - claims, lambda found: found >= orders, SETTLE_SECONDS)
        for service, sql in UNSETTLED.items():
            until(lambda of=service, ask=sql: self._count(of, ask), lambda left: left == 0, SETTLE_SECONDS)  # type: ignore[misc]
        return orders / (self.cpu() - before - resting * (time.monotonic() - began))

    def _next(self, count: int) -> Iterator[ApiUser]:
        return itertools.islice(self._buyers, count)

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

    Orders of one supply whose merchant is at home in the first region, by buyers of that region alone, and by those of
    three. CPU time is that of all of a stack's processes, the emulators among them.

    The more is bought at once in a region, the more orders share statements, messages and commits, and the less each
    costs. So what regions cost is seen where each is as busy as the one: with as many orders a second. With as many
    orders under way in all (`..._same_load_in_all`), each of three regions has a third of them, and less to share.
    """
    one, three = list(_rounds(1)), list(_rounds(REGIONS))
    for name, mine, theirs in zip(
        ("", "_same_load_in_all"), zip(*one, strict=True), zip(*three, strict=True), strict=True
    ):
        ratios = [there / here for here, there in zip(mine, theirs, strict=True)]
        medians = f"{statistics.median(theirs):.1f} orders a CPU second, one region {statistics.median(mine):.1f}"
        yield Measurement(f"orders_per_cpu_second_three_regions_vs_one{name}", ratios, medians)


def _rounds(count: int) -> Iterator[tuple[float, float]]:
    """Orders in a CPU second of so many regions, in rounds: at a rate in each, and with as many under way in all."""
    with opened(count) as regions:
        regions.play(0.0)  # every process connects, imports and prepares what an order needs
        resting = regions.idle()
        for _ in range(ROUNDS):
            yield regions.play_paced(resting), regions.play(resting)


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
