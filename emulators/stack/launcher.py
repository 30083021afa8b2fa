"""Starts a stack step by step, the slow programs first: the JVMs warm up while PostgreSQL is created and migrated."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial

from emulators.stack import programs, secrets
from emulators.stack.environment import Layout
from emulators.stack.parts import chain, databases
from emulators.stack.parts.postgres import Cluster
from emulators.stack.progress import Progress
from emulators.stack.readiness import READY_SECONDS, ReadinessWait
from emulators.stack.sites import Site
from emulators.stack.supervisor import EARLY, EDGE, SERVICE, Program, Supervisor
from shared.registry import Registry


class Launcher:
    """Starts the programs of one stack in order."""

    def __init__(
        self,
        registry: Registry,
        layout: Layout,
        cluster: Cluster,
        by_name: dict[str, Program],
        supervisor: Supervisor,
        progress: Progress,
    ) -> None:
        """
        by_name: every program of the stack.
        supervisor: a running supervisord, with none of them started yet.
        progress: is notified of what is waited for.
        """
        self._registry = registry
        self._layout = layout
        self._cluster = cluster
        self._programs = by_name
        self._supervisor = supervisor
        self._progress = progress
        self._wait = ReadinessWait(supervisor, layout.logs, progress)
        self._databases = [name for name, service in registry.services.items() if service.database]

    def run(self) -> None:
        """Start everything, and return when clients can use it. Raises StackError."""
        early = self._at(EARLY)
        for name in early:
            self._supervisor.start(name)
        others = [name for name in early if name != chain.NAME]
        sites = [partial(self._make_databases, site) for site in self._layout.sites]
        self._at_once(*sites, self._make_chain, lambda: self._until_ready(*others))
        late = [*self._at(SERVICE), *self._at(EDGE)]
        for name in late:
            self._supervisor.start(name)
        self._until_ready(*late)
        if programs.WARMER in self._programs:
            self._supervisor.start(programs.WARMER)

    def _at(self, stage: int) -> list[str]:
        return [name for name, program in self._programs.items() if program.stage == stage]

    def _at_once(self, *steps: Callable[[], None]) -> None:
        """Run steps concurrently. The first failure, or Ctrl-C, abandons the waits of the others."""
        with ThreadPoolExecutor(len(steps)) as pool:
            try:
                ended, _ = wait([pool.submit(step) for step in steps], return_when=FIRST_EXCEPTION)
                for step in ended:
                    step.result()
            except BaseException:
                self._wait.abandon()
                raise

    def _make_databases(self, site: Site) -> None:
        layout, cluster = self._layout, programs.cluster_of(self._cluster, self._layout, site)
        server, replica = layout.store("postgres", site), layout.store(programs.REPLICA, site)
        with self._progress.step(self._named("initdb", site)):
            password = secrets.read(layout.secrets, "postgres.password")
            cluster.initialise(password, layout.ports[server])
        self._supervisor.start(server)
        self._until_ready(server)
        with self._progress.step(self._named("migrations", site)):
            databases.create(layout, site, self._databases)
            databases.migrate(layout, site, self._databases)
        standby = layout.other(site)
        if standby is not None:
            with self._progress.step(f"pg_basebackup-{site.cell}"):
                following = programs.cluster_of(self._cluster, layout, standby)
                name = layout.store("postgres", standby)
                ports = (layout.ports[server], layout.ports[name])
                following.follow(password, *ports, standby.region, layout.ports[layout.link_to_primary(standby)])
            self._supervisor.start(name)
            self._until_ready(name)
        if replica in self._programs:
            with self._progress.step(self._named("pg_basebackup", site)):
                cluster.standby.follow(password, layout.ports[server], layout.ports[replica])
            self._supervisor.start(replica)
            self._until_ready(replica)

    def _named(self, step: str, site: Site) -> str:
        return self._layout.store(step, site)

    def _make_chain(self) -> None:
        if chain.NAME not in self._programs:
            self._progress.note("There is no local chain, so nothing is deposited or withdrawn: it needs npm.")
            return
        self._until_ready(chain.NAME)
        with self._progress.step("contracts"):
            chain.deploy(self._layout)

    def _until_ready(self, *names: str) -> None:
        self._wait.until_ready([self._programs[name] for name in names], READY_SECONDS * len(self._layout.sites))
