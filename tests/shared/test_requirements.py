"""A role starts when its own requirements are met, and reports the missing one in one sentence."""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, cast

import pytest

from emulators.stack.secrets import ensure
from shared.config import Settings, read
from shared.registry import Row, load
from shared.requirements import (
    DATABASE,
    DISTINCT_SECRETS,
    REDIS_AUTHORITIES,
    Role,
    check,
    check_job,
    check_keeper,
    check_migrations,
    rows_of,
)
from shared.variables import ConfigurationError

ROOT: Final = Path(__file__).parent.parent.parent
CONTRACT: Final = "0xABCDEF0000000000000000000000000000000001"

WHOLE: Final = {
    "MERIDIAN_ENVIRONMENT": "production",
    "MERIDIAN_REGION": "europe-west1",
    "GOOGLE_CLOUD_PROJECT": "shop",
    "PUBLIC_URL": "https://shop.example",
    "CLOUD_SQL_INSTANCE": "shop:europe-west1:main",
    "DATABASE_USER": "service@shop.iam",
    "REDIS_URL": "rediss://10.0.0.1:6379",
    "EVENT_BUS": "kafka",
    "KAFKA_BOOTSTRAP": "10.0.0.2:9092",
    "RPC_ADDRESSES": ",".join(f"{service}={service}.example:443" for service in load().services),
    "RPC_CALLERS": "order@shop.iam.gserviceaccount.com=order",
    "KEEPER_ACCOUNT": "keeper@shop.iam.gserviceaccount.com",
    "ALLOWED_CHAINS": "1,137",
    "CLAIM_CHAIN_ID": "137",
    "CLAIM_CONTRACT": CONTRACT,
    "CLAIM_REDEMPTION": "relayer",
    "CHAIN_URLS": "1=https://one.example,137=https://two.example",
    "CUSTODY_CHAIN_ID": "1",
    "VAULT_CONTRACT": CONTRACT,
    "RPC_URL": "https://rpc-{service}{suffix}.{region}.example",
    "KAFKA_CELLS": "us=us.example:9092,eu=eu.example:9092,as=as.example:9092",
    "INTERNAL_AUDIENCE": "https://internal.example",
    "INTERNAL_ACCOUNTS": "push@shop.iam.gserviceaccount.com",
}
"""Everything that any role needs."""

ROWS: Final = load().rows

CLAIMS: Final = ("CLAIM_CHAIN_ID", "CLAIM_CONTRACT")

LACKS: Final[list[tuple[str, str, str, set[str]]]] = [
    ("function", "create_order", "order", {*DATABASE, "REDIS_URL", "RPC_ADDRESSES"}),
    ("function", "sign_in", "identity", {"REDIS_URL", "RPC_ADDRESSES", "ALLOWED_CHAINS"}),
    (
        "function",
        "create_transfer",
        "wallet",
        {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "CUSTODY_CHAIN_ID", "VAULT_CONTRACT", "CHAIN_URLS"},
    ),
    (
        "function",
        "create_claim",
        "claiming",
        {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "CLAIM_CHAIN_ID", "CLAIM_CONTRACT", "CHAIN_URLS"},
    ),
    (
        "function",
        "open_claim",
        "claiming",
        {
            *DATABASE,
            "REDIS_URL",
            "RPC_ADDRESSES",
            "CLAIM_CHAIN_ID",
            "CLAIM_CONTRACT",
            "CHAIN_URLS",
            "INTERNAL_AUDIENCE",
            "INTERNAL_ACCOUNTS",
        },
    ),
    (
        "function",
        "advance_orders",
        "order",
        {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "INTERNAL_AUDIENCE", "INTERNAL_ACCOUNTS"},
    ),
    ("function", "health", "platform", set()),
    ("function", "ready", "platform", {*DATABASE, "REDIS_URL"}),
    (
        "rpc",
        "",
        "supply",
        {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "RPC_CALLERS", "CLAIM_CHAIN_ID", "CLAIM_CONTRACT"},
    ),
    ("rpc", "", "identity", {"RPC_ADDRESSES", "RPC_CALLERS", "ALLOWED_CHAINS"}),
    ("function", "get_supply", "supply", {"REDIS_URL", "RPC_ADDRESSES", "RPC_URL", *CLAIMS}),
    ("relay", "", "order", {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "RPC_URL", "KAFKA_BOOTSTRAP"}),
    ("relay", "", "identity", {"RPC_URL", "KAFKA_BOOTSTRAP"}),
    (
        "relay",
        "",
        "wallet",
        {
            *(*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "RPC_URL", "KAFKA_BOOTSTRAP"),
            *("CUSTODY_CHAIN_ID", "VAULT_CONTRACT", "CHAIN_URLS"),
        },
    ),
    (
        "poller",
        "",
        "claiming",
        {*DATABASE, "REDIS_URL", "RPC_ADDRESSES", "CLAIM_CHAIN_ID", "CLAIM_CONTRACT", "CHAIN_URLS"},
    ),
    ("poller", "", "notification", {*DATABASE, "REDIS_URL"}),
    ("consumer", "", "notification", {*DATABASE, "REDIS_URL", "RPC_URL", "KAFKA_BOOTSTRAP", "KAFKA_CELLS"}),
]
"""What each role cannot do without: role, operation, service, variables."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good secrets, which take a while to make, in a folder that no test changes."""
    folder = tmp_path_factory.mktemp("secrets")
    ensure(folder, list(load().services))
    (folder / REDIS_AUTHORITIES).write_text("-----BEGIN CERTIFICATE-----", encoding="ascii")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Good secrets of a test's own."""
    return shutil.copytree(made, tmp_path / "secrets")


def settings(folder: Path, **given: str) -> Settings:
    """Settings with everything, but for what is given: empty for what is not set."""
    environment = {**WHOLE, "SECRETS_DIR": str(folder), **given}
    return read({name: value for name, value in environment.items() if value})


def lacked(folder: Path, variable: str, role: str, operation: str, service: str) -> str:
    """The variable that a role reports as missing where one is; empty if it starts."""
    try:
        check(
            settings(folder, **{variable: ""}),
            cast(Role, role),
            rows_of(cast(Role, role), operation or service),
            service,
        )
    except ConfigurationError as error:
        return str(error).partition(" ")[0]
    return ""


OPTIONAL: Final = {"EVENT_BUS", "CLAIM_REDEMPTION"}
"""What has a default."""

ALWAYS: Final = {"MERIDIAN_ENVIRONMENT", "MERIDIAN_REGION", "GOOGLE_CLOUD_PROJECT", "PUBLIC_URL"}
"""Without these there are no settings."""


@pytest.mark.parametrize(("role", "operation", "service", "needed"), LACKS)
def test_a_role_lacks_what_it_needs_alone(
    role: str, operation: str, service: str, needed: set[str], folder: Path
) -> None:
    """A variable that only others need stops nobody; one's own is named."""
    reported = {variable: lacked(folder, variable, role, operation, service) for variable in WHOLE.keys() - OPTIONAL}
    assert reported == {variable: variable if variable in needed | ALWAYS else "" for variable in reported}


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.secrets], ids=lambda row: row.name)
@pytest.mark.parametrize("environment", ["local", "production"])
def test_an_operation_needs_its_secrets(row: Row, environment: str, folder: Path) -> None:
    """Each of them; missing, empty or five bytes long, it is named before anything is served."""
    role: Role = "rpc" if row.rpc else row.worker or "function"
    for name in row.secrets:
        good = (folder / name).read_bytes()
        for bad in (None, b"", b"12345"):
            (folder / name).unlink()
            if bad is not None:
                (folder / name).write_bytes(bad)
            with pytest.raises(ConfigurationError, match=name):
                check(settings(folder, MERIDIAN_ENVIRONMENT=environment), role, [row], row.service)
            (folder / name).write_bytes(good)
    check(settings(folder, MERIDIAN_ENVIRONMENT=environment), role, [row], row.service)


@pytest.mark.parametrize("name", ["voucher_key", "treasury_key", "relayer_key", "webhook_key"])
def test_a_key_is_hexadecimal(name: str, folder: Path) -> None:
    """Not a digit more, and no line end, which Python would overlook."""
    needing = [row for row in ROWS.values() if name in row.secrets]
    good = (folder / name).read_bytes()
    for bad in (good + b"\n", b" " + good, good[:-1] + b"x", good + good):
        (folder / name).write_bytes(bad)
        with pytest.raises(ConfigurationError, match=name):
            check(settings(folder), "function", needing[:1], needing[0].service)


def test_redis_is_verified(folder: Path) -> None:
    """In the cloud who uses Redis knows the authorities of its nodes, and reaches it over TLS."""
    (folder / REDIS_AUTHORITIES).unlink()
    with pytest.raises(ConfigurationError, match=REDIS_AUTHORITIES):
        check(settings(folder), "function", [ROWS["create_order"]], "order")
    check(settings(folder, MERIDIAN_ENVIRONMENT="local"), "function", [ROWS["create_order"]], "order")
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        settings(folder, REDIS_URL="redis://10.0.0.1:6379")


def test_a_key_in_kms_needs_no_file(folder: Path) -> None:
    """Where a signature is Cloud KMS's, there is no secret to be had."""
    (folder / "voucher_key").unlink()
    version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
    check(settings(folder, KMS_KEYS=f"voucher={version}"), "function", [ROWS["create_claim"]], "claiming")


def test_no_secret_is_for_two_purposes(folder: Path) -> None:
    """A leak of the nonce key must not be a leak of the refresh token key."""
    assert set(DISTINCT_SECRETS) <= {path.name for path in folder.iterdir()}
    for one in DISTINCT_SECRETS:
        for other in DISTINCT_SECRETS:
            if one != other:
                good = (folder / one).read_bytes()
                (folder / one).write_bytes((folder / other).read_bytes())
                with pytest.raises(ConfigurationError, match="is the same as"):
                    check(settings(folder), "function", [ROWS["health"]], "platform")
                (folder / one).write_bytes(good)


@pytest.mark.parametrize(
    ("arguments", "change", "says"),
    [
        (["rpc", "wallet"], {"FEE_BPS": "-500"}, "FEE_BPS has -500, which is not from 0 to 10000."),
        (["relay", "order"], {"CLOUD_SQL_INSTANCE": ""}, "CLOUD_SQL_INSTANCE is needed by relay order and not set."),
        (["poller", "wallet"], {"VAULT_CONTRACT": ""}, "VAULT_CONTRACT is needed by poller wallet and not set."),
        (["consumer", "order"], {"KAFKA_BOOTSTRAP": ""}, "KAFKA_BOOTSTRAP is needed by consumer order and not set."),
        (["consumer", "order"], {"EVENT_BUS": ""}, "EVENT_DELIVERY is push, so that functions receive events"),
        (["consumer", "order"], {"EVENT_DELIVERY": "pull"}, "EVENT_DELIVERY is pull, which is for EVENT_BUS=pubsub"),
        (["rpc", "identity"], {"KMS_EMULATOR_HOST": "127.0.0.1:1"}, "KMS_EMULATOR_HOST is set, and emulators"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_a_process_says_why_it_does_not_start(
    arguments: list[str], change: dict[str, str], says: str, folder: Path
) -> None:
    """In one line, and at once."""
    environment = {**WHOLE, "SECRETS_DIR": str(folder), **change, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    given = {name: value for name, value in environment.items() if value}
    ended = subprocess.run(
        [sys.executable, "-m", "functions.main", *arguments],
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith(says)
    assert "Traceback" not in ended.stderr


def test_a_function_says_why_it_does_not_start(folder: Path) -> None:
    """The framework loads the target at its start; what is missing is in the last line."""
    (folder / "nonce_key").write_bytes(secrets.token_bytes(5))
    environment = {**WHOLE, "SECRETS_DIR": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    start = "from functions_framework import create_app; create_app('issue_nonce', 'functions/main.py', 'http')"
    ended = subprocess.run(
        [sys.executable, "-c", start],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "The secret nonce_key has 5 bytes" in ended.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "change", "says"),
    [
        (["migrate"], {"DATABASE_USER": ""}, "DATABASE_USER is needed by migrate and not set."),
        (["migrate"], {}, "RPC_CALLERS lacks the account of wallet, which has a database."),
        (["redrive", "capture_hold"], {"CLOUD_SQL_INSTANCE": ""}, "CLOUD_SQL_INSTANCE is needed by jobs of wallet"),
        (["replay", "--consumer", "capture_hold"], {"RPC_ADDRESSES": ""}, "RPC_ADDRESSES lacks"),
        (["audit"], {"RPC_ADDRESSES": ""}, "RPC_ADDRESSES lacks"),
        (["function", "nothing"], {}, "nothing is no function."),
        (["rpc", "nothing"], {}, "nothing is no service."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_job_says_why_it_does_not_start(
    arguments: list[str], change: dict[str, str], says: str, folder: Path
) -> None:
    """As every role, and needing no secrets of the operations that it looks after."""
    test_a_process_says_why_it_does_not_start(arguments, change, says, folder)


def test_a_job_needs_no_more_than_it_uses(folder: Path) -> None:
    """Locally nothing is needed; in the cloud each one starts with what the others lack."""
    callers = ",".join(f"{service}@shop.iam.gserviceaccount.com={service}" for service in load().services)
    bare = dict.fromkeys(WHOLE.keys() - ALWAYS - {"EVENT_BUS", "CLAIM_REDEMPTION"}, "") | {"EVENT_BUS": ""}
    database = {name: WHOLE[name] for name in DATABASE}
    keeper = "keeper@shop.iam.gserviceaccount.com"
    check_migrations(settings(folder, **{**bare, **database, "RPC_CALLERS": callers, "KEEPER_ACCOUNT": keeper}))
    check_keeper(settings(folder, **{**bare, **database}))
    check_job(settings(folder, **{**bare, **database, "RPC_ADDRESSES": WHOLE["RPC_ADDRESSES"]}), "wallet")
    check_job(settings(folder, **{**bare, "RPC_ADDRESSES": WHOLE["RPC_ADDRESSES"]}), "platform")
    local = settings(folder, **{**bare, "MERIDIAN_ENVIRONMENT": "local"})
    check_migrations(local)
    check_job(local, "wallet")
