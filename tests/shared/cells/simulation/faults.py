"""Faults, drawn from the seed, and the healing of all of them at one time."""

from collections.abc import Callable

from tests.shared.cells.simulation.checks import Checks
from tests.shared.cells.simulation.server import Server
from tests.shared.cells.simulation.shop import Shop
from tests.shared.cells.simulation.world import CELLS, REGIONS, World

Sites = dict[tuple[str, str], Shop]

STEP_AT_MOST = 0.3
"""How far a database's clock steps: less than lease.MARGIN_SECONDS, as is promised."""


def inject(world: World, sites: Sites, checks: Checks, healed_after: float) -> None:
    """Plan a run's faults; whatever is still broken then is healed at `healed_after`."""
    kinds: list[tuple[int, Callable[[World, Sites, Checks], None]]] = [
        (1, _kill),
        (2, _cut_off),
        (1, _cut_pair),
        (1, _firestore_away),
        (2, _slow_firestore),
        (1, _pause),
        (1, _step),
        (1, _stick),
        (1, _switch),
        (1, _restart),
        (2, _die_lagging),
        (2, _cancel),
        (1, _switch_and_die),
    ]
    weights, faults = zip(*kinds, strict=True)
    for _ in range(world.rng.randint(2, 6)):
        world.at(world.rng.uniform(3, healed_after - 3), world.rng.choices(faults, weights)[0], world, sites, checks)
    world.at(healed_after, _heal, world, sites)


def _serving_site(world: World, sites: Sites) -> Shop:
    cell = world.rng.choice(list(CELLS))
    return sites[cell, world.records[cell].region]


def _kill(world: World, sites: Sites, checks: Checks) -> None:
    _kill_region(world, sites, checks, world.rng.choice(REGIONS))


def _kill_region(world: World, sites: Sites, checks: Checks, region: str) -> None:
    if world.regions[region].alive:
        checks.counts["regions killed"] += 1
        world.regions[region].alive = False
        for (_, where), site in sites.items():
            if where == region:
                site.server.crash()
                site.reset()
        world.at(world.rng.uniform(1, 25), lambda: _revive(world, sites, region))


def _revive(world: World, sites: Sites, region: str) -> None:
    if not world.regions[region].alive:
        world.regions[region].alive = True
        for (_, where), site in sites.items():
            if where == region:
                site.server.restart()


def _cut(world: World, region: str, others: set[str]) -> None:
    world.regions[region].cut |= others
    for other in others & set(REGIONS):
        world.regions[other].cut.add(region)


def _join(world: World, region: str) -> None:
    world.regions[region].cut.clear()
    for other in world.regions.values():
        other.cut.discard(region)


def _cut_off(world: World, sites: Sites, checks: Checks) -> None:
    """A region is cut off from Firestore, and from others or not."""
    _isolate(world, sites, checks, world.rng.choice(REGIONS))


def _isolate(world: World, sites: Sites, checks: Checks, region: str) -> None:
    checks.counts["regions cut off"] += 1
    others = {each for each in REGIONS if each != region and world.rng.random() < 0.7}
    _cut(world, region, {"firestore"} | others)
    world.at(world.rng.uniform(2, 20), lambda: _join(world, region))


def _cut_pair(world: World, sites: Sites, checks: Checks) -> None:
    one, other = world.rng.sample(REGIONS, 2)
    _cut(world, one, {other})
    world.at(world.rng.uniform(2, 20), lambda: _join(world, one))


def _firestore_away(world: World, sites: Sites, checks: Checks) -> None:
    world.firestore_away = True

    def back() -> None:
        world.firestore_away = False

    world.at(world.rng.uniform(2, 9), back)


def _pause(world: World, sites: Sites, checks: Checks) -> None:
    """A cell's processes stop for a while, and do not notice."""
    _serving_site(world, sites).paused_until = world.now + world.rng.uniform(1, 10)


def _step(world: World, sites: Sites, checks: Checks) -> None:
    """A database's clock steps."""
    back = 20 if world.wild else STEP_AT_MOST
    _serving_site(world, sites).server.clock.offset += world.rng.uniform(-back, 2)


def _stick(world: World, sites: Sites, checks: Checks) -> None:
    """The designated standby receives nothing for a while, and it may be long enough to be un-designated."""
    cell = world.rng.choice(list(CELLS))
    standby = world.records[cell].standby
    if standby:
        server = sites[cell, standby].server
        server.stuck = True

        def go_on() -> None:
            server.stuck = False
            server.pull_soon()

        world.at(world.rng.uniform(3, 16), go_on)


def _switch(world: World, sites: Sites, checks: Checks) -> None:
    checks.switches.append(world.rng.choice(list(CELLS)))


def _restart(world: World, sites: Sites, checks: Checks) -> None:
    """A primary restarts at once."""
    site = _serving_site(world, sites)
    if site.server.up and world.regions[site.region].alive:
        site.server.crash()
        site.server.restart()
        site.database_restarted()


def _lag(world: World, sites: Sites, cell: str, seconds: float) -> None:
    """All standbys of a cell receive nothing for a while."""
    servers = [site.server for (each, _), site in sites.items() if each == cell]
    for server in servers:
        server.stuck = True

    def go_on() -> None:
        for server in servers:
            server.stuck = False
            server.pull_soon()

    world.at(seconds, go_on)


def _die_lagging(world: World, sites: Sites, checks: Checks) -> None:
    """A cell's standbys lag, and then its region dies or is cut off."""
    site = _serving_site(world, sites)
    lag = world.rng.uniform(0.5, 3)
    _lag(world, sites, site.cell, lag + 8)
    region = site.region
    end = world.rng.choice((_kill_region, _isolate))
    world.at(lag, end, world, sites, checks, region)


def _synchronous(world: World, sites: Sites, checks: Checks) -> Shop | None:
    """Where a synchronous cell is served, if there is one."""
    cells = [cell for cell, kind in checks.kinds.items() if kind == "synchronous"]
    cell = world.rng.choice(cells) if cells else ""
    return sites[cell, world.records[cell].region] if cell else None


def _switch_and_die(world: World, sites: Sites, checks: Checks) -> None:
    """A synchronous cell's server heeds late that another standby is to be waited for, that lags, the region dies."""
    site = _synchronous(world, sites, checks)
    if site is None:
        return
    checks.switches.append(site.cell)
    site.server.heeds_late = 6.0
    dies = world.rng.uniform(2, 5)

    def stick() -> None:
        if standby := world.records[site.cell].standby:
            sites[site.cell, standby].server.stuck = True
            world.at(9, go_on, sites[site.cell, standby].server)

    def go_on(server: Server) -> None:
        server.stuck = False
        server.pull_soon()

    world.at(dies - 1, stick)
    world.at(dies, _kill_region, world, sites, checks, site.region)


def _cancel(world: World, sites: Sites, checks: Checks) -> None:
    """A synchronous cell's standbys lag, somebody cancels the waits for them, and then the region may die."""
    site = _synchronous(world, sites, checks)
    if site is None:
        return
    seconds = world.rng.uniform(2, 6)
    _lag(world, sites, site.cell, seconds + 8)
    for number in range(int(seconds / 0.1)):
        world.at(number * 0.1, site.server.cancel_waits)
    if world.rng.random() < 0.7:
        world.at(seconds, _kill_region, world, sites, checks, site.region)


def _slow_firestore(world: World, sites: Sites, checks: Checks) -> None:
    """Firestore's responses take a region long, and then it may be cut off from it; its users read meanwhile."""
    site = _serving_site(world, sites)
    region = world.regions[site.region]
    region.slow = world.rng.uniform(1.2, 1.9)
    ends = world.now + world.rng.uniform(3, 6)

    def cut_after_renewal(until: float) -> None:
        if site.server.lease.until == until and world.now < ends:
            world.at(0.05, cut_after_renewal, until)
            return
        region.slow = 0.0
        if world.rng.random() < 0.8:
            region.cut.add("firestore")
            world.at(world.rng.uniform(6, 12), lambda: region.cut.discard("firestore"))

    for number in range(110):
        world.at(number * 0.1, site.look)
    world.at(world.rng.uniform(0.1, 2), lambda: cut_after_renewal(site.server.lease.until))


def _heal(world: World, sites: Sites) -> None:
    world.faulty = False
    world.firestore_away = False
    for each in world.regions.values():
        each.slow = 0.0
    for region in REGIONS:
        _join(world, region)
        _revive(world, sites, region)
    for site in sites.values():
        site.server.stuck, site.server.heeds_late = False, 0.0
        site.server.pull_soon()
