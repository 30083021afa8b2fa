"""The real parts that a process uses, each opened on first use and kept."""

import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared.adapters.clock import Clock, SystemClock
from shared.config import Settings, settings
from shared.errors import Unavailable
from shared.resilience.breakers import Breakers
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.adapters.cache import Cache
    from shared.adapters.chain import ChainClient
    from shared.adapters.limits import Limits
    from shared.adapters.postgres import Database
    from shared.adapters.rpc import RpcChannel
    from shared.adapters.scripts import Asker
    from shared.adapters.sessions import Liveness
    from shared.adapters.signers import Signer
    from shared.resilience.breaker import Breaker, Reading

T = TypeVar("T")


class Resources:
    """Opens databases, channels and clients lazily, once a process."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._breakers = Breakers()
        self._opened: dict[str, Any] = {}
        self._lock = threading.RLock()

    def database(self, service: str) -> "Database":
        """The database of a service."""

        def connect() -> "Database":
            from shared.adapters.connect import connector
            from shared.adapters.postgres import Database

            places = self.breaker("database", service, self.settings.database_pool)
            return Database(connector(self.settings, service), places, self.cache().changing)

        return self.once(f"database {service}", connect)

    def replica(self, service: str) -> "Database | None":
        """The read replica of a service's database; None where there is none."""
        settings = self.settings.of_replica()
        if settings is None:
            return None

        def connect() -> "Database":
            from shared.adapters.connect import connector
            from shared.adapters.postgres import Database

            places = self.breaker("database", f"{service} replica", settings.database_pool)
            return Database(connector(settings, service), places)

        return self.once(f"replica {service}", connect)

    def channel(self, to: str, caller: str) -> "RpcChannel":
        """A channel to a service's RPC host, on behalf of another service. Raises KeyError for one without address."""

        def dial() -> "RpcChannel":
            from shared.adapters.rpc import RpcChannel

            address, breaker = self.settings.rpc_addresses[to], self.breaker("rpc", to)
            if self.settings.local:
                return RpcChannel(address, caller, breaker)
            from shared.adapters.identity import channel_credentials

            return RpcChannel(address, caller, breaker, channel_credentials(address))

        return self.once(f"channel {to} {caller}", dial)

    def firestore(self) -> "Client":
        """Firestore: strongly consistent across regions."""

        def client() -> "Client":
            from google.cloud.firestore import Client

            return Client(project=self.settings.project)

        return self.once("firestore", client)

    def redis(self) -> Any:
        """Redis: a cache, never a truth."""

        def client() -> Any:
            from redis import Redis, RedisCluster
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            # A connection that broke is worth one more try; by itself the client would try for seconds.
            once = Retry(NoBackoff(), 1)
            kind = RedisCluster if self.settings.redis_cluster else Redis
            seconds = POLICIES["redis"].timeout_seconds
            waits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
            return kind.from_url(self.settings.redis_url, retry=once, **waits)

        return self.once("redis", client)

    def sessions(self) -> "Liveness":
        """Whether sessions live."""

        def make() -> "Liveness":
            from shared.adapters.sessions import Liveness

            return Liveness(self.firestore, self.breaker("firestore"), self.asker())

        return self.once("sessions", make)

    def breaker(self, kind: str, which: str = "", at_once: int | None = None) -> "Breaker":
        """The breaker of a dependency. Raises KeyError for a kind that has no policy.

        which: the one of several: a service's database or RPC host, a chain, the host that a webhook calls.
        at_once: how many calls may be under way, where the policy does not know.
        """
        return self._breakers.of(kind, which, at_once)

    def breakers(self) -> "list[Reading]":
        """What the breakers of this process tell of themselves: name, state, calls, failures."""
        from shared.adapters import kms

        return [*self._breakers.readings(), kms.breaker().read()]

    def asker(self) -> "Asker":
        """Redis, for several things at once."""

        def make() -> "Asker":
            from shared.adapters.scripts import Asker

            return Asker(self.redis, self.breaker("redis"))

        return self.once("asker", make)

    def cache(self) -> "Cache":
        """What is kept of the things that the registry has caches for."""

        def make() -> "Cache":
            from shared.adapters.cache import Cache
            from shared.registry import load

            return Cache(self.asker(), load().caches)

        return self.once("cache", make)

    def limits(self) -> "Limits":
        """Counts requests by the registry's profiles."""

        def make() -> "Limits":
            from shared.adapters.limits import Limits, OwnBuckets, RedisBuckets
            from shared.registry import load

            return Limits(RedisBuckets(self.asker()), OwnBuckets(), load().limits)

        return self.once("limits", make)

    def chain(self, chain_id: int, kind: str = "chain") -> "ChainClient":
        """A node of a chain. Raises Unavailable when this environment has none.

        kind: of its breaker and bulkhead: what strangers have asked does not take the places of money's calls.
        """

        def dial() -> "ChainClient":
            from shared.adapters.chain import ChainClient

            if chain_id not in self.settings.chain_urls:
                raise Unavailable(f"There is no node of chain {chain_id} here.")
            return ChainClient(self.settings.chain_urls[chain_id], breaker=self.breaker(kind, str(chain_id)))

        return self.once(f"{kind} {chain_id}", dial)

    def signer(self, name: str) -> "Signer":
        """Who signs under a name (voucher, treasury): the key of Cloud KMS that is configured, else the secret file.

        Raises ConfigurationError when there is neither.
        """

        def make() -> "Signer":
            from shared.adapters import kms
            from shared.adapters.signers import FileSigner, KmsSigner

            if name in self.settings.kms_keys:
                return KmsSigner(kms.client(), self.settings.kms_keys[name])
            return FileSigner(bytes.fromhex(self.settings.secret(f"{name}_key").decode()))

        return self.once(f"signer {name}", make)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What a process has one of: made when it is first asked for, by whichever thread."""
        if name not in self._opened:
            with self._lock:
                if name not in self._opened:
                    self._opened[name] = make()
        return cast(T, self._opened[name])


@cache
def resources() -> Resources:
    """This process's real parts."""
    return Resources(settings())
