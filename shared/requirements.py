"""Checks that a role's configuration is complete, so that a misconfigured process does not start.

Only what a role itself uses is required, so that a missing value does not stop other roles; and only cheap checks
are made, since functions have cold starts. Whether values are valid is checked by variables.py.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final, Literal

from shared.config import Settings
from shared.registry import Row, load
from shared.variables import ConfigurationError

Role = Literal["function", "rpc", "relay", "poller", "consumer", "keeper"]

DATABASE: Final = ("CLOUD_SQL_INSTANCE", "DATABASE_USER")
"""What a connection to a database takes."""

SERVICE_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": ("ALLOWED_CHAINS",),
    "wallet": ("CUSTODY_CHAIN_ID", "VAULT_CONTRACT"),
    "supply": ("CLAIM_CHAIN_ID", "CLAIM_CONTRACT"),
    "claiming": ("CLAIM_CHAIN_ID", "CLAIM_CONTRACT"),
}
"""Variables that a service needs in any role, and that have a default only on the local stack."""

ROW_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {"ready": (*DATABASE, "REDIS_URL")}
"""Variables of operations that use what their service does not have: `ready` connects to every service's database."""

DISTINCT_SECRETS: Final = ("nonce_key", "refresh_key", "quote_key", "webhook_key", "push_token")
"""Secrets for one purpose each, which must be different."""

HEXADECIMAL: Final = ("webhook_key", "voucher_key", "treasury_key", "relayer_key")
"""Secrets of 32 bytes, as exactly 64 hexadecimal digits."""

PUBLIC_KEYS: Final = "jwt_public_keys.json"

REDIS_AUTHORITIES: Final = "redis_ca"
"""The certificates of the authorities that sign those of Redis's nodes, in PEM. Public, but mounted like a secret."""


def rows_of(role: Role, name: str) -> list[Row]:
    """The operations that a role runs. name: of a function, or of the service of another role; a keeper runs none."""
    registry = load()
    if role == "function":
        return [registry.rows[name]]
    if role == "rpc":
        return registry.hosted_rpcs(name)
    rows = registry.of(name)
    consumed = [row for row in rows if row.event] if role in ("relay", "consumer") else []
    return consumed + [row for row in rows if row.worker == role]


def secrets_of(rows: Sequence[Row]) -> list[str]:
    """The secrets that operations need, by name."""
    checks_tokens = any(row.scope not in (None, "public") for row in rows)
    return sorted({name for row in rows for name in row.secrets} | ({PUBLIC_KEYS} if checks_tokens else set()))


def check(settings: Settings, role: Role, rows: Sequence[Row], service: str) -> None:
    """Make sure that a process has what it needs.

    rows: the operations that it runs. service: their service. Raises ConfigurationError.
    """
    if role == "consumer" and settings.event_bus == "pubsub" and settings.event_delivery == "push":
        raise ConfigurationError("EVENT_DELIVERY", "is push, so that functions receive events, and no consumer does")
    if not settings.local:
        for variable in _variables(settings, role, rows, service):
            if not getattr(settings, variable.lower()):
                raise ConfigurationError(variable, f"is needed by {role} {_named(role, rows, service)} and not set")
            if variable == "REDIS_URL" and not settings.has_secret(REDIS_AUTHORITIES):
                raise ConfigurationError(f"The secret {REDIS_AUTHORITIES}", "is needed to verify Redis, and not there")
        _check_addresses(settings, rows, service)
        _check_chains(settings, rows, service)
    _check_secrets(settings, rows)


def check_job(settings: Settings, service: str) -> None:
    """Make sure that a job of a service has what it needs: its database, and the services that it calls.

    Raises ConfigurationError.
    """
    if settings.local:
        return
    for variable in DATABASE if load().services[service].database else ():
        if not getattr(settings, variable.lower()):
            raise ConfigurationError(variable, f"is needed by jobs of {service} and not set")
    _check_callees(settings, service)


def check_keeper(settings: Settings) -> None:
    """Make sure that the keeper of a cell has what it needs: the cell's databases. Raises ConfigurationError."""
    for variable in DATABASE if not settings.local else ():
        if not getattr(settings, variable.lower()):
            raise ConfigurationError(variable, "is needed by keeper and not set")


def check_migrations(settings: Settings) -> None:
    """Make sure that the job that migrates has what it needs. Raises ConfigurationError.

    In the cloud it grants each service's role to that service's account, and so has to know the accounts.
    """
    if settings.local:
        return
    for variable in (*DATABASE, "RPC_CALLERS", "KEEPER_ACCOUNT"):
        if not getattr(settings, variable.lower()):
            raise ConfigurationError(variable, "is needed by migrate and not set")
    known = set(settings.rpc_callers.values())
    if missing := [name for name, service in load().services.items() if service.database and name not in known]:
        raise ConfigurationError("RPC_CALLERS", f"lacks the account of {missing[0]}, which has a database")


def _variables(settings: Settings, role: Role, rows: Sequence[Row], service: str) -> Iterator[str]:
    """The required variables."""
    stores = load().services[service].database and any(row.transaction != "none" or row.event for row in rows)
    if stores or role in ("relay", "consumer"):
        yield from DATABASE if load().services[service].database else ()
    yield from (variable for row in rows for variable in ROW_VARIABLES.get(row.name, ()))
    if stores or any(row.limit for row in rows):
        yield "REDIS_URL"
    if role == "function" and any(row.event or row.schedule for row in rows):
        yield from ("INTERNAL_AUDIENCE", "INTERNAL_ACCOUNTS")
    if role == "rpc":
        yield "RPC_CALLERS"
    # Without other cells nothing would be sent to them, or received of them.
    alone = len(load().cells) > 1 and not settings.other_cells
    if alone and (role == "relay" or any(row.cells != "own" or row.copied for row in rows)):
        yield "RPC_URL"
    if role in ("relay", "consumer") and settings.event_bus == "kafka":
        yield "KAFKA_BOOTSTRAP"
        if role == "consumer" and settings.other_cells and any(row.cells != "own" for row in rows):
            yield "KAFKA_CELLS"
    if any(role != "relay" or row.worker for row in rows):
        yield from SERVICE_VARIABLES.get(service, ())


def _check_addresses(settings: Settings, rows: Sequence[Row], service: str) -> None:
    """Check that the called services have an address. Public operations call nobody but Firestore."""
    if not all(row.scope == "public" and service != "identity" for row in rows):
        _check_callees(settings, service)


def _check_callees(settings: Settings, service: str) -> None:
    callees = {row.service for row in load().rows.values() if service in row.callers and row.hosts is None}
    for callee in sorted(callees - set(settings.rpc_addresses)):
        raise ConfigurationError("RPC_ADDRESSES", f"lacks {callee}, which {service} calls")


def _check_chains(settings: Settings, rows: Sequence[Row], service: str) -> None:
    """Check that there is a node for the chain that the service uses."""
    chains = {"wallet": ("CUSTODY_CHAIN_ID", settings.custody_chain_id)} if rows else {}
    if settings.claim_redemption == "relayer":
        chains["claiming"] = ("CLAIM_CHAIN_ID", settings.claim_chain_id)
    variable, chain = chains.get(service, ("", 0))
    if rows and chain and chain not in settings.chain_urls:
        raise ConfigurationError("CHAIN_URLS", f"lacks a node of {chain}, which is {variable}")


def _check_secrets(settings: Settings, rows: Sequence[Row]) -> None:
    """Check that the operations' secrets exist and are valid, and that none is used for two purposes."""
    for name in secrets_of(rows):
        if name.removesuffix("_key") in settings.kms_keys:
            continue
        secret = settings.secret(name)
        if name in HEXADECIMAL and not re.fullmatch(rb"[0-9a-fA-F]{64}", secret):
            raise ConfigurationError(f"The secret {name}", "is not 64 hexadecimal digits, and nothing else")
    known = [(name, settings.secret(name)) for name in DISTINCT_SECRETS if settings.has_secret(name)]
    for (one, value), (other, same) in combinations(known, 2):
        if value == same:
            raise ConfigurationError(f"The secret {one}", f"is the same as {other}")


def _named(role: Role, rows: Sequence[Row], service: str) -> str:
    return rows[0].name if role == "function" and rows else service
