"""Cached reads by a function, beside uncached ones, and beside the same function without a cache."""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import functions_framework
import httpx

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from functions import main
from shared.config import Settings, read
from shared.redis.cache import Cache
from shared.redis.rate_limits import Limits, LocalBuckets, RedisBuckets
from shared.registry import Limit, Rate, load
from shared.resources import Resources
from tests.bench.comparison import Comparison, calls, calls_after, compared

WITHOUT_END: Final = Rate(rate=1_000_000, burst=1_000_000)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NoCache(Cache):
    """Caches nothing: every read goes to the database."""

    def read(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        return load()


def cached_supply() -> Comparison:
    """A supply, which many read while it is on sale."""
    return _beside_uncached("a supply", "get_supply")


def cached_order() -> Comparison:
    """An order, which its buyer polls until it is paid."""
    return _beside_uncached("an order", "get_order")


def cached_claim() -> Comparison:
    """A claim, which its buyer polls until it is mined."""
    return _beside_uncached("a claim", "get_claim")


def cached_supply_or_no_cache() -> Comparison:
    """The gain of the cache, compared with having none."""
    return _beside_no_cache("a supply", "get_supply")


def cached_order_or_no_cache() -> Comparison:
    """As for a supply."""
    return _beside_no_cache("an order", "get_order")


def cached_claim_or_no_cache() -> Comparison:
    """As for a supply."""
    return _beside_no_cache("a claim", "get_claim")


def _beside_uncached(thing: str, operation: str) -> Comparison:
    """One function, with cache hits and with cache misses, which read the database and fill the cache."""
    with _stack(operation) as shop:
        show, cache = shop.function(Cache), Cache(Resources(shop.settings).pipeline(), load().caches)
        other = calls_after(partial(cache.invalidate, [shop.path.rpartition("/")[2]]), show)
        return compared(f"cached reads of {thing}", calls(show), "uncached", other, at_least=3)


def _beside_no_cache(thing: str, operation: str) -> Comparison:
    """Two functions, one of which reads the database as if there were no cache at all."""
    with _stack(operation) as shop:
        ours, other = shop.function(Cache), shop.function(NoCache)
        return compared(f"cached reads of {thing}", calls(ours), "without a cache", calls(other), at_least=0)


@dataclass(frozen=True)
class Shop:
    """A stack with a claimed order, and the read of one of its resources."""

    person: ApiUser
    settings: Settings
    operation: str
    path: str

    def function(self, kind: type[Cache]) -> Callable[[], None]:
        """Calls the operation as the functions framework serves it: token, limits, response, access log.

        Limits are counted, but never exceeded.
        """
        parts = Resources(self.settings)
        profiles = {"read": Limit(ip=WITHOUT_END, user=WITHOUT_END)}
        parts.once("limits", lambda: Limits(RedisBuckets(parts.pipeline()), LocalBuckets(), profiles))
        parts.once("cache", lambda: kind(parts.pipeline(), load().caches))
        # The framework executes main.py again, which gets these.
        with (
            patch("shared.resources.resources", lambda: parts),
            patch("shared.config.settings", lambda: self.settings),
        ):
            return partial(self._show, functions_framework.create_app(self.operation, main.__file__, "http"))

    def _show(self, application: Application) -> None:
        """One request (PEP 3333)."""
        statuses: list[str] = []
        environ = {
            **{"REQUEST_METHOD": "GET", "PATH_INFO": self.path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1"},
            **{"SERVER_NAME": "bench", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"},
            **{"wsgi.version": (1, 0), "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": True},
            **{"wsgi.multiprocess": False, "wsgi.run_once": False},
            "HTTP_AUTHORIZATION": f"Bearer {self.person.access_token}",
        }
        b"".join(application(environ, lambda status, _headers, _error=None: statuses.append(status)))
        assert statuses == ["200 OK"], statuses


@contextmanager
def _stack(operation: str) -> Iterator[Shop]:
    """A stack with something to read. The logs of this process go to /dev/null."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), free_ports=True) as stack,
        httpx.Client(base_url=stack.edge_url, timeout=30) as edge,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
    ):
        person = ApiUser(edge).sign_in()
        terms = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": 10, "status": "active"}
        supply = person.post("/v1/supplies", terms, key=fresh_key())
        body = {"wallet_id": person.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
        order = person.post("/v1/orders", body, key=fresh_key())
        person.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
        claim = person.post("/v1/claims", {"order_id": order["id"]})
        paths = {
            "get_supply": f"/v1/supplies/{supply['id']}",
            "get_order": f"/v1/orders/{order['id']}",
            "get_claim": f"/v1/claims/{claim['id']}",
        }
        try:
            with redirect_stderr(nowhere):
                yield Shop(person, read(stack.environment), operation, paths[operation])
        finally:
            logging.getLogger().handlers.clear()  # main.py had this process log there
