"""The hosts of a region's functions: each behind one WSGI application, in a process of its own.

Each function is functions-framework's application, as in the cloud; here two processes serve what are separate
containers there. Events take no request's turn: they have a process to themselves. Started by granian:
`granian --interface wsgi --factory emulators.stack.host:make_http`.

    make_http      the functions host: the HTTP row whose path template and method match, else `unmatched`
    make_internal  the events host, which the edge does not reach:
                   POST /_events/<row>       deliveries of the row's push subscriptions
                   POST /_schedules/<row>    invocations by the scheduler
                   GET /health               whether it responds
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from shared.container.function import end_with_parent, framework_application
from shared.container.paths import decoded
from shared.container.probes import Application, Environ
from shared.container.process import note_ready
from shared.registry import Registry, load
from shared.runtime.routes import Router

Host = TypeVar("Host")

UNMATCHED: Final = "unmatched"
HEALTH: Final = "/health"
EVENTS: Final = "/_events/"
SCHEDULES: Final = "/_schedules/"


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
        path = decoded(environ["PATH_INFO"])
        row = None if path is None else self._router.match(environ["REQUEST_METHOD"], path)
        return self._http[row.name] if row else self._unmatched


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


def _function(name: str) -> Application:
    return framework_application(name, Path(os.environ["FUNCTION_SOURCE"]))


def make_http() -> HttpHost:
    """The application of the functions host of the region in the environment."""
    return _made(HttpHost)


def make_internal() -> InternalHost:
    """The application of the events host of the region in the environment."""
    return _made(InternalHost)


def _made(kind: Callable[[Registry, Callable[[str], Application]], Host]) -> Host:
    host = kind(load(), _function)
    end_with_parent()
    note_ready("function")
    return host
