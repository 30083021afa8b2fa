"""The programs of a stack: the command, environment and readiness check of each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from emulators.stack import environment, readiness
from emulators.stack.binaries import Binaries
from emulators.stack.environment import (
    KAFKA,
    PUBSUB,
    ROOT,
    Layout,
    events_host,
    functions_host,
    metrics_of,
    poller,
    relay,
    rpc_host,
)
from emulators.stack.parts import chain, databases
from emulators.stack.parts.postgres import Cluster
from emulators.stack.ports import HOST
from emulators.stack.supervisor import Program
from shared.registry import Registry

WATCHDOG: Final = "watchdog"
REPLICA: Final = "replica"
TOPICS: Final = "topics-"

GRANIAN: Final = (
    *("--interface", "wsgi", "--workers", "1", "--blocking-threads", "16", "--no-ws", "--log-level", "warning"),
    # granian counts idle connections too: the edge keeps up to 64, the Pub/Sub emulator two per subscription.
    *("--backpressure", "1024"),
)

# Both emulators start faster and smaller with the serial collector and the C1 compiler only.
JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Duser.language=en")


def starts_early(name: str) -> bool:
    """Whether a program needs no database, and is started while those are created."""
    return name in (WATCHDOG, PUBSUB, KAFKA, "firestore", "valkey", chain.NAME) or name.startswith(TOPICS)


def is_store(name: str) -> bool:
    """Whether a program is one that Meridian's processes need, and none of them."""
    return starts_early(name) or name in ("postgres", REPLICA)


def rpc_services(registry: Registry) -> list[str]:
    """The services with an RPC host: those with RPC rows of their own, events that others read, or an inbox."""
    return [
        name
        for name, service in registry.services.items()
        if any(row.hosts is None or service.works for row in registry.hosted_rpcs(name))
    ]


def relay_services(registry: Registry) -> list[str]:
    """The services with a relay, which publishes their events and retries their consumers' parked ones."""
    return [name for name, service in registry.services.items() if service.works]


def poller_services(registry: Registry) -> list[str]:
    """The services with a poller, which runs the polling rows that stay apart from the relay."""
    return [name for name in registry.services if any(row.worker == "poller" for row in registry.of(name))]


def consumer_services(registry: Registry) -> list[str]:
    """The services that consume events."""
    return [name for name in registry.services if any(row.event for row in registry.of(name))]


def listening_programs(
    registry: Registry,
    regions: Sequence[str],
    event_bus: str = PUBSUB,
    *,
    with_chain: bool = True,
    with_replica: bool = False,
) -> list[str]:
    """The programs that listen, in the order in which ports are assigned. A program without a port is not started."""
    stores = ["edge", "edge-admin", "supervisor", "postgres", "valkey", event_bus, "firestore"]
    stores += [chain.NAME] if with_chain else []
    stores += [REPLICA] if with_replica else []
    hosts = [
        name
        for region in regions
        for name in (
            functions_host(region),
            events_host(region),
            *(rpc_host(service, region) for service in rpc_services(registry)),
        )
    ]
    workers = [
        name
        for region in regions
        for name in (
            *(relay(service, region) for service in relay_services(registry)),
            *(poller(service, region) for service in poller_services(registry)),
        )
    ]
    return [*stores, *hosts, *(metrics_of(name) for name in (*hosts, *workers))]


def for_stack(
    registry: Registry,
    layout: Layout,
    binaries: Binaries,
    cluster: Cluster,
    edge_configuration: Path,
    owner: int | None,
) -> dict[str, Program]:
    """Every program of a stack by name.

    edge_configuration: the file that Envoy reads.
    owner: the pid of the process with which the stack stops; None for a detached stack.
    """
    listed = [
        *([watchdog(layout, owner)] if owner else []),
        kafka(binaries, layout) if layout.event_bus == KAFKA else pubsub(binaries, layout),
        firestore(binaries, layout),
        valkey(binaries, layout),
        *([chain.program(binaries.anvil, layout)] if binaries.anvil and chain.NAME in layout.ports else []),
        postgres(cluster, layout),
        *([replica(cluster.standby, layout)] if REPLICA in layout.ports else []),
        edge(binaries, layout, edge_configuration),
        *(program for region in layout.regions for program in for_region(registry, layout, region)),
    ]
    return {program.name: program for program in listed}


def postgres(cluster: Cluster, layout: Layout) -> Program:
    """The database server. SIGINT is its fast shutdown."""
    return Program(
        "postgres",
        cluster.command,
        databases.accepts_connections(layout),
        directory=cluster.data,
        user=cluster.user,
        stop_signal="INT",
    )


def replica(standby: Cluster, layout: Layout) -> Program:
    """The streaming standby, for reads."""
    return Program(
        REPLICA,
        standby.command,
        databases.accepts_connections(layout, REPLICA),
        directory=standby.folder,
        user=standby.user,
        stop_signal="INT",
    )


def valkey(binaries: Binaries, layout: Layout) -> Program:
    """Valkey in place of Redis: a cache without persistence."""
    port = layout.ports["valkey"]
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
    return Program("valkey", command, readiness.tcp_reply(port, b"PING\r\n", b"+PONG"), directory=layout.state)


def pubsub(binaries: Binaries, layout: Layout) -> Program:
    """Google's Pub/Sub emulator, in memory: a backlog of 100,000 events takes more than 256 MB."""
    port = layout.ports["pubsub"]
    command = (str(binaries.java), *JVM, "-Xmx1g", "-jar", str(binaries.pubsub_jar), f"--host={HOST}", f"--port={port}")
    return Program("pubsub", command, readiness.http_ok(port, "/"), directory=layout.state)


def kafka(binaries: Binaries, layout: Layout) -> Program:
    """Tansu, a Kafka broker, in memory."""
    address = f"tcp://{layout.address(KAFKA)}"
    listening = ("--listener-url", address, "--advertised-listener-url", address)
    command = (str(binaries.tansu), "broker", *listening, "--storage-engine", "memory://tansu/")
    return Program(KAFKA, command, readiness.port_open(layout.ports[KAFKA]), directory=layout.state)


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
    )


def edge(binaries: Binaries, layout: Layout, configuration: Path) -> Program:
    """Envoy. One worker thread suffices on a laptop, and makes its rate limits exact."""
    command = (
        *(str(binaries.envoy), "--config-path", str(configuration), "--use-dynamic-base-id"),
        *("--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1"),
    )
    ready = readiness.http_ok(layout.ports["edge"], "/health")
    return Program("edge", command, ready, directory=layout.state)


def watchdog(layout: Layout, owner: int) -> Program:
    """Stops the stack when the process that started it has died."""
    command = (sys.executable, "-m", "emulators.stack.watchdog", str(owner), str(layout.state))
    return Program(
        WATCHDOG, command, lambda: True, directory=ROOT, environment=environment.for_region(layout, layout.regions[0])
    )


def for_region(registry: Registry, layout: Layout, region: str) -> list[Program]:
    """Meridian's own processes that serve one region: functions host, RPC hosts, workers, the scheduler."""
    common = environment.for_region(layout, region)

    def metrics_port(name: str) -> dict[str, str]:
        return {"METRICS_PORT": str(layout.ports[metrics_of(name)])}

    python = (sys.executable, "-m")
    programs = []
    for name, factory in ((functions_host(region), "make_http"), (events_host(region), "make_internal")):
        port = layout.ports[name]
        listens = ("--host", HOST, "--port", str(port), "--factory", f"emulators.stack.host:{factory}")
        ready = readiness.http_ok(port, "/health")
        programs.append(
            Program(name, (*python, "granian", *GRANIAN, *listens), ready, ROOT, {**common, **metrics_port(name)})
        )
    for service in rpc_services(registry):
        name = rpc_host(service, region)
        port = layout.ports[name]
        serve = (*python, "functions.main", "rpc", service)
        own = {**common, **metrics_port(name), "RPC_PORT": str(port)}
        programs.append(Program(name, serve, readiness.grpc_serving(port), ROOT, own))
    name = f"{TOPICS}{region}"
    created = readiness.log_contains(layout.logs / f"{name}.log", f"of {region} are made")
    module = "emulators.stack.parts.topics" if layout.event_bus == KAFKA else "emulators.stack.parts.subscriptions"
    programs.append(Program(name, (*python, module, region), created, ROOT, common))
    for service in relay_services(registry):
        name = relay(service, region)
        message = f"relay {service} leads" if registry.services[service].outbox else f"worker {service} has nothing"
        leads = readiness.log_contains(layout.logs / f"{name}.log", message)
        programs.append(
            Program(name, (*python, "functions.main", "relay", service), leads, ROOT, {**common, **metrics_port(name)})
        )
    for service in poller_services(registry):
        name = poller(service, region)
        polls = readiness.log_contains(layout.logs / f"{name}.log", "polling rows at work")
        programs.append(
            Program(name, (*python, "functions.main", "poller", service), polls, ROOT, {**common, **metrics_port(name)})
        )
    for service in consumer_services(registry) if layout.consumes else ():
        name = f"consumer-{service}-{region}"
        consumes = readiness.log_contains(layout.logs / f"{name}.log", f"consumers of {service} are at work")
        programs.append(Program(name, (*python, "functions.main", "consumer", service), consumes, ROOT, common))
    name = f"scheduler-{region}"
    runs = readiness.log_contains(layout.logs / f"{name}.log", f"scheduler of {region}")
    programs.append(Program(name, (*python, "emulators.stack.parts.scheduler"), runs, ROOT, common))
    return programs
