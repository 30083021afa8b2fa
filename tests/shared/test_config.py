"""Settings are read strictly from the environment: an invalid variable is refused by name, before serving starts."""

import secrets
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from shared.config import Settings, read
from shared.registry import load
from shared.variables import ConfigurationError

LEAST: Final = {
    "MERIDIAN_ENVIRONMENT": "production",
    "MERIDIAN_REGION": "europe-west1",
    "GOOGLE_CLOUD_PROJECT": "shop",
    "PUBLIC_URL": "https://shop.example/",
    "SECRETS_DIR": "/secrets",
}
ADDRESS: Final = "0xABCDEF0000000000000000000000000000000001"
DEPLOYED: Final = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ACCOUNT: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ZERO: Final = "0x" + "0" * 40
KEY: Final = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
NUMBERS: Final = [
    "",
    " 1",
    "1 ",
    "1.5",
    "1e3",
    "0x10",
    "1_000",
    "+1",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "many",
    "-1",
    "9" * 40,
]

WRONG: Final[dict[str, list[str]]] = {
    "MERIDIAN_ENVIRONMENT": ["", "prod", "Production", "cloud", "test", "local "],
    "MERIDIAN_REGION": ["", "mars-north1", "us-central1 "],
    "GATE": ["", "closed", "Open"],
    "STANDBY_NAMES": [
        "walreceiver",
        "walreceiver=",
        "a=mars",
        "=us-central1",
        'a"b=us-central1',
        "a=asia-east1,b=asia-east1",
    ],
    "STANDBYS": ["", "sync", "Synchronous", "2"],
    "CELL_LEASES": ["", "on", "True", "1"],
    "MERIDIAN_CELL": ["", "mars", "us ", "us-central1"],
    "GOOGLE_CLOUD_PROJECT": ["", " ", "Shop", "a b", "-x"],
    "PUBLIC_URL": [
        *("", "shop.example", "http://shop.example", "ftp://shop.example", "https://", "https:///x", "https://a/b"),
        *(
            "https://a?b",
            "https://a#b",
            "https://me@a",
            "https://a:b",
            "https://a:99999",
            "https://a b",
            "javascript:x",
        ),
    ],
    "ALLOWED_ORIGINS": ["", ",", "https://a.example,", "http://a.example", "https://a.example,http://b.example", "*"],
    "SECRETS_DIR": ["", "secrets", "./secrets"],
    "DATABASE_HOST": [" ", "a b"],
    "DATABASE_PORT": [*NUMBERS, "0", "65536"],
    "CLOUD_SQL_INSTANCE": [" ", "instance", "a:b", "a:b:"],
    "REPLICA_HOST": [" "],
    "REPLICA_PORT": [*NUMBERS, "0", "65536"],
    "CLOUD_SQL_REPLICA": [" ", "instance"],
    "DATABASE_POOL": [*NUMBERS, "0", "101"],
    "REDIS_URL": [" ", "10.0.0.1:6379", "http://10.0.0.1", "redis://"],
    "EVENT_BUS": ["", "Kafka", "nats"],
    "EVENT_DELIVERY": ["", "Pull", "stream"],
    "KAFKA_BOOTSTRAP": ["broker", "broker:0", "broker:99999", "broker:9092,", "a b:1"],
    "KAFKA_CELLS": ["us", "us=", "us=broker", "us=broker:0", "mars=broker:1", "us=a:1,us=b:1"],
    "PUBSUB_CELLS": ["us", "us=", "us=emulator", "us=emulator:0", "mars=emulator:1", "us=a:1,us=b:1"],
    "REDIS_CLUSTER": ["", "True", "1", "yes", " true"],
    "RPC_ADDRESSES": [
        *("wallet", "wallet=", "wallet=a", "wallet=a:0", "wallet=a:1,", "wallet=a:1,wallet=b:1", "=a:1"),
        *("wallet@=a:1", "@us=a:1", "wallet@mars=a:1", "wallet@us=a", "wallet@us@=a:1", "wallet@us@mars-north1=a:1"),
    ],
    "RPC_URL": [
        " ",
        "https://a.example",
        "http://{service}{suffix}.{region}.example",
        "https://{service}.{region}.example",
    ],
    "CELL_ADDRESSES": ["us", "us=", "us=a", "us=a:0", "mars=a:1", "us=a:1,us=b:1", "us@mars-north1=a:1", "us@=a"],
    "CELL_URL": [" ", "https://a.example", "http://{row}{suffix}.{region}.example", "https://{row}.{region}.example"],
    "FORWARDING_ACCOUNTS": [" ", "a b"],
    "RPC_PORT": [*NUMBERS, "0", "65536"],
    "METRICS_PORT": [*NUMBERS, "65536"],
    "METRICS_WRITTEN": ["", "on", "True", "1"],
    "TRACES": ["Cloud", "traces", "./traces"],
    "K_SERVICE": [" ", "a b"],
    "K_REVISION": [" ", "a b"],
    "TRACES_SAMPLED_PER_MILLE": [*NUMBERS, "1001"],
    "LOG_LEVEL": ["", "info", "TRACE", "20", "INFO "],
    "ALLOWED_CHAINS": [*NUMBERS, "1,", "0", "1,31337", "31337", "1337", str(2**63)],
    "OPERATOR_ADDRESSES": [
        " ",
        "0xabc",
        ADDRESS[2:],
        f"{ADDRESS},",
        ZERO,
        ACCOUNT,
        f"x:{ADDRESS}",
        f"31337:{ADDRESS}",
        f"0:{ADDRESS}",
    ],
    "SELF_SERVICE_MERCHANTS": ["true", "", "True", "1"],
    "ORDER_TTL_SECONDS": [*NUMBERS, "0", "86401"],
    "ORDER_MATURES_AFTER_SECONDS": [*NUMBERS, str(367 * 86_400)],
    "QUOTE_TTL_SECONDS": [*NUMBERS, "0", "86401"],
    "ANSWER_WITHIN_SECONDS": [*NUMBERS, "26"],
    "PAYMENT_LAG_SECONDS": [*NUMBERS, "61"],
    "FEE_BPS": [*NUMBERS, "-500", "10001"],
    "CLAIM_CHAIN_ID": [*NUMBERS, "0", "31337", "1337"],
    "CLAIM_CONTRACT": ["0x1", ADDRESS[2:], ZERO, DEPLOYED, DEPLOYED.lower(), ACCOUNT, "0x" + "0" * 39 + "9"],
    "VOUCHER_TTL_SECONDS": [*NUMBERS, "0", str(367 * 86_400)],
    "CLAIM_REDEMPTION": ["", "Relayer", "both"],
    "CLAIM_REDEEM_AFTER_SECONDS": NUMBERS,
    "CLAIM_ATTEMPTS": [*NUMBERS, "0", "1001"],
    "CLAIM_RETRY_SECONDS": NUMBERS,
    "CHAIN_URLS": [
        "1",
        "1=",
        "x=https://a",
        "1=http://a",
        "1=ws://a",
        "31337=https://a",
        "0=https://a",
        "1=https://a,1=https://b",
    ],
    "CUSTODY_CHAIN_ID": [*NUMBERS, "0", "31337"],
    "VAULT_CONTRACT": ["0x1", ZERO, "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"],
    "CHAIN_ASSETS": ["USDC", "USDC=0x1", "usdc=" + ADDRESS, f"USDC={ADDRESS},USDC={ADDRESS}", f"USDC={DEPLOYED}"],
    "CHAIN_CONFIRMATIONS": [*NUMBERS, "0", "10001"],
    "COLLECT_FROM": ["ETH", "ETH=", "ETH=-1", "ETH=1.5", "ETH=01", f"ETH={2**256}", "ETH=1,ETH=2"],
    "WITHDRAWAL_LEAST": ["ETH=1", "ETH", "ETH=-1"],
    "WITHDRAWAL_FEE": ["ETH=1", "ETH", "ETH=-1"],
    "HOUSE_ADDRESSES": ["0x1", ZERO, ADDRESS[2:], f"{ADDRESS},", ACCOUNT],
    "CHAIN_START_BLOCK": [*NUMBERS, str(2**63)],
    "REPLACE_AFTER_SECONDS": [*NUMBERS, "0"],
    "KMS_KEYS": ["voucher", "voucher=key", f"voucher={KEY},voucher={KEY}", f"voucher={KEY[:-2]}"],
    "PROXIES": [*NUMBERS, "11"],
    "PORT": [*NUMBERS, "65536"],
    "DATABASE_USER": [" ", "wallet", "wallet@shop.iam=x"],
    "INTERNAL_AUDIENCE": [" ", "a b"],
    "INTERNAL_ACCOUNTS": [" ", "a b"],
    "KEEPER_ACCOUNT": [" ", "keeper", "keeper@", "@shop.example", "keeper@shop.example,other@shop.example"],
    "RPC_CALLERS": ["order", "order@shop.example", "order@shop.example=", "order@shop.example=shop", "order=order"],
    "WEBHOOKS_TO_LOOPBACK": ["true", "", "1"],
    "ACTIVITY_WAITERS": [*NUMBERS, "1001"],
    "PUBSUB_EMULATOR_HOST": ["127.0.0.1:1"],
    "FIRESTORE_EMULATOR_HOST": ["127.0.0.1:1"],
    "KMS_EMULATOR_HOST": ["127.0.0.1:1"],
    "STORAGE_EMULATOR_HOST": ["x"],
}
"""What each variable must not be in the cloud."""

GIVEN: Final = {
    "cloud_run_name": "K_SERVICE",
    "cloud_run_revision": "K_REVISION",
    "environment": "MERIDIAN_ENVIRONMENT",
    "region": "MERIDIAN_REGION",
    "cell": "MERIDIAN_CELL",
    "project": "GOOGLE_CLOUD_PROJECT",
}
"""The variables that are not called as their settings are."""


def test_every_variable_is_in_the_table() -> None:
    """Each setting is read of a variable of its name, for which there is something that it must not be."""
    fields = {GIVEN.get(name, name.upper()) for name in Settings.__struct_fields__}
    assert fields == {name for name in WRONG if not name.endswith("_EMULATOR_HOST")}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_right_is_refused(name: str, subtests: pytest.Subtests) -> None:
    """In one sentence that names the variable."""
    for value, environment in product(WRONG[name], ("production", "staging")):
        with subtests.test(value=value, environment=environment):
            with pytest.raises(ConfigurationError) as raised:
                read({**LEAST, "MERIDIAN_ENVIRONMENT": environment, name: value})
            message = str(raised.value)
            assert message.startswith(f"{name} ")
            assert message.endswith(".")
            assert "\n" not in message


@pytest.mark.parametrize("name", sorted(LEAST))
def test_what_is_needed_is_not_guessed(name: str) -> None:
    """A missing variable without a default is an error that names it."""
    with pytest.raises(ConfigurationError, match=f"^{name} is needed and not set"):
        read({key: value for key, value in LEAST.items() if key != name})


def test_the_url_of_a_node_is_not_logged() -> None:
    """It may contain an API key."""
    with pytest.raises(ConfigurationError) as raised:
        read({**LEAST, "CHAIN_URLS": "1=http://node.example/s3cret"})
    assert "s3cret" not in str(raised.value)


def test_the_cloud_gives_nothing_away() -> None:
    """By default nobody is an operator, merchants are created by operators, and there is no faucet and no chain."""
    settings = read(LEAST)
    assert not settings.local
    assert not settings.self_service_merchants
    assert settings.operator_addresses == frozenset()
    assert settings.allowed_chains == frozenset()
    assert (settings.claim_chain_id, settings.claim_contract) == (0, "")
    assert (settings.custody_chain_id, settings.vault_contract) == (0, "")


def test_the_local_stack_needs_no_more() -> None:
    """There a development chain, plain HTTP and merchants by self-service are what is wanted."""
    local = {**LEAST, "MERIDIAN_ENVIRONMENT": "local", "PUBLIC_URL": "http://127.0.0.1:8080"}
    settings = read({**local, "SELF_SERVICE_MERCHANTS": "true", "PUBSUB_EMULATOR_HOST": "127.0.0.1:1"})
    assert settings.self_service_merchants
    assert settings.allowed_chains == {1, 31337}
    assert (settings.claim_chain_id, settings.claim_contract) == (31337, DEPLOYED)


@pytest.mark.parametrize("text", ["True", "1", "yes", "TRUE", "", " true"])
def test_self_service_needs_the_exact_word(text: str) -> None:
    """Another word is a mistake, and no third way."""
    with pytest.raises(ConfigurationError, match=r"^SELF_SERVICE_MERCHANTS"):
        read({**LEAST, "MERIDIAN_ENVIRONMENT": "local", "SELF_SERVICE_MERCHANTS": text})


def test_commits_wait_for_no_standby_of_cloud_sql() -> None:
    """It has none that they could wait for in other regions: what nobody could keep is not promised."""
    assert read(LEAST).standbys == "asynchronous"
    assert read({**LEAST, "STANDBYS": "synchronous", "DATABASE_HOST": "10.0.0.1"}).standbys == "synchronous"
    with pytest.raises(ConfigurationError, match=r"^STANDBYS is synchronous"):
        read({**LEAST, "STANDBYS": "synchronous", "CLOUD_SQL_INSTANCE": "shop:europe-west1:main"})


def test_names_follow_the_cell() -> None:
    """By default the region's first cell is served; databases are named by it; the domain is the public one."""
    settings = read(LEAST)
    assert settings.cell == load().cell_of("europe-west1") == "eu"
    assert settings.database_name("order") == "order_eu"
    assert settings.public_url == "https://shop.example"
    assert settings.domain == "shop.example"


def test_a_promoted_cell_is_served_in_another_region() -> None:
    """A process serves the cell it is told, wherever it runs, with that cell's databases; an unknown one is refused."""
    settings = read({**LEAST, "MERIDIAN_CELL": "us"})
    assert (settings.region, settings.cell) == ("europe-west1", "us")
    assert settings.database_name("order") == "order_us"
    with pytest.raises(ConfigurationError, match=r"^MERIDIAN_CELL is 'mars'"):
        read({**LEAST, "MERIDIAN_CELL": "mars"})


def test_lists_are_read() -> None:
    """Addresses of hosts, chains and operators; operators in any case of their letters, contracts with their chain."""
    settings = read(
        {
            **LEAST,
            "RPC_ADDRESSES": "wallet=10.0.0.1:50051,order=order.internal:50051",
            "ALLOWED_CHAINS": "1,137",
            "OPERATOR_ADDRESSES": f"{ADDRESS},1:{ADDRESS}",
            "RPC_CALLERS": "order@shop.iam.gserviceaccount.com=order",
            "KMS_KEYS": f"voucher={KEY}",
        }
    )
    assert settings.rpc_addresses == {"wallet": "10.0.0.1:50051", "order": "order.internal:50051"}
    assert settings.allowed_chains == {1, 137}
    assert settings.operator_addresses == {ADDRESS.lower(), f"1:{ADDRESS.lower()}"}
    assert settings.rpc_callers == {"order@shop.iam.gserviceaccount.com": "order"}
    assert settings.kms_keys == {"voucher": KEY}


def test_other_cells_are_those_whose_hosts_can_be_called() -> None:
    """None in one region, whatever cells the registry has; in the cloud all of them."""
    assert read({**LEAST, "RPC_ADDRESSES": "wallet=a:1"}).other_cells == ()
    named = "wallet=a:1,wallet@eu=b:1,wallet@as@us-central1=c:1,order@as=d:1"
    assert read({**LEAST, "RPC_ADDRESSES": named}).other_cells == ("as",)
    cloud = read({**LEAST, "RPC_URL": "https://rpc-{service}{suffix}-123.{region}.run.app"})
    assert cloud.other_cells == ("us", "as")


def test_settings_do_not_change() -> None:
    """Nothing can alter them once they are read."""
    with pytest.raises(AttributeError):
        read(LEAST).region = "asia-east1"  # type: ignore[misc]


@pytest.mark.parametrize("environment", ["local", "production"])
def test_a_secret_is_a_file(tmp_path: Path, environment: str) -> None:
    """It is read by its name, to the byte: who strips it, and who does not, would have two keys."""
    secret = b"\n " + secrets.token_bytes(32) + b"\n"
    (tmp_path / "push_token").write_bytes(secret)
    settings = read({**LEAST, "MERIDIAN_ENVIRONMENT": environment, "SECRETS_DIR": str(tmp_path)})
    assert settings.secret("push_token") == secret
    with pytest.raises(ConfigurationError, match="voucher_key"):
        settings.secret("voucher_key")


@pytest.mark.parametrize("secret", [b"", b"12345", b"\n", b"a1B2c3D4" * 3 + b"e5F6g7H", b"0" * 64, b"ab" * 32])
def test_a_secret_that_can_be_guessed_is_none(tmp_path: Path, secret: bytes) -> None:
    """Empty, shorter than 32 bytes, or a short repetition; the error does not quote it."""
    (tmp_path / "nonce_key").write_bytes(secret)
    with pytest.raises(ConfigurationError, match="nonce_key") as raised:
        read({**LEAST, "SECRETS_DIR": str(tmp_path)}).secret("nonce_key")
    assert not secret.strip() or secret.decode() not in str(raised.value)


def test_who_redeems_is_one_of_two() -> None:
    """The buyer by default, or the relayer."""
    assert read(LEAST).claim_redemption == "self"
    assert read({**LEAST, "CLAIM_REDEMPTION": "relayer"}).claim_redemption == "relayer"
    with pytest.raises(ValueError, match="Relayer"):
        read({**LEAST, "CLAIM_REDEMPTION": "Relayer"})


TERMS = {
    "CHAIN_ASSETS": f"ETH={ZERO},USDC={ADDRESS}",
    "WITHDRAWAL_LEAST": "ETH=5,USDC=7",
    "WITHDRAWAL_FEE": "ETH=0,USDC=2",
}


def test_withdrawals_have_terms() -> None:
    """Per currency; the local stack takes any amount for nothing where nothing is said."""
    settings = read({**LEAST, **TERMS})
    assert (settings.withdrawal_least, settings.withdrawal_fee) == ({"ETH": 5, "USDC": 7}, {"ETH": 0, "USDC": 2})
    local = {**LEAST, "MERIDIAN_ENVIRONMENT": "local", "CHAIN_ASSETS": TERMS["CHAIN_ASSETS"]}
    settings = read({**local, "WITHDRAWAL_LEAST": "USDC=7"})
    assert (settings.withdrawal_least, settings.withdrawal_fee) == ({"ETH": 1, "USDC": 7}, {"ETH": 0, "USDC": 0})


@pytest.mark.parametrize("name", ["WITHDRAWAL_LEAST", "WITHDRAWAL_FEE"])
@pytest.mark.parametrize("text", ["", "ETH=5", "ETH=5,USDC=-1", "ETH=5,USDC=1000000001", "ETH=5,USDC=1,MATIC=1", "x"])
def test_terms_have_bounds(name: str, text: str) -> None:
    """Every currency has them, no other one, and none is a slip of the decimals; a mistake is named."""
    with pytest.raises(ValueError, match=f"^{name} "):
        read({**LEAST, **TERMS, name: text})


def test_a_withdrawal_is_of_something() -> None:
    """Its least amount is not 0."""
    with pytest.raises(ValueError, match="WITHDRAWAL_LEAST"):
        read({**LEAST, **TERMS, "WITHDRAWAL_LEAST": "ETH=0,USDC=1"})


def test_a_secret_is_a_file_or_in_a_directory_of_its_own(tmp_path: Path) -> None:
    """Cloud Run mounts each secret as `<name>/value`; nothing else in the directory counts."""
    settings = read({**LEAST, "SECRETS_DIR": str(tmp_path)})
    one, other = bytes(range(32)), bytes(range(32, 64))
    (tmp_path / "plain").write_bytes(one)
    (tmp_path / "mounted").mkdir()
    assert not settings.has_secret("mounted")
    with pytest.raises(ConfigurationError, match="The secret mounted cannot be read"):
        settings.secret("mounted")
    (tmp_path / "mounted" / "value").write_bytes(other)
    assert (settings.secret("plain"), settings.secret("mounted")) == (one, other)
    assert settings.has_secret("plain")
    assert settings.has_secret("mounted")
    assert not settings.has_secret("absent")


def test_where_a_role_listens() -> None:
    """An RPC host where RPC_PORT says, else where its platform does, else at gRPC's usual port; others at PORT only."""
    given = [{}, {"PORT": "8080"}, {"RPC_PORT": "5000"}, {"PORT": "8080", "RPC_PORT": "5000"}]
    ports = [(read({**LEAST, **each}).port, read({**LEAST, **each}).rpc_port) for each in given]
    assert ports == [(0, 50051), (8080, 8080), (0, 5000), (8080, 5000)]


def test_a_login_is_an_account_without_googles_suffix() -> None:
    """However the account is written."""
    for written in ("wallet@shop.iam", "wallet@shop.iam.gserviceaccount.com"):
        assert read({**LEAST, "DATABASE_USER": written}).database_user == "wallet@shop.iam"
