"""The hosts of a region's functions: each behind one WSGI application, in a process of its own.

Each function is built by functions-framework's `create_app`, as in the cloud; here two processes serve what are
separate containers there. Events take no request's turn: they have a process to themselves. Started by granian:
`granian --interface wsgi --factory emulators.stack.host:make_http`.

    make_http      the functions host: the HTTP row whose path template and method match, else `unmatched`
    make_internal  the events host, which the edge does not reach:
                   POST /_events/<row>       deliveries of the row's push subscriptions
                   POST /_schedules/<row>    invocations by the scheduler
                   GET /health               whether it responds
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from functions_framework import create_app

from shared.registry import Registry, load
from shared.runtime.routes import Router

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Host = TypeVar("Host")

UNMATCHED: Final = "unmatched"
HEALTH: Final = "/health"
EVENTS: Final = "/_events/"
SCHEDULES: Final = "/_schedules/"

RESERVED: Final = ("/robots.txt", "/favicon.ico")
"""Paths that functions-framework answers itself, with a 404 in HTML."""

POLL_SECONDS: Final = 0.5


class HttpHost:
    """Routes each request to its HTTP function."""

    def __init__(self, registry: Registry, function: Callable[[str], Application]) -> None:
        """
        registry: the rows to serve.
        function: builds the WSGI application of a function by name.
        """
        self._router = Router(registry.http_rows())
        self._http = {row.name: function(row.name) for row in registry.http_rows()}
        self._unmatched = function(UNMATCHED)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        return self._find(environ)(environ, start_response)

    def _find(self, environ: Environ) -> Application:
        path = _decoded(environ["PATH_INFO"])
        row = None if path is None else self._router.match(environ["REQUEST_METHOD"], path)
        return self._http[row.name] if row else self._refuse

    def _refuse(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in RESERVED or "//" in path or _decoded(path) is None:
            # functions-framework would answer these itself (a page, a redirect). No row has such a path, so another
            # unknown path is substituted, to get the contract's ROUTE_NOT_FOUND.
            environ = {**environ, "PATH_INFO": f"/_{UNMATCHED}"}
        return self._unmatched(environ, start_response)


class InternalHost:
    """Routes pushes and scheduled invocations to their functions by name."""

    def __init__(self, registry: Registry, function: Callable[[str], Application]) -> None:
        """As HttpHost's."""
        self._rows = {
            **{("POST", f"{EVENTS}{row.name}"): function(row.name) for row in registry.event_rows()},
            **{("POST", f"{SCHEDULES}{row.name}"): function(row.name) for row in registry.scheduled_rows()},
            ("GET", HEALTH): function("health"),
        }
        self._unmatched = function(UNMATCHED)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        row = self._rows.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]), self._unmatched)
        return row(environ, start_response)


def _decoded(path: str) -> str | None:
    """A path as text: WSGI carries its bytes as Latin-1. None if it is not UTF-8 or has a line feed.

    functions-framework's own routes do not match across lines.
    """
    try:
        text = path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return None if "\n" in text else text


def _function(name: str) -> Application:
    make: Callable[..., Application] = create_app
    return make(target=name, source=os.environ["FUNCTION_SOURCE"], signature_type="http")


def _end_with_parent() -> None:
    """Exit when granian's main process is killed: this worker would keep the port and go on serving, unsupervised."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def make_http() -> HttpHost:
    """The application of the functions host of the region in the environment."""
    return _made(HttpHost)


def make_internal() -> InternalHost:
    """The application of the events host of the region in the environment."""
    return _made(InternalHost)


def _made(kind: Callable[[Registry, Callable[[str], Application]], Host]) -> Host:
    search_path = list(sys.path)
    host = kind(load(), _function)
    # Each create_app appends the folder of the source to the path. None is needed: imports start at the root.
    sys.path[:] = search_path
    _end_with_parent()
    return host
