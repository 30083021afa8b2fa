"""The functions host: every HTTP, event and schedule function of a region behind one WSGI application.

Each function is built by functions-framework's `create_app`, as in the cloud; here one process serves what are separate
containers there. Started by granian: `granian --interface wsgi --factory emulators.stack.host:make`.

    POST /_events/<row>       deliveries of the row's push subscriptions
    POST /_schedules/<row>    invocations by the scheduler
    anything else             the HTTP row whose path template and method match, else the function `unmatched`
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from functions_framework import create_app

from emulators.stack.parts.edge import EDGE_HEADER
from shared.registry import Registry, load
from shared.runtime.routes import Router

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

UNMATCHED: Final = "unmatched"
EVENTS: Final = "/_events/"
SCHEDULES: Final = "/_schedules/"
FROM_EDGE: Final = "HTTP_" + EDGE_HEADER.upper().replace("-", "_")

RESERVED: Final = ("/robots.txt", "/favicon.ico")
"""Paths that functions-framework answers itself, with a 404 in HTML."""

POLL_SECONDS: Final = 0.5


class Host:
    """The dispatcher: routes each request to its function."""

    def __init__(self, registry: Registry, function: Callable[[str], Application]) -> None:
        """
        registry: the rows to serve.
        function: builds the WSGI application of a function by name.
        """
        self._router = Router(registry.http_rows())
        self._http = {row.name: function(row.name) for row in registry.http_rows()}
        self._internal = {
            **{f"{EVENTS}{row.name}": function(row.name) for row in registry.event_rows()},
            **{f"{SCHEDULES}{row.name}": function(row.name) for row in registry.scheduled_rows()},
        }
        self._unmatched = function(UNMATCHED)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        return self._find(environ)(environ, start_response)

    def _find(self, environ: Environ) -> Application:
        path = _decoded(environ["PATH_INFO"])
        method = environ["REQUEST_METHOD"]
        if method == "POST" and FROM_EDGE not in environ and path in self._internal:
            return self._internal[path]
        row = None if path is None else self._router.match(method, path)
        return self._http[row.name] if row else self._refuse

    def _refuse(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in RESERVED or "//" in path or _decoded(path) is None:
            # functions-framework would answer these itself (a page, a redirect). No row has such a path, so another
            # unknown path is substituted, to get the contract's ROUTE_NOT_FOUND.
            environ = {**environ, "PATH_INFO": f"/_{UNMATCHED}"}
        return self._unmatched(environ, start_response)


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


def make() -> Host:
    """The application of a granian worker: the host of the region in the environment."""
    search_path = list(sys.path)
    host = Host(load(), _function)
    # Each create_app appends the folder of the source to the path. None is needed: imports start at the root.
    sys.path[:] = search_path
    _end_with_parent()
    return host
