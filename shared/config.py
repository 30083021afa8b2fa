"""The environment, read once into one frozen object. Nothing else reads os.environ."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from shared import money


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """What differs between a laptop, a test and a region. Durations are seconds."""

    environment: str
    region: str
    cell: str
    project: str
    public_url: str
    allowed_origins: tuple[str, ...]
    secrets_dir: Path
    database_host: str
    database_port: int
    cloud_sql_instance: str
    replica_host: str
    replica_port: int
    cloud_sql_replica: str
    database_pool: int
    redis_url: str
    event_bus: str
    kafka_bootstrap: str
    redis_cluster: bool
    rpc_addresses: Mapping[str, str]
    rpc_port: int
    metrics_port: int
    allowed_chains: frozenset[int]
    operator_addresses: frozenset[str]
    self_service_merchants: bool
    order_ttl_seconds: int
    order_matures_after_seconds: int
    quote_ttl_seconds: int
    answer_within_seconds: int
    fee_bps: int
    claim_chain_id: int
    claim_contract: str
    voucher_ttl_seconds: int
    claim_redemption: str
    claim_redeem_after_seconds: int
    claim_attempts: int
    claim_retry_seconds: int
    chain_urls: Mapping[int, str]
    custody_chain_id: int
    vault_contract: str
    chain_assets: Mapping[str, str]
    chain_confirmations: int
    collect_from: Mapping[str, int]
    withdrawal_least: Mapping[str, int]
    withdrawal_fee: Mapping[str, int]
    house_addresses: frozenset[str]
    """Addresses of the house's beside its contracts and its treasury, such as relayers and former vaults."""
    chain_start_block: int
    replace_after_seconds: int
    poll_for_seconds: int
    kms_keys: Mapping[str, str]
    proxies: int
    """In front of the functions: Google's load balancer adds two addresses to X-Forwarded-For, the local edge one."""
    internal_audience: str
    internal_accounts: frozenset[str]
    webhooks_to_loopback: bool
    """Whether webhooks may be sent to this machine, and without TLS: on the local stack alone."""
    activity_waiters: int
    """How many requests of one process may wait for activity at once; whoever comes beyond is answered at once."""

    @property
    def local(self) -> bool:
        """Whether this is the local stack (which has a faucet, and merchants by self-service)."""
        return self.environment == "local"

    @property
    def domain(self) -> str:
        """The authority that EIP-4361 messages must name."""
        return self.public_url.split("://", 1)[1]

    def of_replica(self) -> "Settings | None":
        """The settings by which databases are their replicas; None where there are none."""
        if not (self.replica_host or self.cloud_sql_replica):
            return None
        return replace(
            self,
            database_host=self.replica_host,
            database_port=self.replica_port,
            cloud_sql_instance=self.cloud_sql_replica,
        )

    def secret(self, name: str) -> bytes:
        """A secret by name: a file locally, a mounted Secret Manager secret in the cloud.

        Raises FileNotFoundError when it is missing.
        """
        return (self.secrets_dir / name).read_bytes().strip()

    def database_name(self, service: str) -> str:
        """A service's database in this region."""
        return f"{service}_{self.region.replace('-', '_')}"


def read(environment: Mapping[str, str]) -> Settings:
    """Make Settings of environment variables. Raises KeyError for one that is needed and absent."""
    from shared.registry import load

    region = environment["MERIDIAN_REGION"]
    public_url = environment["PUBLIC_URL"].rstrip("/")
    return Settings(
        environment=environment["MERIDIAN_ENVIRONMENT"],
        region=region,
        cell=load().regions[region].cell,
        project=environment["GOOGLE_CLOUD_PROJECT"],
        public_url=public_url,
        allowed_origins=tuple(environment.get("ALLOWED_ORIGINS", public_url).split(",")),
        secrets_dir=Path(environment["SECRETS_DIR"]),
        database_host=environment.get("DATABASE_HOST", ""),
        database_port=int(environment.get("DATABASE_PORT", "5432")),
        cloud_sql_instance=environment.get("CLOUD_SQL_INSTANCE", ""),
        replica_host=environment.get("REPLICA_HOST", ""),
        replica_port=int(environment.get("REPLICA_PORT", "5432")),
        cloud_sql_replica=environment.get("CLOUD_SQL_REPLICA", ""),
        database_pool=int(environment.get("DATABASE_POOL", "8")),
        redis_url=environment.get("REDIS_URL", ""),
        event_bus=_one_of(environment.get("EVENT_BUS", "pubsub"), "pubsub", "kafka"),
        kafka_bootstrap=environment.get("KAFKA_BOOTSTRAP", ""),
        redis_cluster=environment.get("REDIS_CLUSTER", "false") == "true",
        rpc_addresses=dict(_pairs(environment.get("RPC_ADDRESSES", ""))),
        rpc_port=int(environment.get("RPC_PORT", "50051")),
        metrics_port=int(environment.get("METRICS_PORT", "0")),
        allowed_chains=frozenset(int(n) for n in environment.get("ALLOWED_CHAINS", "1,31337").split(",")),
        operator_addresses=frozenset(a.lower() for a in environment.get("OPERATOR_ADDRESSES", "").split(",") if a),
        self_service_merchants=environment.get("SELF_SERVICE_MERCHANTS", "false") == "true",
        order_ttl_seconds=int(environment.get("ORDER_TTL_SECONDS", "900")),
        order_matures_after_seconds=int(environment.get("ORDER_MATURES_AFTER_SECONDS", "604800")),
        quote_ttl_seconds=int(environment.get("QUOTE_TTL_SECONDS", "300")),
        answer_within_seconds=int(environment.get("ANSWER_WITHIN_SECONDS", "5")),
        fee_bps=int(environment.get("FEE_BPS", "250")),
        claim_chain_id=int(environment.get("CLAIM_CHAIN_ID", "31337")),
        claim_contract=environment.get("CLAIM_CONTRACT", "0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        voucher_ttl_seconds=int(environment.get("VOUCHER_TTL_SECONDS", "604800")),
        claim_redeem_after_seconds=int(environment.get("CLAIM_REDEEM_AFTER_SECONDS", "30")),
        claim_redemption=_one_of(environment.get("CLAIM_REDEMPTION", "self"), "relayer", "self"),
        claim_attempts=int(environment.get("CLAIM_ATTEMPTS", "12")),
        claim_retry_seconds=int(environment.get("CLAIM_RETRY_SECONDS", "2")),
        chain_urls={int(chain): url for chain, url in _pairs(environment.get("CHAIN_URLS", ""))},
        custody_chain_id=int(environment.get("CUSTODY_CHAIN_ID", "31337")),
        vault_contract=environment.get("VAULT_CONTRACT", ""),
        chain_assets=dict(_pairs(environment.get("CHAIN_ASSETS", ""))),
        chain_confirmations=int(environment.get("CHAIN_CONFIRMATIONS", "12")),
        collect_from={currency: int(amount) for currency, amount in _pairs(environment.get("COLLECT_FROM", ""))},
        withdrawal_least=_withdrawing(environment, "WITHDRAWAL_LEAST", 1),
        withdrawal_fee=_withdrawing(environment, "WITHDRAWAL_FEE", 0),
        house_addresses=frozenset(a.lower() for a in environment.get("HOUSE_ADDRESSES", "").split(",") if a),
        chain_start_block=int(environment.get("CHAIN_START_BLOCK", "0")),
        replace_after_seconds=int(environment.get("REPLACE_AFTER_SECONDS", "60")),
        poll_for_seconds=int(environment.get("POLL_FOR_SECONDS", "50")),
        kms_keys=dict(_pairs(environment.get("KMS_KEYS", ""))),
        proxies=int(environment.get("PROXIES", "2")),
        internal_audience=environment.get("INTERNAL_AUDIENCE", ""),
        internal_accounts=frozenset(a for a in environment.get("INTERNAL_ACCOUNTS", "").split(",") if a),
        webhooks_to_loopback=environment.get("WEBHOOKS_TO_LOOPBACK", "false") == "true"
        and environment["MERIDIAN_ENVIRONMENT"] == "local",
        activity_waiters=int(environment.get("ACTIVITY_WAITERS", "8")),
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    """`a=1,b=2`, taken apart."""
    return [(name, value) for name, _, value in (pair.partition("=") for pair in text.split(",") if pair)]


def _withdrawing(environment: Mapping[str, str], name: str, least: int) -> dict[str, int]:
    """So many atomic units of each currency of CHAIN_ASSETS: from `least`, as on the local stack, to 1,000 whole ones.

    Raises ValueError for other currencies or amounts, and, outside of the local stack, for a currency that is left out.
    """
    try:
        given = {currency: int(amount) for currency, amount in _pairs(environment.get(name, ""))}
    except ValueError as error:
        raise ValueError(f"{name} is of amounts, such as ETH=1,USDC=1") from error
    currencies = dict(_pairs(environment.get("CHAIN_ASSETS", ""))).keys()
    if given.keys() - currencies or (environment["MERIDIAN_ENVIRONMENT"] != "local" and currencies - given.keys()):
        raise ValueError(f"{name} must say an amount of each of {', '.join(sorted(currencies))}, and of nothing else")
    for currency, amount in given.items():
        most = 1000 * 10 ** money.DECIMALS[currency]
        if not least <= amount <= most:
            raise ValueError(f"{name} of {currency} must be from {least} to {most} atomic units, not {amount}")
    return {currency: given.get(currency, least) for currency in currencies}


def _one_of(text: str, *choices: str) -> str:
    """A setting that is one of a few words. Raises ValueError."""
    if text not in choices:
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")
    return text


def kms_emulator() -> str:
    """The host:port of what speaks KMS without TLS: KMS_EMULATOR_HOST, as Google names those of its others; or ""."""
    return os.environ.get("KMS_EMULATOR_HOST", "")


@cache
def settings() -> Settings:
    """This process's settings."""
    return read(os.environ)
