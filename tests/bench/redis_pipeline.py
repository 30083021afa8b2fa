"""A request's Redis commands, two limits and a cache lookup, beside redis-py's own pipeline."""

from functools import partial
from typing import Any, Final

from redis import Redis, RedisCluster

from shared.redis.pipeline import Command, Pipeline
from shared.redis.rate_limits import MICROSECONDS, SCRIPT
from shared.resilience.breakers import Breakers
from tests.bench.comparison import Comparison, calls, compared
from tests.valkey import valkey

LIMITS: Final = [SCRIPT.on([f"limit:read:{kind}"], 1, MICROSECONDS) for kind in ("ip", "user")]
QUESTION: Final[list[Command]] = [*LIMITS, ("GET", "cache:{thing}")]


def pipeline_on_a_server() -> Comparison:
    """On one server; ours goes through the circuit breaker as well."""
    with valkey() as server:
        return _compared("pipeline_on_a_server", Redis.from_url(server.url))


def pipeline_on_a_cluster() -> Comparison:
    """On a cluster, where redis-py queries a node for the keys of every script."""
    with valkey(cluster=True) as server:
        return _compared("pipeline_on_a_cluster", RedisCluster.from_url(server.url))


def _compared(name: str, client: Any) -> Comparison:
    pipeline = Pipeline(lambda: client, Breakers().of("redis"))
    client.set("cache:{thing}", "x" * 500)
    ours, other = calls(partial(pipeline.execute, QUESTION)), calls(partial(_piped, client))
    return compared(name, ours, "redis-py's pipeline", other)


def _piped(client: Any) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for command in QUESTION:
            pipeline.execute_command(*command)
        pipeline.execute()
