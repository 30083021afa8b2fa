"""The programs of a stack: the command, environment and readiness check of each. Meridian's own are in services.py."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from emulators.stack import environment, readiness, services
from emulators.stack.binaries import Binaries
from emulators.stack.environment import KAFKA, PUBSUB, ROOT, Layout
from emulators.stack.errors import StackError
from emulators.stack.parts import chain, databases, observe
from emulators.stack.parts.global_edge import CLIENT_REGION
from emulators.stack.parts.postgres import Cluster
from emulators.stack.ports import CONTROL, HOST, inner, link, metrics_of, regional_edge, store
from emulators.stack.sites import Site, standbys_of
from emulators.stack.supervisor import DATABASE, EARLY, EDGE, WARM, Program
from shared.registry import Registry

AT_HOME: Final[Mapping[str, str]] = {}
"""Where cells are served that no promotion has moved."""

WATCHDOG: Final = "watchdog"
WARMER: Final = "warmer"
REPLICA: Final = "replica"

LOGGING: Final = Path(__file__).parent / "java-logging.properties"
# Both emulators start faster and smaller with the serial collector and the C1 compiler only.
JVM: Final = (
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
    *("-Duser.language=en", f"-Djava.util.logging.config.file={LOGGING}"),
)


def is_store(program: Program) -> bool:
    """Whether a program is one that Meridian's processes need, and none of them."""
    return program.stage in (EARLY, DATABASE)


def listening_programs(
    registry: Registry,
    sites: Sequence[Site],
    event_bus: str = PUBSUB,
    *,
    with_chain: bool = True,
    with_replica: bool = False,
    with_standbys: bool = True,
    observed: bool = False,
    controlled: bool = False,
) -> list[str]:
    """What listens, in the order in which ports are assigned. A program without a port is not started.

    What a cell has where it may be promoted to gets its ports in advance. Raises StackError for a replica of several
    cells: it would go on following a server that its cell has left.
    """
    if with_replica and len(sites) > 1:
        raise StackError("REPLICA=1 is for one region: with several, a replica would not follow its cell's promotion.")
    regions = list(dict.fromkeys(site.region for site in sites))
    standbys = standbys_of(sites) if with_standbys else ()
    places = (*sites, *standbys)
    edges = [regional_edge(region) for region in regions] if len(regions) > 1 else []
    stores = [store(kind, site, sites) for kind in ("postgres", "valkey") for site in sites]
    stores += [REPLICA] if with_replica else []
    stores += [store(kind, site, sites) for kind in ("postgres", "valkey") for site in standbys]
    shared = [event_bus, "firestore", *([chain.NAME] if with_chain else [])]
    hosts = [name for site in places for name in services.hosts_at(registry, site)]
    measured = [name for site in places for name in services.measured_at(registry, site, alone=len(sites) == 1)]
    return [
        *("edge", *edges, "edge-admin", "supervisor"),
        *stores,
        *shared,
        *hosts,
        *(metrics_of(name) for name in measured),
        *(inner(edge) for edge in edges),
        *(link(region, name) for region, site in linked(places) for name in services.called_at(registry, site)),
        *(name for pair in zip(sites, standbys, strict=False) for name in _replication(sites, *pair)),
        *observe.names(wanted=observed),
        *([CONTROL] if controlled else []),
    ]


def linked(sites: Sequence[Site]) -> list[tuple[str, Site]]:
    """The links between regions: each from a region to a site in another one."""
    regions = dict.fromkeys(site.region for site in sites)
    return [(region, site) for region in regions for site in sites if site.region != region]


def _replication(sites: Sequence[Site], home: Site, standby: Site) -> list[str]:
    """The links by which the two database servers of a cell follow one another."""
    servers = [store("postgres", site, sites) for site in (standby, home)]
    return [link(site.region, server) for site, server in zip((home, standby), servers, strict=True)]


def for_stack(
    registry: Registry,
    layout: Layout,
    binaries: Binaries,
    cluster: Cluster,
    owner: int | None,
    *,
    again: bool = False,
    moved: Mapping[str, str] = AT_HOME,
) -> dict[str, Program]:
    """Every program of a stack by name.

    owner: the pid of the process with which the stack stops; None for a detached stack.
    again: whether the logs are of an earlier time.
    moved: the region of each cell that was promoted to another one.
    """
    served = layout.serving(moved)
    waiting = [site for site in layout.places if site not in served]
    at_home = {site.region for site in served if site in layout.sites}
    listed = [
        *([watchdog(layout, owner)] if owner else []),
        kafka(binaries, layout) if layout.event_bus == KAFKA else pubsub(binaries, layout),
        firestore(binaries, layout),
        *([chain.program(binaries.anvil, layout)] if binaries.anvil and chain.NAME in layout.ports else []),
        *(program for site in served for program in stores_at(binaries, layout, cluster, site)),
        *(program for site in waiting for program in standby_at(registry, binaries, layout, cluster, site)),
        edge(binaries, layout),
        *(
            edge_of(binaries, layout, region, serves=region in at_home)
            for region in layout.regions
            if regional_edge(region) in layout.ports
        ),
        *(program for site in served for program in services.for_site(registry, layout, site, again=again)),
        *observe.programs(layout),
        *([control(layout)] if CONTROL in layout.ports else []),
        *([warmer(layout)] if waiting else []),
    ]
    return {program.name: program for program in listed}


def stores_at(binaries: Binaries, layout: Layout, cluster: Cluster, site: Site) -> list[Program]:
    """The site's own Valkey, database server and, if the stack has one, standby."""
    own = cluster_of(cluster, layout, site)
    replica = layout.store(REPLICA, site)
    made = [
        valkey(binaries, layout, layout.store("valkey", site)),
        database(own, layout, layout.store("postgres", site)),
    ]
    made += [database(own.standby, layout, replica)] if replica in layout.ports else []
    return [replace(program, region=site.region) for program in made]


def standby_at(registry: Registry, binaries: Binaries, layout: Layout, cluster: Cluster, site: Site) -> list[Program]:
    """What a cell has where it may be promoted to: a database server that follows, and processes that wait."""
    server = database(cluster_of(cluster, layout, site), layout, layout.store("postgres", site))
    cache = replace(valkey(binaries, layout, layout.store("valkey", site)), stage=WARM)
    made = [server, cache, *services.warm_at(registry, layout, site)]
    return [replace(program, region=site.region) for program in made]


def cluster_of(cluster: Cluster, layout: Layout, site: Site) -> Cluster:
    """The database server of a site; `cluster` is that of a stack with one site."""
    if len(layout.sites) == 1:
        return cluster
    return cluster.of_cell(site.cell if site in layout.sites else f"{site.cell}-{site.region}")


def database(cluster: Cluster, layout: Layout, name: str) -> Program:
    """A database server. SIGINT is its fast shutdown."""
    return Program(
        name,
        cluster.command,
        databases.accepts_connections(layout, name),
        directory=cluster.data,
        user=cluster.user,
        stop_signal="INT",
        stage=DATABASE,
    )


def valkey(binaries: Binaries, layout: Layout, name: str = "valkey") -> Program:
    """Valkey in place of Redis: a cache without persistence."""
    port = layout.ports[name]
    options = {
        "bind": HOST,
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "maxmemory": "128mb",
        "maxmemory-policy": "volatile-lru",
        # The process title would overwrite the environment, by which orphans are found.
        "set-proc-title": "no",
    }
    command = (str(binaries.valkey), *(word for name, value in options.items() for word in (f"--{name}", value)))
    answers = readiness.tcp_reply(port, b"PING\r\n", b"+PONG")
    return Program(name, command, answers, directory=layout.state, stage=EARLY)


def pubsub(binaries: Binaries, layout: Layout) -> Program:
    """Google's Pub/Sub emulator, in memory: a backlog of 100,000 events takes more than 256 MB."""
    port = layout.ports["pubsub"]
    command = (str(binaries.java), *JVM, "-Xmx1g", "-jar", str(binaries.pubsub_jar), f"--host={HOST}", f"--port={port}")
    return Program("pubsub", command, readiness.http_ok(port, "/"), directory=layout.state, stage=EARLY)


def kafka(binaries: Binaries, layout: Layout) -> Program:
    """Tansu, a Kafka broker, in memory."""
    address = f"tcp://{layout.address(KAFKA)}"
    listening = ("--listener-url", address, "--advertised-listener-url", address)
    command = (str(binaries.tansu), "broker", *listening, "--storage-engine", "memory://tansu/")
    return Program(KAFKA, command, readiness.port_open(layout.ports[KAFKA]), directory=layout.state, stage=EARLY)


def firestore(binaries: Binaries, layout: Layout) -> Program:
    """Google's Firestore emulator, in memory. Its jar names no main class."""
    port = layout.ports["firestore"]
    main = ("com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start")
    command = (str(binaries.java), *JVM, "-Xmx384m", "-cp", str(binaries.firestore_jar), *main)
    return Program(
        "firestore",
        (*command, f"--host={HOST}", f"--port={port}"),
        readiness.http_ok(port, "/"),
        directory=layout.state,
        stage=EARLY,
    )


def edge(binaries: Binaries, layout: Layout) -> Program:
    """Where clients reach the stack: the edge of its only region, or the global one, which needs all regions."""
    port, path = layout.ports["edge"], "/health"
    if len(layout.regions) == 1:
        return _envoy(binaries, layout, "edge", readiness.http_ok(port, path))
    reached = [
        readiness.http_ok(port, path, {CLIENT_REGION: region}, {"X-Served-By": region}) for region in layout.regions
    ]
    return _envoy(binaries, layout, "edge", lambda: all(ask() for ask in reached))


def edge_of(binaries: Binaries, layout: Layout, region: str, *, serves: bool = True) -> Program:
    """The edge of one region among several.

    serves: whether a cell is served there that is at home there; if not it has no functions, and only links.
    """
    name = regional_edge(region)
    port = layout.ports[name]
    made = _envoy(binaries, layout, name, readiness.http_ok(port, "/health") if serves else readiness.port_open(port))
    return replace(made, region=region, stage=EDGE)


def _envoy(binaries: Binaries, layout: Layout, name: str, ready: Callable[[], bool]) -> Program:
    """Envoy. One worker thread suffices on a laptop, and makes its rate limits exact."""
    command = (
        *(str(binaries.envoy), "--config-path", str(layout.configuration(name)), "--use-dynamic-base-id"),
        *("--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1"),
    )
    return Program(name, command, ready, directory=layout.state)


def control(layout: Layout) -> Program:
    """The endpoint by which the console acts on the stack."""
    command = (sys.executable, "-m", "emulators.control", str(layout.state))
    own = environment.for_site(layout, layout.sites[0])
    return Program(CONTROL, command, readiness.port_open(layout.ports[CONTROL]), directory=ROOT, environment=own)


def warmer(layout: Layout) -> Program:
    """Starts what waits for a promotion."""
    command = (sys.executable, "-m", "emulators.stack.regions.warm", str(layout.state))
    own = environment.for_site(layout, layout.sites[0])
    return Program(WARMER, command, lambda: True, directory=ROOT, environment=own, stage=WARM)


def watchdog(layout: Layout, owner: int) -> Program:
    """Stops the stack when the process that started it has died."""
    command = (sys.executable, "-m", "emulators.stack.watchdog", str(owner), str(layout.state))
    own = environment.for_site(layout, layout.sites[0])
    return Program(WATCHDOG, command, lambda: True, directory=ROOT, environment=own, stage=EARLY)
