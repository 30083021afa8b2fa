"""One run: a world with cells, buyers and faults, all drawn from a seed.

python -m tests.shared.cells.simulation.run SEED [BUG]     replays a seed
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from shared.cells.gate import GateRow
from shared.cells.quota import SHARES_FROM, Account
from shared.cells.words import Mode
from tests.shared.cells.simulation.checks import Checks
from tests.shared.cells.simulation.faults import inject
from tests.shared.cells.simulation.server import Entry, Server
from tests.shared.cells.simulation.shop import Shop
from tests.shared.cells.simulation.world import CELLS, REGIONS, Violation, World

HEALED_AFTER = 18.0
LONGEST = 110.0
CHECK_EVERY = 2.0


@dataclass
class Buyer:
    """Somebody who wants so many units as the limit allows, and insists."""

    world: World
    sites: dict[tuple[str, str], Shop]
    checks: Checks
    name: str
    cell: str
    region: str
    tries: int = 0
    key: str = ""
    claiming: bool = False
    cancelling: bool = False
    patience: float = 1.0

    def act(self) -> None:
        """Try the next step, or the last one again."""
        world = self.world
        world.at(world.rng.uniform(0.4, 1.4) * self.patience, self.act)
        region = world.serving(self.region, self.cell)
        shop = self.sites[self.cell, region]
        if not self.key:
            self.tries += 1
            self.key = f"{self.name}-{self.tries}"
        if self.cancelling:
            arguments: tuple[Any, ...] = (shop.cancel, (self.key, self._told))
        elif self.claiming:
            arguments = (shop.claim, (self.key, self._told))
        else:
            arguments = (shop.buy, (self.name, self.checks.limit, self.key, self._told))
        world.send(self.region, region, shop._run, shop._life, *arguments)

    def _told(self, key: str, outcome: str) -> None:
        """The answer travels back, if the network lets it."""
        if not (self.world.faulty and self.world.rng.random() < 0.05):
            self.world.at(0.02, self._hear, key, outcome)

    def _hear(self, key: str, outcome: str) -> None:
        if key != self.key:
            return
        if outcome in {"sold", "claimed"} and not self.claiming:
            self.claiming = True
            self.cancelling = self.world.faulty and outcome == "sold" and self.world.rng.random() < 0.15
        elif outcome == "claimed":
            self.cancelling = False
        elif outcome in {"voucher", "cancelled", "MISSING"}:
            self.key, self.claiming, self.cancelling = "", False, False
        elif outcome == "LIMIT":
            self.patience = 1.0 if self.world.faulty else 2.5


def simulate(seed: int, bug: str = "") -> Counter[str]:
    """Run a seed. Raises Violation, which names the seed; returns what happened how often."""
    try:
        return _simulate(World(seed, bug))
    except Violation as violation:
        replay = f"python -m tests.shared.cells.simulation.run {seed}" + (f" '{bug}'" if bug else "")
        raise Violation(f"seed {seed}: {violation} ({replay})") from None


def _simulate(world: World) -> Counter[str]:
    rng = world.rng
    units = rng.choice((6, 9, 12, SHARES_FROM))
    limit = rng.choice((1, 2, 3))
    cap = rng.randint(1, units)
    checks = Checks(world, units, cap, limit)
    sites = _cells(world, checks, rng)
    for number in range(-(-units // limit) + 2):
        cell = rng.choice(list(CELLS))
        region = CELLS[cell] if rng.random() < 0.7 else rng.choice(REGIONS)
        buyer = Buyer(world, sites, checks, f"buyer{number}", cell, region)
        world.at(rng.uniform(0.5, 13), buyer.act)
    phase_ends = rng.choice((0.0, 7.0, 15.0))
    for site in sites.values():
        site.phase_ends = phase_ends
    for _ in range(14):
        site = sites[rng.choice(list(sites))]
        world.at(rng.uniform(1, HEALED_AFTER), site.transfer, rng)
    inject(world, sites, checks, HEALED_AFTER)
    return _play(world, checks)


def _cells(world: World, checks: Checks, rng: random.Random) -> dict[tuple[str, str], Shop]:
    sites: dict[tuple[str, str], Shop] = {}
    home = Account("supply", "us", "us")
    home, shares = home.share(list(CELLS), checks.units, {"early": checks.cap})
    checks.quantity["us"] = checks.units
    for cell, region in CELLS.items():
        kind = checks.kinds[cell] = rng.choice(("synchronous", "asynchronous", "asynchronous", "alone"))
        account = home if cell == "us" else Account("supply", cell, "us")
        writes: dict[Any, Any] = {
            "account": account,
            "gate": GateRow(),
            ("wallet", cell, 0): 100,
            ("wallet", cell, 1): 50,
        }
        if cell == "us":
            for grant in shares:
                stream = ("quota", "us", grant.receiver)
                writes |= {("last", stream): 1, ("event", stream, 1): grant}
        checks.money += 150
        first = Entry(next(world.uids), writes)
        mode: Mode = "strict" if kind != "alone" and rng.random() < 0.3 else "open"
        for each in REGIONS:
            server = Server(world, cell, each, primary=each == region, synchronous=kind == "synchronous")
            server.append(first)
            sites[cell, each] = shop = Shop(world, checks, server, mode)
            shop.sites = sites
        checks.lineage[cell] = sites[cell, region].server
        if kind != "alone":
            for each in REGIONS:
                if each != region:
                    sites[cell, each].server.follow(checks.lineage[cell])

    def deliver(pushed: tuple[int, Any]) -> None:
        number, message = pushed
        cell = message.stream[2]
        shop = sites[cell, world.records[cell].region]
        world.send(shop.region, shop.region, shop._run, shop._life, shop.receive, (message, number))

    world.deliver = deliver
    return sites


def _play(world: World, checks: Checks) -> Counter[str]:
    while world.now < LONGEST:
        world.run(world.now + CHECK_EVERY)
        sold, under_way = checks.conserved()
        closed = [cell for cell, record in world.records.items() if record.opening]
        if not world.faulty and sold == checks.units and not under_way and not closed:
            checks.everything()
            return checks.counts
    checks.everything()
    waiting = f"{sold} of {checks.units} units are sold, {under_way} events under way, {closed} closed"
    raise Violation(f"no progress: {waiting}")


if __name__ == "__main__":
    for name, count in sorted(simulate(int(sys.argv[1]), " ".join(sys.argv[2:])).items()):
        print(f"{count:6}  {name}")
