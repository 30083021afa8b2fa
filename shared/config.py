"""The configuration: environment variables, read once into one frozen object. Nothing else reads os.environ."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from shared import config_values
from shared.cells.words import Mode, Standbys
from shared.config_values import ACCOUNT, INSTANCE, database_login, secret_file
from shared.variables import ConfigurationError, Variables

PORTS: Final = 65535
RPC_PORT: Final = 50051
DAY: Final = 86_400

SECRET_BYTES: Final = 32
"""The least length of a secret: that of the HMACs made with it, and beyond guessing."""

DISTINCT_BYTES: Final = 8
"""The least number of distinct bytes in a secret; 32 random ones have fewer once in 10^30."""


class Settings(msgspec.Struct, frozen=True, eq=False):
    """What differs between a laptop, a test and a region. Durations are in seconds."""

    environment: str
    region: str
    """Where the process runs."""
    cell: str
    """The one cell that the process serves."""
    cell_leases: bool
    """Whether a cell is only written, and strongly read, while its lease is held here: see shared/cells/README.md."""
    gate: Mode
    standbys: Standbys
    standby_names: Mapping[str, str]
    """What a cell hands out without a designated standby, its standbys, and their regions by name: cells/gate.py."""
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
    database_user: str
    """In the cloud the login of the process in every database: see database_login."""
    database_pool: int
    redis_url: str
    event_bus: str
    event_delivery: str
    """How Pub/Sub's messages reach event rows: `push` to functions, or `pull` by consumers."""
    kafka_bootstrap: str
    kafka_cells: Mapping[str, str]
    pubsub_cells: Mapping[str, str]
    """Where other cells' events are: the brokers of their clusters and, locally, Pub/Sub's address; else as the own."""
    redis_cluster: bool
    rpc_addresses: Mapping[str, str]
    """host:port of RPC hosts: the own by service, others by `<service>@<cell>` or `<service>@<cell>@<region>`."""
    rpc_url: str
    """In the cloud the URL of an RPC host in a region, by `{service}{suffix}` and `{region}`; empty with one."""
    cell_addresses: Mapping[str, str]
    """Where functions of each cell are reached on the local stack: host:port by cell, or by `<cell>@<region>` where the
    cell may be promoted to."""
    cell_url: str
    """In the cloud the URL of a row's function in a region, by `{row}{suffix}` and `{region}`; empty with one."""
    forwarding_accounts: frozenset[str]
    """In the cloud the service accounts that may hand requests on to this function."""
    port: int
    """Where the process serves: a function its requests, a worker its probes; 0 if it is not set."""
    rpc_port: int
    metrics_port: int
    metrics_written: bool
    """Whether the process writes its metrics into Managed Service for Prometheus."""
    log_level: str
    traces: str
    """Where spans go: `cloud` (Cloud Trace), a folder, or nowhere if it is empty."""
    traces_sampled_per_mille: int
    """Of the requests that come without a decision, how many of a thousand are traced."""
    cloud_run_name: str
    cloud_run_revision: str
    """What Cloud Run calls the service or worker pool, and its revision; empty elsewhere."""
    allowed_chains: frozenset[int]
    operator_addresses: frozenset[str]
    self_service_merchants: bool
    order_ttl_seconds: int
    order_matures_after_seconds: int
    quote_ttl_seconds: int
    answer_within_seconds: int
    payment_lag_seconds: int
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
    """Addresses of the platform besides its contracts and treasury, such as relayers and former vaults."""
    chain_start_block: int
    replace_after_seconds: int
    kms_keys: Mapping[str, str]
    proxies: int
    """How many entries trusted proxies append to X-Forwarded-For: two by Google's load balancer, one by ours."""
    internal_audience: str
    internal_accounts: frozenset[str]
    rpc_callers: Mapping[str, str]
    """The calling services, or `promoter`, by the e-mail addresses of their service accounts."""
    keeper_account: str
    """In the cloud the login of the cells' keepers, to which the job that migrates grants their role."""
    webhooks_to_loopback: bool
    """Whether webhooks may be sent to this machine and without TLS: only on the local stack."""
    activity_waiters: int  # how many requests of a process may long-poll for activity; others are answered at once

    @property
    def local(self) -> bool:
        """Whether this is the local stack (with a faucet and self-service merchants)."""
        return self.environment == "local"

    @property
    def domain(self) -> str:
        """The authority that EIP-4361 messages must name."""
        return self.public_url.split("://", 1)[1]

    @property
    def other_cells(self) -> tuple[str, ...]:
        """The other cells of this deployment: those whose RPC hosts can be called."""
        from shared.registry import load  # which reads more than most processes need

        named = [name.split("@")[1] for name in self.rpc_addresses if "@" in name]
        return tuple(cell for cell in load().cells if cell != self.cell and (self.rpc_url or cell in named))

    def of_brokers(self, cell: str | None) -> "Settings":
        """The settings for connecting to the brokers that have a cell's topics."""
        return msgspec.structs.replace(self, kafka_bootstrap=self.kafka_cells.get(cell or "", self.kafka_bootstrap))

    def of_replica(self) -> "Settings | None":
        """The settings for connecting to the databases' replicas; None if there are none."""
        if not (self.replica_host or self.cloud_sql_replica):
            return None
        return msgspec.structs.replace(
            self,
            database_host=self.replica_host,
            database_port=self.replica_port,
            cloud_sql_instance=self.cloud_sql_replica,
        )

    def secret(self, name: str) -> bytes:
        """A secret's exact bytes, by name: of a file, which in the cloud Secret Manager's value is mounted as.

        Raises ConfigurationError if it is missing, or short or simple enough to be guessed.
        """
        try:
            secret = secret_file(self.secrets_dir, name).read_bytes()
        except OSError as error:
            why = f"cannot be read from SECRETS_DIR ({error.strerror})"
            raise ConfigurationError(f"The secret {name}", why) from error
        if len(secret) < SECRET_BYTES or len(set(secret)) < DISTINCT_BYTES:
            why = f"has {len(secret)} bytes, {len(set(secret))} of them different: it takes {SECRET_BYTES} random ones"
            raise ConfigurationError(f"The secret {name}", why)
        return secret

    def has_secret(self, name: str) -> bool:
        """Whether a secret with this name is there, good or not."""
        return secret_file(self.secrets_dir, name).exists()

    def sending_key(self, name: str) -> str:
        """The secret of a key that sends transactions: of this cell in this region, or the only one.

        No two cells share one, nor regions that serve a cell in turn: its database assigns nonces. Raises
        ConfigurationError if this cell has none of its own beside other cells.
        """
        own = f"{name}_{self.cell}_{self.region}_key"
        if self.has_secret(own):
            return own
        if self.other_cells:
            raise ConfigurationError(f"The secret {own}", "is missing: each cell sends with a key of its own")
        return f"{name}_key"

    def database_name(self, service: str) -> str:
        """A service's database in this process's cell."""
        return f"{service}_{self.cell}"


def read(environment: Mapping[str, str]) -> Settings:
    """Parse environment variables. Raises ConfigurationError, naming the variable and the reason.

    Variables that only some roles need may be absent: requirements.py checks those.
    """
    from shared.registry import load

    kind = Variables(environment, local=False).one_of("MERIDIAN_ENVIRONMENT", None, "local", "staging", "production")
    given = Variables(environment, local=kind == "local")
    given.no_emulators()
    region = given.one_of("MERIDIAN_REGION", None, *load().regions)
    public_url = given.url("PUBLIC_URL")
    event_bus = given.one_of("EVENT_BUS", "pubsub", "pubsub", "kafka")
    port = given.integer("PORT", 0, 0, PORTS)
    return Settings(
        environment=kind,
        region=region,
        cell=given.one_of("MERIDIAN_CELL", load().cell_of(region), *load().cells),
        cell_leases=given.flag("CELL_LEASES", default=kind != "local"),
        gate=config_values.gate(given, "GATE"),
        standbys=config_values.standbys(given, "STANDBYS"),
        standby_names=config_values.standby_names(given, "STANDBY_NAMES"),
        project=given.text("GOOGLE_CLOUD_PROJECT", pattern=r"[a-z][a-z0-9-]{1,61}[a-z0-9]", kind="project id"),
        public_url=public_url,
        allowed_origins=given.urls("ALLOWED_ORIGINS", public_url),
        secrets_dir=Path(given.text("SECRETS_DIR", pattern=r"/[^\x00]*", kind="absolute path")),
        database_host=given.text("DATABASE_HOST", ""),
        database_port=given.integer("DATABASE_PORT", 5432, 1, PORTS),
        cloud_sql_instance=given.text("CLOUD_SQL_INSTANCE", "", INSTANCE, "project:region:instance"),
        replica_host=given.text("REPLICA_HOST", ""),
        replica_port=given.integer("REPLICA_PORT", 5432, 1, PORTS),
        cloud_sql_replica=given.text("CLOUD_SQL_REPLICA", "", INSTANCE, "project:region:instance"),
        database_user=database_login(given.text("DATABASE_USER", "", ACCOUNT, "service account")),
        database_pool=given.integer("DATABASE_POOL", 8, 1, 100),
        redis_url=given.redis_url("REDIS_URL"),
        event_bus=event_bus,
        event_delivery=config_values.delivery(given, "EVENT_DELIVERY", event_bus),
        kafka_bootstrap=",".join(given.host_ports("KAFKA_BOOTSTRAP")),
        kafka_cells=config_values.brokers(given, "KAFKA_CELLS"),
        pubsub_cells=config_values.brokers(given, "PUBSUB_CELLS"),
        redis_cluster=given.flag("REDIS_CLUSTER"),
        rpc_addresses=config_values.rpc_addresses(given, "RPC_ADDRESSES"),
        rpc_url=given.text("RPC_URL", "", config_values.RPC_URL, "https URL with {service}{suffix} and {region}"),
        cell_addresses=config_values.cell_addresses(given, "CELL_ADDRESSES"),
        cell_url=given.text("CELL_URL", "", config_values.CELL_URL, "https URL with {row}{suffix} and {region}"),
        forwarding_accounts=frozenset(filter(None, given.text("FORWARDING_ACCOUNTS", "").split(","))),
        port=port,
        rpc_port=given.integer("RPC_PORT", port or RPC_PORT, 1, PORTS),
        metrics_port=given.integer("METRICS_PORT", 0, 0, PORTS),
        metrics_written=given.flag("METRICS_WRITTEN"),
        cloud_run_name=given.text("K_SERVICE", given.text("CLOUD_RUN_WORKER_POOL", "")),
        cloud_run_revision=given.text("K_REVISION", given.text("CLOUD_RUN_WORKER_POOL_REVISION", "")),
        traces=given.text("TRACES", "", r"cloud|/[^\x00]*", "`cloud` or absolute path"),
        traces_sampled_per_mille=given.integer("TRACES_SAMPLED_PER_MILLE", 1000 if kind == "local" else 10, 0, 1000),
        log_level=given.one_of("LOG_LEVEL", config_values.LOG_LEVELS[1], *config_values.LOG_LEVELS),
        allowed_chains=given.chain_ids("ALLOWED_CHAINS", "1,31337"),
        operator_addresses=given.operators("OPERATOR_ADDRESSES"),
        self_service_merchants=given.flag("SELF_SERVICE_MERCHANTS", local_only=True),
        order_ttl_seconds=given.integer("ORDER_TTL_SECONDS", 900, 1, DAY),
        order_matures_after_seconds=given.integer("ORDER_MATURES_AFTER_SECONDS", 7 * DAY, 0, 366 * DAY),
        quote_ttl_seconds=given.integer("QUOTE_TTL_SECONDS", 300, 1, DAY),
        answer_within_seconds=given.integer("ANSWER_WITHIN_SECONDS", 5, 0, 25),
        payment_lag_seconds=given.integer("PAYMENT_LAG_SECONDS", 2, 0, 60),
        fee_bps=given.integer("FEE_BPS", 250, 0, 10_000),
        claim_chain_id=given.chain_id("CLAIM_CHAIN_ID", 31337),
        claim_contract=given.contract("CLAIM_CONTRACT", "0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        voucher_ttl_seconds=given.integer("VOUCHER_TTL_SECONDS", 7 * DAY, 1, 366 * DAY),
        claim_redeem_after_seconds=given.integer("CLAIM_REDEEM_AFTER_SECONDS", 30, 0, 30 * DAY),
        claim_redemption=given.one_of("CLAIM_REDEMPTION", "self", "relayer", "self"),
        claim_attempts=given.integer("CLAIM_ATTEMPTS", 12, 1, 1000),
        claim_retry_seconds=given.integer("CLAIM_RETRY_SECONDS", 2, 0, DAY),
        chain_urls=given.chain_urls("CHAIN_URLS"),
        custody_chain_id=given.chain_id("CUSTODY_CHAIN_ID", 31337),
        vault_contract=given.contract("VAULT_CONTRACT"),
        chain_assets=given.pairs("CHAIN_ASSETS", given.asset, config_values.CURRENCY),
        chain_confirmations=given.integer("CHAIN_CONFIRMATIONS", 12, 0 if kind == "local" else 1, 10_000),
        collect_from=given.pairs("COLLECT_FROM", config_values.amount, config_values.CURRENCY),
        withdrawal_least=config_values.withdrawing(given, "WITHDRAWAL_LEAST", 1, local=kind == "local"),
        withdrawal_fee=config_values.withdrawing(given, "WITHDRAWAL_FEE", 0, local=kind == "local"),
        house_addresses=given.addresses("HOUSE_ADDRESSES"),
        chain_start_block=given.integer("CHAIN_START_BLOCK", 0, 0, 2**63 - 1),
        replace_after_seconds=given.integer("REPLACE_AFTER_SECONDS", 60, 1, DAY),
        kms_keys=given.pairs("KMS_KEYS", config_values.key_version),
        proxies=given.integer("PROXIES", 2, 0, 10),
        internal_audience=given.text("INTERNAL_AUDIENCE", ""),
        internal_accounts=frozenset(filter(None, given.text("INTERNAL_ACCOUNTS", "").split(","))),
        rpc_callers=given.pairs("RPC_CALLERS", config_values.caller, ACCOUNT),
        keeper_account=database_login(given.text("KEEPER_ACCOUNT", "", ACCOUNT, "service account")),
        webhooks_to_loopback=given.flag("WEBHOOKS_TO_LOOPBACK", local_only=True),
        activity_waiters=given.integer("ACTIVITY_WAITERS", 8, 0, 1000),
    )


def kms_emulator() -> str:
    """The host:port of a KMS emulator: KMS_EMULATOR_HOST, named like those of Google's emulators; or ""."""
    return os.environ.get("KMS_EMULATOR_HOST", "")


@cache
def settings() -> Settings:
    """This process's settings."""
    return read(os.environ)
