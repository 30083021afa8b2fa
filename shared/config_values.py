"""The values of variables that are more than a text, a number or an address, and what they must be."""

import re
from pathlib import Path
from typing import Final, cast, get_args

from shared import ids, money
from shared.cells.words import Mode, Standbys
from shared.variables import ConfigurationError, Variables

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
INSTANCE: Final = r"[a-z0-9.:-]+:[a-z0-9-]+:[a-z0-9-]+"
ACCOUNT: Final = r"[^\s=,]+@[^\s=,]+"
STANDBY: Final = r"[^\s=,\"]+"
CURRENCY: Final = r"[A-Z]{2,10}"
CELL_URL: Final = r"https://[a-z0-9.-]*\{row\}\{suffix\}[a-z0-9.-]*\{region\}[a-z0-9.-]+"
RPC_URL: Final = r"https://[a-z0-9.-]*\{service\}\{suffix\}[a-z0-9.-]*\{region\}[a-z0-9.-]+"
PROMOTER: Final = "promoter"
"""In RPC_CALLERS, the job that promotes: it works as every service, and says as which one it calls."""
KEY_VERSION: Final = r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+/cryptoKeyVersions/[0-9]+"


def cell_addresses(given: Variables, name: str) -> dict[str, str]:
    """host:port by `<cell>` or `<cell>@<region>`. Raises ConfigurationError for an unknown one."""
    found = given.pairs(name, given.host_port, f"{ids.CELL}(?:@[a-z0-9-]+)?")
    for key in found:
        _check_cell(name, key, *key.partition("@")[::2])
    return found


def brokers(given: Variables, name: str) -> dict[str, str]:
    """host:port by cell. Raises ConfigurationError for an unknown one."""
    found = given.pairs(name, given.host_port, ids.CELL)
    for cell in found:
        _check_cell(name, cell, cell, "")
    return found


def rpc_addresses(given: Variables, name: str) -> dict[str, str]:
    """host:port by `<service>`, `<service>@<cell>` or `<service>@<cell>@<region>`.

    Raises ConfigurationError for an unknown cell or region.
    """
    found = given.pairs(name, given.host_port, f"[a-z0-9_-]+(?:@{ids.CELL}(?:@[a-z0-9-]+)?)?")
    for key in found:
        if "@" in key:
            _check_cell(name, key, *key.partition("@")[2].partition("@")[::2])
    return found


def _check_cell(name: str, key: str, cell: str, region: str) -> None:
    from shared.registry import load

    if cell not in load().cells or region not in ("", *load().regions):
        raise ConfigurationError(name, f"has {key!r}, which is no cell, or no cell of a region")


def delivery(given: Variables, name: str, event_bus: str) -> str:
    """How Pub/Sub's messages reach event rows. Raises ConfigurationError for pulls from another bus."""
    chosen = given.one_of(name, "push", "push", "pull")
    if chosen == "pull" and event_bus != "pubsub":
        raise ConfigurationError(name, f"is pull, which is for EVENT_BUS=pubsub and not for {event_bus}")
    return chosen


def amount(name: str, text: str) -> int:
    """An amount of atomic units. Raises ConfigurationError."""
    try:
        return money.Amount.parse(text)
    except ValueError as error:
        raise ConfigurationError(name, f"has {text!r}, and {error}") from error


def withdrawing(given: Variables, name: str, least: int, *, local: bool) -> dict[str, int]:
    """An amount for each currency of CHAIN_ASSETS, from `least` (the local default) to 1,000 whole units.

    Raises ConfigurationError for other currencies or amounts and, in the cloud, for a missing currency.
    """
    amounts = given.pairs(name, amount, CURRENCY)
    currencies = given.pairs("CHAIN_ASSETS", given.asset, CURRENCY).keys()
    if amounts.keys() - currencies or (not local and currencies - amounts.keys()):
        raise ConfigurationError(
            name, f"must say an amount of each of {', '.join(sorted(currencies))}, and of no other"
        )
    for currency, chosen in amounts.items():
        most = 1000 * 10 ** money.DECIMALS.get(currency, 18)
        if not least <= chosen <= most:
            raise ConfigurationError(name, f"of {currency} is {chosen}, which is not from {least} to {most}")
    return {currency: amounts.get(currency, least) for currency in currencies}


def key_version(name: str, text: str) -> str:
    """The version of a key in Cloud KMS, by its resource name. Raises ConfigurationError."""
    if not re.fullmatch(KEY_VERSION, text, re.ASCII):
        raise ConfigurationError(name, f"has {text!r}, which is no version of a key in Cloud KMS")
    return text


def caller(name: str, text: str) -> str:
    """A service of the registry, or PROMOTER. Raises ConfigurationError."""
    from shared.registry import load

    if text not in (*load().services, PROMOTER):
        raise ConfigurationError(name, f"has {text!r}, which is no service")
    return text


def gate(given: Variables, name: str) -> Mode:
    """`open` or `strict`."""
    return "strict" if given.one_of(name, "open", "open", "strict") == "strict" else "open"


def standbys(given: Variables, name: str) -> Standbys:
    """`asynchronous`, `synchronous` or `none`. Raises ConfigurationError for synchronous ones of Cloud SQL.

    It has asynchronous ones across regions (https://cloud.google.com/sql/docs/postgres/replication/cross-region-replicas).
    """
    chosen = cast(Standbys, given.one_of(name, "asynchronous", *get_args(Standbys)))
    if chosen == "synchronous" and given.text("CLOUD_SQL_INSTANCE", ""):
        raise ConfigurationError(name, "is synchronous, and Cloud SQL has no synchronous standbys in other regions")
    return chosen


def standby_names(given: Variables, name: str) -> dict[str, str]:
    """The region of each standby by the name under which a primary sees it. Raises ConfigurationError.

    Only where standbys are not named like their regions: nobody chooses the names of Cloud SQL's.
    """
    from shared.registry import load

    found = given.pairs(name, lambda _, region: region, STANDBY)
    for region in found.values():
        if region not in load().regions or list(found.values()).count(region) > 1:
            raise ConfigurationError(name, f"has {region!r}, which is no region, or has two standbys")
    return found


def secret_file(folder: Path, name: str) -> Path:
    """The file of a secret: `<name>/value` if the name is a directory, otherwise `<name>`.

    Cloud Run cannot mount two secrets in one directory, so each has its own.
    (https://cloud.google.com/run/docs/configuring/services/secrets)
    """
    place = folder / name
    return place / "value" if place.is_dir() else place


def database_login(account: str) -> str:
    """The login in PostgreSQL of a service account: its e-mail address without this suffix.

    (https://cloud.google.com/sql/docs/postgres/add-manage-iam-users)
    """
    return account.removesuffix(".gserviceaccount.com")
