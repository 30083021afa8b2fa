"""The functions host: every HTTP, event and schedule function of a region behind one WSGI application.

Each function is served by functions-framework's own `create_app`, as in the cloud; here one process stands for all of
their containers. Served by granian: `granian --interface wsgi --factory emulators.host:make`.

    POST /_events/<row>       what the row's push subscriptions deliver
    POST /_schedules/<row>    what the scheduler starts
    anything else             the HTTP row whose path template and method match, else the function `unmatched`
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from functions_framework import create_app

from emulators.edge import EDGE_HEADER
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

LOOK_SECONDS: Final = 0.5


class Host:
    """The dispatcher: finds the function that a request is for."""

    def __init__(self, registry: Registry, function: Callable[[str], Application]) -> None:
        """
        registry: the rows to serve.
        function: makes the application of a function by its name.
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
            # functions-framework would answer these itself (a page, a redirect). No row has such a path, so that
            # another unknown one gets the same answer, in the contract's form.
            environ = {**environ, "PATH_INFO": f"/_{UNMATCHED}"}
        return self._unmatched(environ, start_response)


def _decoded(path: str) -> str | None:
    """A path as text: WSGI carries its bytes as Latin-1. None for what is not UTF-8, or holds a line feed.

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
    """End this worker when granian's main process is killed: it would hold the port and serve on, unsupervised."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def make() -> Host:
    """What granian serves in a worker: the host of the region that the environment names."""
    search_path = list(sys.path)
    host = Host(load(), _function)
    # Each create_app appends the source's folder; one entry would do, and none is needed: imports go from the root.
    sys.path[:] = search_path
    _end_with_parent()
    return host
