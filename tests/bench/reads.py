"""How fast a function shows what is cached, beside the same function without a cache."""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


def cached_read() -> Comparison:
    """An order as a whole function shows it: framework, token, limits, answer, access log."""
    with _stack() as (person, settings, path):
        functions = [_function(settings, kind) for kind in (Cache, NoCache)]
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.setStream(nowhere)  # an access log costs what it costs, and is read by nobody here
            ours, other = (calls(partial(_show, each, path, person)) for each in functions)
            return compared("cached reads", ours, "uncached", other, at_least=3)


@contextmanager
def _stack() -> Iterator[tuple[Person, Settings, str]]:
    """A stack with an order: its buyer, the settings of the stack's processes, and the order's path."""
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
        yield person, read(stack.environment), f"/v1/orders/{order['id']}"


def _function(settings: Settings, kind: type[Cache]) -> Application:
    """get_order as the functions framework serves it, with limits that count and refuse nobody."""
    parts = Resources(settings)
    profiles = {"read": Limit(ip=WITHOUT_END, user=WITHOUT_END)}
    parts.once("limits", lambda: Limits(RedisBuckets(parts.asker()), OwnBuckets(), profiles))
    parts.once("cache", lambda: kind(parts.asker(), load().caches))
    # The framework runs main.py anew, which finds these.
    with patch("shared.adapters.resources.resources", lambda: parts), patch("shared.config.settings", lambda: settings):
        application: Application = functions_framework.create_app("get_order", main.__file__, "http")
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
