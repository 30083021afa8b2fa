"""The environment variables of every Meridian process of the stack, in one place. shared/config.py reads them.

| variable | meaning |
|---|---|
| MERIDIAN_STACK | absolute path of the state folder: marks the processes of one stack, so that orphans are found |
| MERIDIAN_ENVIRONMENT | `local` |
| MERIDIAN_REGION, MERIDIAN_CELL | the region that the process runs in, and the cell that it serves |
| CELL_ADDRESSES | cell=host:port,... of every cell's functions host; that of another region by a link (links.py) |
| CELL_LEASES | whether cells are written under a lease, kept by a keeper: with several sites, or if it is set |
| PUBLIC_URL | the edge, as clients write it; with several regions the global one |
| DATABASE_HOST, DATABASE_PORT | the cell's PostgreSQL; each service has a database and a role of its own there |
| REPLICA_HOST, REPLICA_PORT | its standby, if the stack has one |
| REDIS_URL | the cell's Valkey |
| PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST | host:port; Google's clients find their emulators by these names |
| EVENT_BUS, KAFKA_BOOTSTRAP | the event bus: `kafka` with its broker, and then no Pub/Sub; else `pubsub` |
| PUBSUB_CELLS | cell=host:port,...: where consumers pull other regions' messages from, by a link (links.py) |
| EVENT_DELIVERY | `push` unless the caller sets `pull`: consumers pull Pub/Sub's messages, functions get no pushes |
| GOOGLE_CLOUD_PROJECT | `meridian-local` |
| SECRETS_DIR | the folder of secrets, a file each |
| RPC_ADDRESSES | service=host:port,... of the same site's RPC hosts, service@cell=host:port of those of others |
| RPC_PORT | a process with one RPC host: the port to listen on; one with several listens where RPC_ADDRESSES says |
| TRACES | the folder of spans, which `make trace` reads |
| K_SERVICE | the name of the program |
| METRICS_PORT | functions and events hosts, RPC hosts, relays, pollers, workers: the port of their metrics |
| FUNCTIONS_ADDRESS | host:port of the functions host of the same site |
| EVENTS_ADDRESS | host:port of its events host |
| SELF_SERVICE_MERCHANTS, OPERATOR_ADDRESSES | `true`; whom `make token AS=operator` signs in; both settable |
| EVENTS_ADDRESSES | cell=host:port,...: where events of other cells are pushed to it, by a link out of their region |
| cell@region=..., service@cell@region=... | in these three: where a cell is not at home, and may be promoted to |
| CHAIN_URLS, VAULT_CONTRACT, CHAIN_ASSETS, ... | the local chain (contracts.py); absent without npm |
| PROXIES | 1: of the edges in front only the first adds to X-Forwarded-For |
| WEBHOOKS_TO_LOOPBACK | `true`: webhooks may be sent to this machine, over plain HTTP |
| ACTIVITY_WAITERS | 4: how many requests may long-poll for activity at once |
| GRPC_ENABLE_FORK_SUPPORT | 1: the functions host's server forks after import |
| FUNCTION_SOURCE, PYTHONPATH | functions/main.py and the root of the checkout |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulators.stack import secrets
from emulators.stack.parts import contracts
from emulators.stack.ports import HOST, events_host, functions_host, link, published, rpc_host, store
from emulators.stack.sites import Site, standbys_of
from shared.registry import load

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""

FUNCTION_SOURCE: Final = ROOT / "functions" / "main.py"

PROJECT: Final = "meridian-local"

PUBSUB: Final = "pubsub"
KAFKA: Final = "kafka"
EVENT_BUS: Final = "EVENT_BUS"
"""The variable that names the event bus, one of these two."""

PUSH: Final = "push"
PULL: Final = "pull"
EVENT_DELIVERY: Final = "EVENT_DELIVERY"
"""The variable that says how Pub/Sub's messages reach event rows, in one of these two ways."""

STANDBYS, NO_STANDBYS = "STANDBYS", "none"
"""The variable that says which standbys cells have in other regions: `asynchronous`, `synchronous`, or this."""

INHERITED: Final = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "JAVA_HOME", "SYSTEMROOT")
"""What processes inherit from the caller. The rest is dropped, lest a proxy or a Google credential be used."""

SETTABLE: Final = (
    "ALLOWED_CHAINS",
    "ALLOWED_ORIGINS",
    "ANSWER_WITHIN_SECONDS",
    "CLAIM_CHAIN_ID",
    "CLAIM_ATTEMPTS",
    "CLAIM_CONTRACT",
    "CLAIM_REDEEM_AFTER_SECONDS",
    "CLAIM_REDEMPTION",
    "CLAIM_RETRY_SECONDS",
    "CELL_LEASES",
    "CHAIN_CONFIRMATIONS",
    "COLLECT_FROM",
    "DATABASE_POOL",
    "EVENT_BUS",
    "EVENT_DELIVERY",
    "FEE_BPS",
    "GATE",
    "LOG_LEVEL",
    "OPERATOR_ADDRESSES",
    "REPLACE_AFTER_SECONDS",
    "ORDER_MATURES_AFTER_SECONDS",
    "ORDER_TTL_SECONDS",
    "PAYMENT_LAG_SECONDS",
    "QUOTE_TTL_SECONDS",
    "SELF_SERVICE_MERCHANTS",
    "STANDBYS",
    "TRACES_SAMPLED_PER_MILLE",
    "VOUCHER_TTL_SECONDS",
    "WITHDRAWAL_FEE",
    "WITHDRAWAL_LEAST",
)
"""Settings that the caller may override, as in `ORDER_TTL_SECONDS=60 make run`."""


@dataclass(frozen=True)
class Layout:
    """Where one stack has its files and ports, and what it runs.

    state: the folder of its files, absolute.
    ports: the port of each program by name.
    sites: the cells that it serves and where, those of the primary region first.
    overrides: settings from the caller, which take precedence over those of this file.
    """

    state: Path
    ports: Mapping[str, int]
    sites: tuple[Site, ...]
    overrides: Mapping[str, str]

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions, the primary first."""
        return tuple(dict.fromkeys(site.region for site in self.sites))

    @property
    def standbys(self) -> tuple[Site, ...]:
        """Where its cells have standbys, and are promoted to."""
        return () if self.overrides.get(STANDBYS) == NO_STANDBYS else standbys_of(self.sites)

    @property
    def places(self) -> tuple[Site, ...]:
        """Where its cells are served, or may be."""
        return (*self.sites, *self.standbys)

    def serving(self, moved: Mapping[str, str]) -> tuple[Site, ...]:
        """Where its cells are served. moved: the region of each cell that is not at home."""
        where = {**{site.cell: site.region for site in self.sites}, **moved}
        return tuple(site for site in self.places if site.region == where[site.cell])

    def other(self, site: Site) -> Site | None:
        """The other place of a site's cell, if it has two."""
        return next((each for each in self.places if each.cell == site.cell and each != site), None)

    @property
    def apart(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The regions and cells that have keys of their own; none with a single cell."""
        if len(self.sites) < 2:
            return (), ()
        return self.regions, tuple(site.cell for site in self.sites)

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return self.state / "secrets"

    @property
    def logs(self) -> Path:
        """The folder of logs, a file for each process."""
        return self.state / "logs"

    @property
    def traces(self) -> Path:
        """The folder of spans, a file for each process."""
        return self.state / "traces"

    def configuration(self, edge: str) -> Path:
        """The file that an edge reads."""
        return self.state / f"{edge}.json"

    def links(self, region: str) -> Path:
        """The file that says which links lead out of a region."""
        return self.state / f"links-{region}.json"

    @property
    def event_bus(self) -> str:
        """The event bus: pubsub or kafka."""
        return self.overrides.get(EVENT_BUS, PUBSUB)

    @property
    def consumes(self) -> bool:
        """Whether consumers run, and functions get no pushes: with Kafka, and with pulls from Pub/Sub."""
        return self.event_bus == KAFKA or self.overrides.get(EVENT_DELIVERY, PUSH) == PULL

    @property
    def leases(self) -> bool:
        """Whether cells are written under a lease."""
        return self.overrides.get("CELL_LEASES", "true" if len(self.sites) > 1 else "false") == "true"

    @property
    def edge_url(self) -> str:
        """Where clients reach the stack."""
        return f"http://{HOST}:{self.ports['edge']}"

    def store(self, kind: str, site: Site) -> str:
        """The name of a site's own postgres, replica, valkey or the like; a stack of one site has just one."""
        return store(kind, site, self.sites)

    def link_to_primary(self, standby: Site) -> str:
        """The link by which the database server of a place follows that of its cell's other one. Raises KeyError."""
        other = self.other(standby)
        if other is None:
            raise KeyError(standby.cell)
        return link(standby.region, self.store("postgres", other))

    def address(self, name: str) -> str:
        """The host:port of a program."""
        return f"{HOST}:{self.ports[name]}"


def caller_overrides() -> dict[str, str]:
    """The SETTABLE variables that the caller's environment sets."""
    return {name: os.environ[name] for name in SETTABLE if name in os.environ}


def base(state: Path) -> dict[str, str]:
    """The environment of every process of a stack, including the emulators."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "MERIDIAN_STACK": str(state)}


def for_site(layout: Layout, site: Site) -> dict[str, str]:
    """The environment of a Meridian process at a site."""
    postgres, replica, valkey = (layout.store(kind, site) for kind in ("postgres", "replica", "valkey"))
    return {
        **base(layout.state),
        "MERIDIAN_ENVIRONMENT": "local",
        "MERIDIAN_REGION": site.region,
        "MERIDIAN_CELL": site.cell,
        "CELL_ADDRESSES": ",".join(
            f"{_at(layout, each)}={_reached(layout, site, each, functions_host(each.name))}" for each in layout.places
        ),
        "CELL_LEASES": "true" if layout.leases else "false",
        "PUBLIC_URL": layout.edge_url,
        "DATABASE_HOST": HOST,
        "DATABASE_PORT": str(layout.ports[postgres]),
        **({"REPLICA_HOST": HOST, "REPLICA_PORT": str(layout.ports[replica])} if replica in layout.ports else {}),
        "REDIS_URL": f"redis://{layout.address(valkey)}/0",
        **_events(layout, site),
        "FIRESTORE_EMULATOR_HOST": layout.address("firestore"),
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "SECRETS_DIR": str(layout.secrets),
        "RPC_ADDRESSES": ",".join(f"{name}={address}" for name, address in _rpc_addresses(layout, site).items()),
        "FUNCTIONS_ADDRESS": layout.address(functions_host(site.name)),
        "EVENTS_ADDRESS": layout.address(events_host(site.name)),
        "EVENTS_ADDRESSES": ",".join(
            f"{_at(layout, other)}={_reached(layout, other, site, events_host(site.name))}"
            for other in layout.places
            if other.cell != site.cell
        ),
        "TRACES": str(layout.traces),
        "SELF_SERVICE_MERCHANTS": "true",
        "OPERATOR_ADDRESSES": secrets.address(layout.secrets, "operator"),
        "PROXIES": "1",
        "WEBHOOKS_TO_LOOPBACK": "true",
        # One process serves all HTTP functions: requests that wait for activity must leave threads to the others.
        "ACTIVITY_WAITERS": "4",
        "GRPC_ENABLE_FORK_SUPPORT": "1",
        "FUNCTION_SOURCE": str(FUNCTION_SOURCE),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **(contracts.settings(layout.ports["chain"], layout.secrets, *layout.apart) if "chain" in layout.ports else {}),
        **layout.overrides,
    }


def _rpc_addresses(layout: Layout, site: Site) -> dict[str, str]:
    """The RPC hosts that the processes of a site call: by service its own, by `<service>@<cell>` others.

    By `<service>@<cell>@<region>` those of a region that another cell may be promoted to.
    """
    return {
        service if other == site else f"{service}@{_at(layout, other)}": _reached(layout, site, other, name)
        for other in layout.places
        for service in load().services
        if (name := rpc_host(service, other.name)) in layout.ports and (other == site or other.cell != site.cell)
    }


def _at(layout: Layout, site: Site) -> str:
    """How a site is named in tables of addresses: by its cell, and by its region where the cell is not at home."""
    return site.cell if site in layout.sites else f"{site.cell}@{site.region}"


def _reached(layout: Layout, site: Site, other: Site, program: str) -> str:
    """The address of a program of one site for the processes of another one."""
    return layout.address(program if other.region == site.region else link(site.region, program))


def _events(layout: Layout, site: Site) -> dict[str, str]:
    if layout.event_bus == KAFKA:
        return {"KAFKA_BOOTSTRAP": layout.address(KAFKA)}
    pulled = ",".join(
        f"{other.cell}={layout.address(link(site.region, published(other.name)))}"
        for other in layout.sites
        if other.region != site.region
    )
    return {"PUBSUB_EMULATOR_HOST": layout.address(PUBSUB), **({"PUBSUB_CELLS": pulled} if pulled else {})}
