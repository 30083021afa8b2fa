"""The standbys of cells: an old primary that comes back becomes the standby of the server that was promoted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from emulators.stack import binaries, programs, secrets, state_file
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.parts import postgres
from emulators.stack.regions import promotion
from emulators.stack.regions.troubles import Troubles, pair
from emulators.stack.sites import Site
from emulators.stack.supervisor import Program, Supervisor

FOLLOWS: Final = "standby.signal"
"""The file by which a PostgreSQL server knows that it follows another one."""

STOP_SECONDS: Final = 15.0


class Standbys:
    """The database servers of a stack that follow others."""

    def __init__(self, layout: Layout, supervisor: Supervisor, wait: Callable[[Sequence[Program]], None]) -> None:
        """wait: until programs are ready."""
        self._layout = layout
        self._supervisor = supervisor
        self._wait = wait
        recorded = state_file.load(layout.state)
        data = Path(recorded.data) if recorded else layout.state
        self._cluster = postgres.prepared(binaries.find(layout.event_bus).postgres, data, postgres.account())

    def of(self, site: Site, troubles: Troubles) -> Site:
        """Where the standby of a cell runs that is served at a site. Raises StackError if there is none."""
        other = self._layout.other(site)
        if other is None or other.region in troubles.killed:
            raise StackError(f"The cell {site.cell} has no standby that runs.")
        return other

    def check_reachable(self, region: str, troubles: Troubles) -> None:
        """Raise StackError if a server in a region has to be rebuilt from one that cannot be reached."""
        for site in self._former_primaries(region, troubles.moved):
            source = self._source(site)
            if source.region in troubles.killed or pair(region, source.region) in troubles.cut:
                raise StackError(f"{site.cell} is served in {source.region}, which {region} cannot reach.")

    def rebuild(self, region: str, moved: Mapping[str, str], made: Mapping[str, Program]) -> None:
        """Make the former primaries in a region standbys of those that were promoted. made: the programs by name."""
        for site in self._former_primaries(region, moved):
            self._rebuild(site, made[self._layout.store("postgres", site)])

    def _rebuild(self, site: Site, program: Program) -> None:
        """It starts as it was, fenced, so that what it had can be listed; then it is copied from the promoted one."""
        layout, source = self._layout, self._source(site)
        self._supervisor.start(program.name)
        self._wait([program])
        promotion.list_lost(layout, source, site)
        self._supervisor.stop(program.name)
        self._supervisor.until_stopped([program.name], STOP_SECONDS)
        password = secrets.read(layout.secrets, "postgres.password")
        ports = (layout.ports[layout.store("postgres", source)], layout.ports[program.name])
        through = layout.ports[layout.link_to_primary(site)]
        programs.cluster_of(self._cluster, layout, site).follow(password, *ports, site.region, through)

    def _former_primaries(self, region: str, moved: Mapping[str, str]) -> list[Site]:
        """The places in a region whose cell is served elsewhere, and whose server does not follow."""
        served = self._layout.serving(moved)
        idle = [site for site in self._layout.places if site.region == region and site not in served]
        return [site for site in idle if not self._follows(site)]

    def _follows(self, site: Site) -> bool:
        return (programs.cluster_of(self._cluster, self._layout, site).data / FOLLOWS).exists()

    def _source(self, site: Site) -> Site:
        source = self._layout.other(site)
        if source is None:
            raise StackError(f"The cell {site.cell} has one place only.")
        return source
