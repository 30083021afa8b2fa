"""The functions host and the events host: dispatch of requests to functions."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from emulators.stack.host import HttpHost, InternalHost
from shared.container.paths import UNMATCHED, passed_on
from shared.container.probes import Application
from shared.registry import load

REGISTRY = load()


def function(name: str) -> Application:
    """A function that responds with its name and path."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [f"{name} {environ['PATH_INFO']}".encode()]

    return application


HTTP = HttpHost(REGISTRY, function)
INTERNAL = InternalHost(REGISTRY, function)


def ask(method: str, path: str, host: Application = HTTP) -> str:
    """The name of the responding function, and the path that it received."""
    answer = host({"REQUEST_METHOD": method, "PATH_INFO": path}, lambda *_: None)
    return b"".join(answer).decode()


def test_http_rows_are_found_by_path_and_method(subtests: pytest.Subtests) -> None:
    """Every HTTP row answers its own path, which it sees unchanged; reads answer HEAD as well."""
    for row in REGISTRY.http_rows():
        with subtests.test(row=row.name):
            path = row.path.replace("{", "").replace("}", "")
            assert ask(row.method, path) == f"{row.name} {path}"
            if row.method == "GET":
                assert ask("HEAD", path) == f"{row.name} {path}"


def test_event_and_schedule_rows_are_found_by_name() -> None:
    """Pushes and the scheduler reach their rows in the events host, with POST; other paths and methods reach none."""
    for row in REGISTRY.event_rows():
        assert ask("POST", f"/_events/{row.name}", INTERNAL) == f"{row.name} /_events/{row.name}"
        assert ask("GET", f"/_events/{row.name}", INTERNAL).startswith("unmatched ")
    for row in REGISTRY.scheduled_rows():
        assert ask("POST", f"/_schedules/{row.name}", INTERNAL) == f"{row.name} /_schedules/{row.name}"
    assert ask("GET", "/health", INTERNAL) == "health /health"
    for path in ("/health", "/v1/orders", "/_events/", "/_events/nothing"):
        assert ask("POST", path, INTERNAL) == f"unmatched {path}"


def test_internal_paths_are_unmatched_where_the_edge_reaches() -> None:
    """The functions host has no event or schedule functions at all."""
    for row in (*REGISTRY.event_rows(), *REGISTRY.scheduled_rows()):
        for path in (f"/_events/{row.name}", f"/_schedules/{row.name}"):
            assert ask("POST", path) == f"unmatched {path}"


@pytest.mark.parametrize("path", ["/no/such/thing", "/v1/orders/", "/health/"])
def test_what_no_row_names_is_unmatched(path: str) -> None:
    """`unmatched` sees the path, since it tells 404 from 405."""
    assert ask("GET", path) == f"unmatched {path}"


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "//health", "/\xff", "/v1/orders/\n"])
def test_paths_that_no_row_can_have_are_unmatched(path: str) -> None:
    """The application of `unmatched` substitutes another one where functions-framework would answer by itself."""
    assert ask("GET", path) == f"unmatched {path}"
    assert passed_on({"PATH_INFO": path})["PATH_INFO"] == UNMATCHED
