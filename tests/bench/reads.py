"""How fast a function shows what is cached, beside the same function without a cache."""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import functions_framework
import httpx

from emulators.buyer import Person, fresh_key
from emulators.stack import Stack
from functions import main
from shared.adapters.cache import Cache
from shared.adapters.limits import Limits, OwnBuckets, RedisBuckets
from shared.adapters.resources import Resources
from shared.config import Settings, read
from shared.registry import Limit, Rate, load
from tests.bench.comparing import Comparison, calls, compared

WITHOUT_END: Final = Rate(rate=1_000_000, burst=1_000_000)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NoCache(Cache):
    """Keeps nothing: every read is one of the database."""

    def read(self, kind: str, name: str, load: Callable[[], bytes | None]) -> bytes | None:
        return load()


def cached_supply() -> Comparison:
    """A supply, which everybody reads while it is sold."""
    return _compared("a supply", "get_supply")


def cached_order() -> Comparison:
    """An order, which its buyer looks at until it is paid."""
    return _compared("an order", "get_order")


def cached_claim() -> Comparison:
    """A claim, which its buyer looks at until it is mined."""
    return _compared("a claim", "get_claim")


def _compared(thing: str, operation: str) -> Comparison:
    """A thing as a whole function shows it: framework, token, limits, answer, access log."""
    with _stack() as (person, settings, paths), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        functions = [_function(operation, settings, cache) for cache in (Cache, NoCache)]
        with ExitStack() as ending:
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler):
                    # An access log costs what it costs, and is read by nobody here.
                    ending.callback(handler.setStream, handler.setStream(nowhere))
            ours, other = (calls(partial(_show, each, paths[operation], person)) for each in functions)
            return compared(f"cached reads of {thing}", ours, "uncached", other, at_least=3)


@contextmanager
def _stack() -> Iterator[tuple[Person, Settings, dict[str, str]]]:
    """A stack on which somebody bought and claimed: they, its processes' settings, and the path of what rows show."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), free_ports=True) as stack,
        httpx.Client(base_url=stack.edge_url, timeout=30) as edge,
    ):
        person = Person(edge).sign_in()
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
        yield person, read(stack.environment), paths


def _function(operation: str, settings: Settings, kind: type[Cache]) -> Application:
    """An operation as the functions framework serves it, with limits that count and refuse nobody."""
    parts = Resources(settings)
    profiles = {"read": Limit(ip=WITHOUT_END, user=WITHOUT_END)}
    parts.once("limits", lambda: Limits(RedisBuckets(parts.asker()), OwnBuckets(), profiles))
    parts.once("cache", lambda: kind(parts.asker(), load().caches))
    # The framework runs main.py anew, which finds these.
    with patch("shared.adapters.resources.resources", lambda: parts), patch("shared.config.settings", lambda: settings):
        application: Application = functions_framework.create_app(operation, main.__file__, "http")
    return application


def _show(application: Application, path: str, person: Person) -> None:
    """One request (PEP 3333)."""
    told: list[str] = []
    environ = {
        **{"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1"},
        **{"SERVER_NAME": "bench", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"},
        **{"wsgi.version": (1, 0), "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": True},
        **{"wsgi.multiprocess": False, "wsgi.run_once": False},
        "HTTP_AUTHORIZATION": f"Bearer {person.access_token}",
    }
    b"".join(application(environ, lambda status, _headers, _error=None: told.append(status)))
    assert told == ["200 OK"], told
