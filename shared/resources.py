"""The connections and clients of a process, each created on first use and kept."""

import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from shared.clock import Clock, SystemClock
from shared.config import Settings, settings
from shared.errors import CellUnreachable, Unavailable
from shared.resilience.breakers import Breakers
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.auth.revocations import RevocationListener
    from shared.auth.sessions import SessionChecker
    from shared.chain.node import ChainClient
    from shared.chain.signers import Signer
    from shared.firestore.cell_records import CellRecords
    from shared.firestore.cells import CellMap
    from shared.postgres.database import Database
    from shared.postgres.fence import Fence
    from shared.postgres.gate import Gate
    from shared.redis.cache import Cache
    from shared.redis.pipeline import Pipeline
    from shared.redis.rate_limits import Limits
    from shared.resilience.breaker import Breaker
    from shared.resilience.policy import BreakerSnapshot
    from shared.rpc.channel import RpcChannel

T = TypeVar("T")

SENDING: Final = frozenset({"treasury", "relayer"})
"""The signers that send transactions, and so have nonces."""


class Resources:
    """Creates databases, channels and clients lazily, once per process."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._breakers = Breakers()
        self._opened: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._fences: list[Fence] = []

    def database(self, service: str) -> "Database":
        """The database of a service."""

        def connect() -> "Database":
            from shared.postgres.connect import connector
            from shared.postgres.database import Database

            places = self.breaker("database", service, self.settings.database_pool)
            fence = None
            if self.settings.cell_leases:
                from shared.postgres.fence import Fence

                fence = Fence()
                self._fences.append(fence)
            return Database(connector(self.settings, service), places, self.cache().invalidating, fence)

        return self.once(f"database {service}", connect)

    def gate(self, service: str) -> "Gate | None":
        """What a service's outward effects wait at; None without leases, and for a service without a database."""
        from shared.registry import load

        if not self.settings.cell_leases or not load().services[service].database:
            return None
        from shared.postgres.gate import Gate

        return Gate(self.database(service), self.settings.gate)

    def epoch(self, service: str) -> int:
        """The epoch under which the cell is served; 1 without leases, and for a service without a database.

        Raises Unavailable.
        """
        from shared.registry import load

        own = self.settings.cell_leases and load().services[service].database
        return self.database(service).epoch() if own else 1

    def replica(self, service: str) -> "Database | None":
        """The read replica of a service's database; None if there is none."""
        settings = self.settings.of_replica()
        if settings is None:
            return None

        def connect() -> "Database":
            from shared.postgres.connect import connector
            from shared.postgres.database import Database

            places = self.breaker("database", f"{service} replica", settings.database_pool)
            return Database(connector(settings, service), places)

        return self.once(f"replica {service}", connect)

    def channel(self, to: str, caller: str, cell: str | None = None) -> "RpcChannel":
        """A channel to a service's RPC host, on behalf of a service. Ask for it anew for each call to another cell.

        cell: the cell of the host, wherever that is served at the moment; this process's by default. Raises KeyError if
        the service has no address here, CellUnreachable if it has none in the other cell.
        """
        if cell not in (None, self.settings.cell):
            return self._channel_to(to, caller, cell)
        return self.once(
            f"channel {to} {caller}",
            lambda: self._dial(self.settings.rpc_addresses[to], caller, self.breaker("rpc", to)),
        )

    def _channel_to(self, to: str, caller: str, cell: str) -> "RpcChannel":
        from shared.rpc.hosts import address_of

        region = self.cells().of(cell).region
        address = address_of(self.settings, to, cell, region)
        if address is None:
            raise CellUnreachable(cell)
        # A breaker by region too: where a cell is promoted to, nothing has failed yet.
        breaker = self.breaker("cell rpc", f"{to} of {cell} in {region}")
        return self.once(f"channel {to} {caller} {cell} {address}", lambda: self._dial(address, caller, breaker, cell))

    def _dial(self, address: str, caller: str, breaker: "Breaker", cell: str = "") -> "RpcChannel":
        from shared.rpc.channel import RpcChannel

        if self.settings.local:
            return RpcChannel(address, caller, breaker, cell=cell)
        from shared.auth.service_identity import channel_credentials

        return RpcChannel(address, caller, breaker, channel_credentials(address), cell=cell)

    def firestore(self) -> "Client":
        """The Firestore client; Firestore is strongly consistent across regions."""

        def client() -> "Client":
            from google.cloud.firestore import Client

            return Client(project=self.settings.project)

        return self.once("firestore", client)

    def redis(self) -> Any:
        """The Redis client; Redis only holds caches and counters, never the source of truth."""

        def client() -> Any:
            from shared.redis.library import redis_library
            from shared.redis.login import login

            redis = redis_library()
            # A broken connection is retried once; by default the client would retry for seconds.
            once = redis.retry.Retry(redis.backoff.NoBackoff(), 1)
            kind = redis.RedisCluster if self.settings.redis_cluster else redis.Redis
            seconds = POLICIES["redis"].timeout_seconds
            waits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
            # driver_info: by default each connection tells the server redis-py's version, which is looked up for that.
            return kind.from_url(self.settings.redis_url, retry=once, driver_info=None, **waits, **login(self.settings))

        return self.once("redis", client)

    def cells(self) -> "CellMap":
        """Where each cell is served."""

        def make() -> "CellMap":
            from shared.firestore.cells import CellMap, FirestoreCells
            from shared.registry import load

            return CellMap(FirestoreCells(self.firestore, self.breaker("firestore")), load().cells)

        return self.once("cells", make)

    def cell_records(self) -> "CellRecords":
        """Everything that Firestore says about cells, for whoever keeps or promotes one."""
        from shared.firestore.cell_records import CellRecords
        from shared.registry import load

        return CellRecords(self.firestore, self.breaker("firestore"), load().cells)

    def sessions(self) -> "SessionChecker":
        """Checks whether sessions are alive."""

        def make() -> "SessionChecker":
            from shared.auth.sessions import SessionChecker

            return SessionChecker(self.firestore, self.breaker("firestore"), self.pipeline())

        return self.once("sessions", make)

    def revocations(self) -> "RevocationListener":
        """Follows the ends of sessions, for this region's Redis."""

        def make() -> "RevocationListener":
            from shared.auth.revocations import RevocationListener

            return RevocationListener(self.firestore, self.breaker("firestore"), self.sessions(), self.clock)

        return self.once("revocations", make)

    def breaker(self, kind: str, which: str = "", at_once: int | None = None) -> "Breaker":
        """The breaker of a dependency. Raises KeyError for a kind that has no policy.

        which: the instance, if there are several: a service's database or RPC host, a chain, a webhook's host.
        at_once: overrides the policy's limit of concurrent calls.
        """
        return self._breakers.of(kind, which, at_once)

    def breakers(self) -> "list[BreakerSnapshot]":
        """Snapshots of this process's breakers: name, state, calls, failures."""
        from shared.auth import kms

        return [*self._breakers.readings(), kms.breaker().read()]

    def pipeline(self) -> "Pipeline":
        """The Redis pipeline, for several commands in one round trip."""

        def make() -> "Pipeline":
            from shared.redis.pipeline import Pipeline

            return Pipeline(self.redis, self.breaker("redis"))

        return self.once("pipeline", make)

    def cache(self) -> "Cache":
        """The cache of the kinds that the registry's `caches` list."""

        def make() -> "Cache":
            from shared.redis.cache import Cache
            from shared.registry import load

            return Cache(self.pipeline(), load().caches, epoch=self._epoch)

        return self.once("cache", make)

    def _epoch(self) -> int:
        """The epoch of the cell as this process's databases know it, 0 for not yet; 1 where there are no leases."""
        return max((fence.epoch for fence in self._fences), default=0) if self.settings.cell_leases else 1

    def limits(self) -> "Limits":
        """The rate limits of the registry's profiles."""

        def make() -> "Limits":
            from shared.redis.rate_limits import Limits, LocalBuckets, RedisBuckets
            from shared.registry import load

            return Limits(RedisBuckets(self.pipeline()), LocalBuckets(), load().limits)

        return self.once("limits", make)

    def chain(self, chain_id: int, kind: str = "chain") -> "ChainClient":
        """A chain's node. Raises Unavailable if none is configured.

        kind: of its breaker and bulkhead, so that calls of user-supplied contracts do not crowd out those that move
        money.
        """

        def dial() -> "ChainClient":
            from shared.chain.node import ChainClient

            if chain_id not in self.settings.chain_urls:
                raise Unavailable(f"There is no node of chain {chain_id} here.")
            return ChainClient(self.settings.chain_urls[chain_id], breaker=self.breaker(kind, str(chain_id)))

        return self.once(f"{kind} {chain_id}", dial)

    def signer(self, name: str) -> "Signer":
        """The signer of a name (voucher, treasury): the configured Cloud KMS key, otherwise the secret file.

        Those in SENDING are keys of one cell in one region.

        Raises ConfigurationError if there is neither.
        """

        def make() -> "Signer":
            from shared.auth import kms
            from shared.chain.signers import FileSigner, KmsSigner

            if name in self.settings.kms_keys:
                return KmsSigner(kms.client(), self.settings.kms_keys[name])
            secret = self.settings.sending_key(name) if name in SENDING else f"{name}_key"
            return FileSigner(bytes.fromhex(self.settings.secret(secret).decode()))

        return self.once(f"signer {name}", make)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """A singleton of the process: created on first use, thread-safe."""
        if name not in self._opened:
            with self._lock:
                if name not in self._opened:
                    self._opened[name] = make()
        return cast(T, self._opened[name])


@cache
def resources() -> Resources:
    """This process's resources."""
    return Resources(settings())
