"""What each role needs of its environment. A process that cannot do its part does not start.

Only what a role itself uses is asked for, so that what one lacks stops no other; and only what is cheap is looked at,
since functions start cold. Whether a value is a good one, variables.py knows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final, Literal

from shared.config import Settings
from shared.registry import Row, load
from shared.variables import ConfigurationError

Role = Literal["function", "rpc", "relay", "consumer"]

OF_SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": ("ALLOWED_CHAINS",),
    "wallet": ("CUSTODY_CHAIN_ID", "VAULT_CONTRACT"),
    "supply": ("CLAIM_CHAIN_ID", "CLAIM_CONTRACT"),
    "claiming": ("CLAIM_CHAIN_ID", "CLAIM_CONTRACT"),
}
"""What a service cannot do without, in whatever role, and what has a default on the local stack alone."""

APART: Final = ("nonce_key", "refresh_key", "quote_key", "webhook_key", "push_token")
"""Secrets that are for one purpose each: who learns one of them learns no other."""

HEXADECIMAL: Final = ("webhook_key", "voucher_key", "treasury_key", "relayer_key")
"""Secrets that are 32 bytes, in 64 hexadecimal digits and nothing else."""

PUBLIC_KEYS: Final = "jwt_public_keys.json"


def check(settings: Settings, role: Role, rows: Sequence[Row], service: str) -> None:
    """Make sure that a process has what it needs.

    rows: the operations that it runs. service: whose it is. Raises ConfigurationError.
    """
    if not settings.local:
        for variable in _variables(settings, role, rows, service):
            if not getattr(settings, variable.lower()):
                raise ConfigurationError(variable, f"is needed by {role} {_named(role, rows, service)} and not set")
        _check_addresses(settings, rows, service)
        _check_chains(settings, rows, service)
    _check_secrets(settings, rows)


def _variables(settings: Settings, role: Role, rows: Sequence[Row], service: str) -> Iterator[str]:
    """The variables that have to be set."""
    stores = load().services[service].database and any(row.transaction != "none" or row.event for row in rows)
    if stores or role in ("relay", "consumer"):
        yield from ("CLOUD_SQL_INSTANCE",) if load().services[service].database else ()
    if stores or any(row.limit for row in rows):
        yield "REDIS_URL"
    if role == "function" and any(row.event or row.schedule for row in rows):
        yield from ("INTERNAL_AUDIENCE", "INTERNAL_ACCOUNTS")
    if role == "rpc":
        yield "RPC_CALLERS"
    if role in ("relay", "consumer") and settings.event_bus == "kafka":
        yield "KAFKA_BOOTSTRAP"
    if rows and role != "relay":
        yield from OF_SERVICES.get(service, ())


def _check_addresses(settings: Settings, rows: Sequence[Row], service: str) -> None:
    """That the services that are called have an address. What is public asks nobody but Firestore."""
    if all(row.scope == "public" and service != "identity" for row in rows):
        return
    callees = {row.service for row in load().rows.values() if service in row.callers and row.hosts is None}
    for callee in sorted(callees - set(settings.rpc_addresses)):
        raise ConfigurationError("RPC_ADDRESSES", f"lacks {callee}, which {service} calls")


def _check_chains(settings: Settings, rows: Sequence[Row], service: str) -> None:
    """That there is a node of each chain on which the service has something to do."""
    wanted = {"wallet": ("CUSTODY_CHAIN_ID", settings.custody_chain_id)} if rows else {}
    if settings.claim_redemption == "relayer":
        wanted["claiming"] = ("CLAIM_CHAIN_ID", settings.claim_chain_id)
    variable, chain = wanted.get(service, ("", 0))
    if rows and chain and chain not in settings.chain_urls:
        raise ConfigurationError("CHAIN_URLS", f"lacks a node of {chain}, which is {variable}")


def _check_secrets(settings: Settings, rows: Sequence[Row]) -> None:
    """That the secrets of the operations are there, and good, and that none stands for two purposes."""
    names = {name for row in rows for name in row.secrets}
    if any(row.scope not in (None, "public") for row in rows):
        names.add(PUBLIC_KEYS)
    for name in sorted(names):
        if name.removesuffix("_key") in settings.kms_keys:
            continue
        secret = settings.secret(name)
        if name in HEXADECIMAL and not re.fullmatch(rb"[0-9a-fA-F]{64}", secret):
            raise ConfigurationError(f"The secret {name}", "is not 64 hexadecimal digits, and nothing else")
    known = [(name, settings.secret(name)) for name in APART if (settings.secrets_dir / name).exists()]
    for (one, value), (other, same) in combinations(known, 2):
        if value == same:
            raise ConfigurationError(f"The secret {one}", f"is the same as {other}")


def _named(role: Role, rows: Sequence[Row], service: str) -> str:
    return rows[0].name if role == "function" and rows else service
