"""A process opens each resource once, on first use."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from redis.exceptions import ConnectionError as NoConnection

from shared.clock import SystemClock
from shared.config import Settings
from shared.resources import Resources


def test_a_part_is_opened_once(settings: Settings) -> None:
    """Threads that ask at the same moment share one pool, channel or client; services do not."""
    resources = Resources(settings)
    at_once = threading.Barrier(8, timeout=10)

    def ask(_: int) -> object:
        at_once.wait()
        return resources.database("order")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(each) for each in pool.map(ask, range(8))}) == 1
    assert resources.database("order") is not resources.database("wallet")
    assert resources.channel("wallet", "order") is resources.channel("wallet", "order")
    assert resources.channel("wallet", "order") is not resources.channel("wallet", "supply")


def test_nothing_is_opened_before_it_is_needed(settings: Settings) -> None:
    """With every part out of reach, a process still starts, and fails only where it asks."""
    nowhere = replace(settings, database_port=1, redis_url="redis://127.0.0.1:1/0", rpc_addresses={})
    resources = Resources(nowhere)
    assert isinstance(resources.clock, SystemClock)
    assert resources.clock.now().tzinfo is not None
    assert resources.database("order") is resources.database("order")
    with pytest.raises(KeyError, match="wallet"):
        resources.channel("wallet", "order")


def test_redis_answers(resources: Resources) -> None:
    """The cache can be reached, and gives up within a second when it cannot."""
    assert resources.redis().ping()
    with pytest.raises(NoConnection):
        Resources(replace(resources.settings, redis_url="redis://127.0.0.1:1/0")).redis().ping()
