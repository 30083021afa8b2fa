"""Meridian's own processes at a site: functions host, events host, RPC hosts, workers, topics, scheduler."""

import sys
from dataclasses import replace
from functools import partial
from typing import Final

from emulators.stack import environment, readiness
from emulators.stack.environment import KAFKA, ROOT, Layout
from emulators.stack.ports import (
    HOST,
    events_host,
    functions_host,
    metrics_of,
    poller,
    published,
    relay,
    rpc_host,
    rpc_hosts,
    topics,
    workers,
)
from emulators.stack.sites import Site
from emulators.stack.supervisor import EARLY, WARM, Program
from shared.registry import Registry

GRANIAN: Final = (
    *("--interface", "wsgi", "--workers", "1", "--blocking-threads", "16", "--no-ws", "--log-level", "warning"),
    # granian counts idle connections too: the edge keeps up to 64, the Pub/Sub emulator two per subscription.
    *("--backpressure", "1024"),
)

PYTHON: Final = (sys.executable, "-m")

POLLS: Final = "polling rows at work"
"""What a poller logs once it is at work."""


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


def hosts_at(registry: Registry, site: Site) -> list[str]:
    """The names in `ports` of what serves requests at a site."""
    return [
        functions_host(site.name),
        events_host(site.name),
        *(rpc_host(service, site.name) for service in rpc_services(registry)),
    ]


def measured_at(registry: Registry, site: Site, *, alone: bool) -> list[str]:
    """The programs of a site that export metrics. alone: whether it is the stack's only site."""
    hosts = hosts_at(registry, site) if alone else [functions_host(site.name), events_host(site.name)]
    return hosts + _workers_at(registry, site) if alone else [*hosts, rpc_hosts(site.name), workers(site.name)]


def called_at(registry: Registry, site: Site) -> list[str]:
    """The programs of a site that other regions call, push their events to, or pull from, through links."""
    return [*hosts_at(registry, site), published(site.name)]


def _workers_at(registry: Registry, site: Site) -> list[str]:
    relays = [relay(service, site.name) for service in relay_services(registry)]
    return relays + [poller(service, site.name) for service in poller_services(registry)]


def for_site(registry: Registry, layout: Layout, site: Site, *, again: bool = False) -> list[Program]:
    """The processes of a site. again: whether their logs are of an earlier time."""
    return _SitePrograms(registry, layout, site, again=again).all()


def warm_at(registry: Registry, layout: Layout, site: Site) -> list[Program]:
    """The processes of a place that wait there for a promotion: what answers users, and the keeper."""
    return _SitePrograms(registry, layout, site, again=False).warm()


class _SitePrograms:
    def __init__(self, registry: Registry, layout: Layout, site: Site, *, again: bool) -> None:
        self._registry = registry
        self._layout = layout
        self._site = site
        self._common = environment.for_site(layout, site)
        self._logged = partial(readiness.log_contains, again=again)

    def all(self) -> list[Program]:
        """Every one."""
        hosts = [self._host(functions_host(self._site.name), "make_http")]
        hosts += [self._host(events_host(self._site.name), "make_internal")]
        keeping = [self._keeper()] if self._layout.leases else []
        several = [self._rpc_hosts(), self._workers()] if len(self._layout.sites) > 1 else self._separate()
        return [*hosts, *keeping, self._topics(), *several, self._scheduler()]

    def warm(self) -> list[Program]:
        """Those that work on nothing by themselves, as long as the cell is served elsewhere."""
        made = [self._host(functions_host(self._site.name), "make_http"), self._rpc_hosts()]
        if self._layout.leases:
            keeper = self._keeper()
            waits = self._logged(self._layout.logs / f"{keeper.name}.log", "this keeper waits")
            made.append(replace(keeper, ready=waits))
        return [replace(each, stage=WARM) for each in made]

    def _separate(self) -> list[Program]:
        return [*(self._rpc_host(service) for service in rpc_services(self._registry)), *self._separate_workers()]

    def _program(self, name: str, command: tuple[str, ...], *texts: str, **variables: str) -> Program:
        """A process that is ready once its log contains these texts."""
        if (metrics := metrics_of(name)) in self._layout.ports:
            variables["METRICS_PORT"] = str(self._layout.ports[metrics])
        ready = self._logged(self._layout.logs / f"{name}.log", *texts)
        given = {**self._common, "K_SERVICE": name, **variables}
        return Program(name, (*PYTHON, *command), ready, ROOT, given, region=self._site.region)

    def _host(self, name: str, factory: str) -> Program:
        port = self._layout.ports[name]
        listens = ("--host", HOST, "--port", str(port), "--factory", f"emulators.stack.host:{factory}")
        return replace(self._program(name, ("granian", *GRANIAN, *listens)), ready=readiness.http_ok(port, "/health"))

    def _rpc_host(self, service: str) -> Program:
        name = rpc_host(service, self._site.name)
        port = self._layout.ports[name]
        program = self._program(name, ("functions.main", "rpc", service), RPC_PORT=str(port))
        return replace(program, ready=readiness.grpc_serving(port))

    def _rpc_hosts(self) -> Program:
        program = self._program(rpc_hosts(self._site.name), ("emulators.stack.parts.rpc_hosts",))
        ports = [self._layout.ports[rpc_host(service, self._site.name)] for service in rpc_services(self._registry)]
        serving = [readiness.grpc_serving(port) for port in ports]
        return replace(program, ready=lambda: all(ask() for ask in serving))

    def _keeper(self) -> Program:
        return self._program(f"keeper-{self._site.name}", ("functions.main", "keeper"), "the lease is held")

    def _topics(self) -> Program:
        module = "topics" if self._layout.event_bus == KAFKA else "subscriptions"
        name = topics(self._site.name)
        made = self._program(name, (f"emulators.stack.parts.{module}",), f"of {self._site.cell} are made")
        return replace(made, stage=EARLY)

    def _separate_workers(self) -> list[Program]:
        made = [
            self._program(relay(service, self._site.name), ("functions.main", "relay", service), self._leads(service))
            for service in relay_services(self._registry)
        ]
        made += [
            self._program(poller(service, self._site.name), ("functions.main", "poller", service), POLLS)
            for service in poller_services(self._registry)
        ]
        for service in consumer_services(self._registry) if self._layout.consumes else ():
            name = f"consumer-{service}-{self._site.name}"
            made.append(self._program(name, ("functions.main", "consumer", service), self._consumes(service)))
        return made

    def _workers(self) -> Program:
        texts = [self._leads(service) for service in relay_services(self._registry)]
        texts += [self._consumes(service) for service in consumer_services(self._registry) if self._layout.consumes]
        return self._program(workers(self._site.name), ("emulators.stack.parts.workers",), POLLS, *texts)

    def _leads(self, service: str) -> str:
        outbox = self._registry.services[service].outbox
        return f"relay {service} leads" if outbox else f"worker {service} has nothing"

    def _consumes(self, service: str) -> str:
        return f"consumers of {service} are at work"

    def _scheduler(self) -> Program:
        name = f"scheduler-{self._site.name}"
        return self._program(name, ("emulators.stack.parts.scheduler",), f"scheduler of {self._site.cell}")
