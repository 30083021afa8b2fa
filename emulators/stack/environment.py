"""The environment variables of every Meridian process of the stack, in one place. shared/config.py reads them.

| variable | meaning |
|---|---|
| MERIDIAN_STACK | absolute path of the state folder: marks the processes of one stack, so that orphans are found |
| MERIDIAN_ENVIRONMENT | `local` |
| MERIDIAN_REGION | the region that the process serves |
| PUBLIC_URL | the edge, as clients write it |
| DATABASE_HOST, DATABASE_PORT | PostgreSQL; each service has a database and a role of its own there |
| REPLICA_HOST, REPLICA_PORT | its standby, if the stack has one |
| REDIS_URL | Valkey |
| PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST | host:port; Google's clients find their emulators by these names |
| EVENT_BUS, KAFKA_BOOTSTRAP | the event bus: `kafka` with its broker, and then no Pub/Sub; else `pubsub` |
| EVENT_DELIVERY | `push` unless the caller sets `pull`: consumers pull Pub/Sub's messages, functions get no pushes |
| GOOGLE_CLOUD_PROJECT | `meridian-local` |
| SECRETS_DIR | the folder of secrets, a file each |
| RPC_ADDRESSES | service=host:port,... of the RPC hosts of the same region |
| RPC_PORT | RPC hosts only: the port to listen on |
| METRICS_PORT | functions and events hosts, RPC hosts, relays and pollers: the port of their Prometheus metrics |
| FUNCTIONS_ADDRESS | host:port of the functions host of the same region |
| EVENTS_ADDRESS | host:port of its events host |
| SELF_SERVICE_MERCHANTS, OPERATOR_ADDRESSES | `true` and none, unless the caller sets them |
| CHAIN_URLS, VAULT_CONTRACT, CHAIN_ASSETS, ... | the local chain (contracts.py); absent without npm |
| PROXIES | 1: the edge is the only proxy in front |
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

from emulators.stack.parts import contracts
from emulators.stack.ports import HOST

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
    "CHAIN_CONFIRMATIONS",
    "COLLECT_FROM",
    "DATABASE_POOL",
    "EVENT_BUS",
    "EVENT_DELIVERY",
    "FEE_BPS",
    "LOG_LEVEL",
    "OPERATOR_ADDRESSES",
    "REPLACE_AFTER_SECONDS",
    "ORDER_MATURES_AFTER_SECONDS",
    "ORDER_TTL_SECONDS",
    "PAYMENT_LAG_SECONDS",
    "QUOTE_TTL_SECONDS",
    "SELF_SERVICE_MERCHANTS",
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
    regions: the regions that it serves, the primary first.
    overrides: settings from the caller, which take precedence over those of this file.
    """

    state: Path
    ports: Mapping[str, int]
    regions: tuple[str, ...]
    overrides: Mapping[str, str]

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return self.state / "secrets"

    @property
    def logs(self) -> Path:
        """The folder of logs, a file for each process."""
        return self.state / "logs"

    @property
    def event_bus(self) -> str:
        """The event bus: pubsub or kafka."""
        return self.overrides.get(EVENT_BUS, PUBSUB)

    @property
    def consumes(self) -> bool:
        """Whether consumers run, and functions get no pushes: with Kafka, and with pulls from Pub/Sub."""
        return self.event_bus == KAFKA or self.overrides.get(EVENT_DELIVERY, PUSH) == PULL

    @property
    def edge_url(self) -> str:
        """Where clients reach the stack."""
        return f"http://{HOST}:{self.ports['edge']}"

    def address(self, name: str) -> str:
        """The host:port of a program."""
        return f"{HOST}:{self.ports[name]}"


def functions_host(region: str) -> str:
    """The name of a region's functions host."""
    return f"functions-{region}"


def events_host(region: str) -> str:
    """The name of a region's host of event and schedule functions."""
    return f"events-{region}"


def rpc_host(service: str, region: str) -> str:
    """The name of a service's RPC host in a region."""
    return f"rpc-{service}-{region}"


def relay(service: str, region: str) -> str:
    """The name of a service's relay in a region."""
    return f"relay-{service}-{region}"


def poller(service: str, region: str) -> str:
    """The name of a service's poller in a region."""
    return f"poller-{service}-{region}"


def metrics_of(program: str) -> str:
    """The name in `ports` of a process's metrics port."""
    return f"{program}-metrics"


def caller_overrides() -> dict[str, str]:
    """The SETTABLE variables that the caller's environment sets."""
    return {name: os.environ[name] for name in SETTABLE if name in os.environ}


def base(state: Path) -> dict[str, str]:
    """The environment of every process of a stack, including the emulators."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "MERIDIAN_STACK": str(state)}


def for_region(layout: Layout, region: str) -> dict[str, str]:
    """The environment of a Meridian process in a region."""
    prefix, suffix = "rpc-", f"-{region}"
    rpc_addresses = {
        name.removeprefix(prefix).removesuffix(suffix): layout.address(name)
        for name in layout.ports
        if name.startswith(prefix) and name.endswith(suffix)
    }
    return {
        **base(layout.state),
        "MERIDIAN_ENVIRONMENT": "local",
        "MERIDIAN_REGION": region,
        "PUBLIC_URL": layout.edge_url,
        "DATABASE_HOST": HOST,
        "DATABASE_PORT": str(layout.ports["postgres"]),
        **({"REPLICA_HOST": HOST, "REPLICA_PORT": str(layout.ports["replica"])} if "replica" in layout.ports else {}),
        "REDIS_URL": f"redis://{layout.address('valkey')}/0",
        **_events(layout),
        "FIRESTORE_EMULATOR_HOST": layout.address("firestore"),
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "SECRETS_DIR": str(layout.secrets),
        "RPC_ADDRESSES": ",".join(f"{service}={address}" for service, address in rpc_addresses.items()),
        "FUNCTIONS_ADDRESS": layout.address(functions_host(region)),
        "EVENTS_ADDRESS": layout.address(events_host(region)),
        "SELF_SERVICE_MERCHANTS": "true",
        "OPERATOR_ADDRESSES": "",
        "PROXIES": "1",
        "WEBHOOKS_TO_LOOPBACK": "true",
        # One process serves all HTTP functions: requests that wait for activity must leave threads to the others.
        "ACTIVITY_WAITERS": "4",
        "GRPC_ENABLE_FORK_SUPPORT": "1",
        "FUNCTION_SOURCE": str(FUNCTION_SOURCE),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **(contracts.settings(layout.ports["chain"]) if "chain" in layout.ports else {}),
        **layout.overrides,
    }


def _events(layout: Layout) -> dict[str, str]:
    if layout.event_bus == KAFKA:
        return {"KAFKA_BOOTSTRAP": layout.address(KAFKA)}
    return {"PUBSUB_EMULATOR_HOST": layout.address(PUBSUB)}
