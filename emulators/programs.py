"""The processes of a stack: what each is started with, and how one knows that it can be used."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from emulators import chain, databases, environment, readiness
from emulators.environment import KAFKA, PUBSUB, ROOT, Layout, functions_host, metrics_of, relay, rpc_host
from emulators.parts import Parts
from emulators.ports import HOST
from emulators.postgres import Cluster
from emulators.supervisor import Program
from shared.registry import Registry

GUARD: Final = "guard"
REPLICA: Final = "replica"
TOPICS: Final = "topics-"

GRANIAN: Final = (
    *("--interface", "wsgi", "--workers", "1", "--blocking-threads", "16", "--no-ws", "--log-level", "warning"),
    # granian counts connections, idle ones too: the edge keeps up to 64, the Pub/Sub emulator two a subscription.
    *("--backpressure", "1024"),
)

# Both emulators start in less time, and in less memory, on the serial collector and the first compiler alone.
JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Duser.language=en")


def comes_early(name: str) -> bool:
    """Whether a program needs no database: it is started while that is made, the slow ones of them first."""
    return name in (GUARD, PUBSUB, KAFKA, "firestore", "valkey", chain.NAME) or name.startswith(TOPICS)


def rpc_services(registry: Registry) -> list[str]:
    """The services with an RPC host: those with RPC rows of their own, events that others may read, or an inbox."""
    return [
        name
        for name, service in registry.services.items()
        if any(row.hosts is None or service.works for row in registry.hosted_rpcs(name))
    ]


def relay_services(registry: Registry) -> list[str]:
    """The services with a worker, which publishes their events and looks after their consumers."""
    return [name for name, service in registry.services.items() if service.works]


def consumer_services(registry: Registry) -> list[str]:
    """The services that consume events."""
    return [name for name in registry.services if any(row.event for row in registry.of(name))]


def names_with_ports(
    registry: Registry,
    regions: Sequence[str],
    event_bus: str = PUBSUB,
    *,
    with_chain: bool = True,
    with_replica: bool = False,
) -> list[str]:
    """The parts that listen, in the order in which ports are given out. Without a port the stack has no such part."""
    stores = ["edge", "edge-admin", "supervisor", "postgres", "valkey", event_bus, "firestore"]
    stores += [chain.NAME] if with_chain else []
    stores += [REPLICA] if with_replica else []
    hosts = [
        name
        for region in regions
        for name in (functions_host(region), *(rpc_host(service, region) for service in rpc_services(registry)))
    ]
    counting = [*hosts, *(relay(service, region) for region in regions for service in relay_services(registry))]
    return [*stores, *hosts, *(metrics_of(name) for name in counting)]


def of_stack(
    registry: Registry, layout: Layout, parts: Parts, cluster: Cluster, edge_configuration: Path, owner: int | None
) -> dict[str, Program]:
    """Every program of a stack by name.

    edge_configuration: the file that Envoy reads.
    owner: the process with which the stack is to end; None when it is to outlive every other.
    """
    all_programs = [
        *([guard(layout, owner)] if owner else []),
        kafka(parts, layout) if layout.event_bus == KAFKA else pubsub(parts, layout),
        firestore(parts, layout),
        valkey(parts, layout),
        *([chain.program(parts.anvil, layout)] if parts.anvil and chain.NAME in layout.ports else []),
        postgres(cluster, layout),
        *([replica(cluster.standby, layout)] if REPLICA in layout.ports else []),
        edge(parts, layout, edge_configuration),
        *(program for region in layout.regions for program in of_region(registry, layout, region)),
    ]
    return {program.name: program for program in all_programs}


def postgres(cluster: Cluster, layout: Layout) -> Program:
    """The database server. INT asks it for its fast shutdown."""
    return Program(
        "postgres",
        cluster.command,
        databases.accepts(layout),
        directory=cluster.data,
        user=cluster.user,
        stop_signal="INT",
    )


def replica(standby: Cluster, layout: Layout) -> Program:
    """The server that follows it, and answers reads."""
    return Program(
        REPLICA,
        standby.command,
        databases.accepts(layout, REPLICA),
        directory=standby.folder,
        user=standby.user,
        stop_signal="INT",
    )


def valkey(parts: Parts, layout: Layout) -> Program:
    """Redis's heir: a cache, kept in memory alone."""
    port = layout.ports["valkey"]
    options = {
        "bind": HOST,
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "maxmemory": "128mb",
        "maxmemory-policy": "volatile-lru",
        # Its title would be written over the environment, by which leftovers are found.
        "set-proc-title": "no",
    }
    command = (str(parts.valkey), *(word for name, value in options.items() for word in (f"--{name}", value)))
    return Program("valkey", command, readiness.replies(port, b"PING\r\n", b"+PONG"), directory=layout.state)


def pubsub(parts: Parts, layout: Layout) -> Program:
    """Google's Pub/Sub emulator, in memory, of which a backlog of 100,000 events takes more than 256 MB."""
    port = layout.ports["pubsub"]
    command = (str(parts.java), *JVM, "-Xmx1g", "-jar", str(parts.pubsub_jar), f"--host={HOST}", f"--port={port}")
    return Program("pubsub", command, readiness.answers(port, "/"), directory=layout.state)


def kafka(parts: Parts, layout: Layout) -> Program:
    """Tansu, a Kafka broker, in memory."""
    address = f"tcp://{layout.address(KAFKA)}"
    listening = ("--listener-url", address, "--advertised-listener-url", address)
    command = (str(parts.tansu), "broker", *listening, "--storage-engine", "memory://tansu/")
    return Program(KAFKA, command, readiness.listens(layout.ports[KAFKA]), directory=layout.state)


def firestore(parts: Parts, layout: Layout) -> Program:
    """Google's Firestore emulator, in memory. Its jar names no main class."""
    port = layout.ports["firestore"]
    main = ("com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start")
    command = (str(parts.java), *JVM, "-Xmx384m", "-cp", str(parts.firestore_jar), *main)
    return Program(
        "firestore",
        (*command, f"--host={HOST}", f"--port={port}"),
        readiness.answers(port, "/"),
        directory=layout.state,
    )


def edge(parts: Parts, layout: Layout, configuration: Path) -> Program:
    """Envoy. One worker thread is enough for a laptop, and makes its limits exact."""
    command = (
        *(str(parts.envoy), "--config-path", str(configuration), "--use-dynamic-base-id"),
        *("--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1"),
    )
    ready = readiness.answers(layout.ports["edge"], "/health")
    return Program("edge", command, ready, directory=layout.state)


def guard(layout: Layout, owner: int) -> Program:
    """Ends the stack when the process that started it is gone."""
    command = (sys.executable, "-m", "emulators.guard", str(owner), str(layout.state))
    return Program(
        GUARD, command, lambda: True, directory=ROOT, environment=environment.of_region(layout, layout.regions[0])
    )


def of_region(registry: Registry, layout: Layout, region: str) -> list[Program]:
    """Meridian's own processes that serve one region: functions host, RPC hosts, relays, consumers, the scheduler."""
    common = environment.of_region(layout, region)

    def counts(name: str) -> dict[str, str]:
        return {"METRICS_PORT": str(layout.ports[metrics_of(name)])}

    python = (sys.executable, "-m")
    functions = functions_host(region)
    port = layout.ports[functions]
    granian = (*python, "granian", *GRANIAN, "--host", HOST, "--port", str(port), "--factory", "emulators.host:make")
    programs = [Program(functions, granian, readiness.answers(port, "/health"), ROOT, {**common, **counts(functions)})]
    for service in rpc_services(registry):
        name = rpc_host(service, region)
        port = layout.ports[name]
        serve = (*python, "functions.main", "rpc", service)
        programs.append(
            Program(name, serve, readiness.serves_grpc(port), ROOT, {**common, **counts(name), "RPC_PORT": str(port)}),
        )
    name = f"{TOPICS}{region}"
    made = readiness.logged(layout.logs / f"{name}.log", f"of {region} are made")
    keeper = "emulators.topics" if layout.event_bus == KAFKA else "emulators.subscriptions"
    programs.append(Program(name, (*python, keeper, region), made, ROOT, common))
    for service in relay_services(registry):
        name = relay(service, region)
        said = f"relay {service} leads" if registry.services[service].outbox else f"worker {service} has nothing"
        leads = readiness.logged(layout.logs / f"{name}.log", said)
        programs.append(
            Program(name, (*python, "functions.main", "relay", service), leads, ROOT, {**common, **counts(name)})
        )
    for service in consumer_services(registry) if layout.event_bus == KAFKA else ():
        name = f"consumer-{service}-{region}"
        consumes = readiness.logged(layout.logs / f"{name}.log", f"consumers of {service} are at work")
        programs.append(Program(name, (*python, "functions.main", "consumer", service), consumes, ROOT, common))
    name = f"scheduler-{region}"
    runs = readiness.logged(layout.logs / f"{name}.log", f"scheduler of {region}")
    programs.append(Program(name, (*python, "emulators.scheduler"), runs, ROOT, common))
    return programs
