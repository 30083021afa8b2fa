"""Cached reads by a function, beside uncached ones, and beside the same function without a cache."""

import io
import logging
import os
import sys
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
from tests.bench.comparison import Comparison, calls, calls_after, in_turns
from tests.bench.goals import Measurement

WITHOUT_END: Final = Rate(rate=1_000_000, burst=1_000_000)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NoCache(Cache):
    """Caches nothing: every read goes to the database."""

    def read(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        return load()


def cached_reads(stack: Stack) -> Iterator[Measurement]:
    """Cached reads of a supply, which many read while it is on sale, and of an order and a claim, which are polled.

    One function in this process, called as the functions framework serves it: token, limits, response, access log.
    Ours: with cache hits. Beside it: with cache misses, which read the database and fill the cache; and (no goal: the
    gain of the cache, compared with having none) the same function whose reads all go to the database.
    """
    for operation in ("get_supply", "get_order", "get_claim"):
        with _thing(stack, operation) as thing:
            show, without, cache = thing.function(Cache), thing.function(NoCache), thing.cache()
            forget = partial(cache.invalidate, [thing.path.rpartition("/")[2]])
            found = in_turns({"hit": calls(show), "miss": calls_after(forget, show), "none": calls(without)})
        name = f"cached_{operation.partition('_')[2]}"
        yield Comparison(name, "uncached", found["hit"], found["miss"]).measurement
        yield Comparison(f"{name}_or_no_cache", "without a cache", found["hit"], found["none"]).measurement


@dataclass(frozen=True)
class Thing:
    """A resource of a claimed order, and the operation that reads it."""

    person: ApiUser
    settings: Settings
    operation: str
    path: str

    def cache(self) -> Cache:
        """The cache that the function reads."""
        return Cache(Resources(self.settings).pipeline(), load().caches)

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
def _thing(stack: Stack, operation: str) -> Iterator[Thing]:
    """Something to read in a stack. The logs of this process go to /dev/null."""
    with (
        httpx.Client(base_url=stack.edge_url, timeout=60) as edge,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
    ):
        person = ApiUser(edge).sign_in()
        terms = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": 10, "status": "active"}
        supply = person.post("/v1/supplies", terms, key=fresh_key())
        body = {"wallet_id": person.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
        order = person.post("/v1/orders", body, key=fresh_key())
        person.wait_for(f"/v1/orders/{order['id']}", "status", "paid", within_seconds=60)
        claim = person.post("/v1/claims", {"order_id": order["id"]})
        paths = {
            "get_supply": f"/v1/supplies/{supply['id']}",
            "get_order": f"/v1/orders/{order['id']}",
            "get_claim": f"/v1/claims/{claim['id']}",
        }
        try:
            with redirect_stderr(nowhere):
                yield Thing(person, read(stack.environment), operation, paths[operation])
        finally:
            logging.getLogger().handlers.clear()  # main.py had this process log there
