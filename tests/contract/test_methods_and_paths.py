"""A function runs only for its own method and path, also when called directly; and an escaped slash is no slash."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import flask
import httpx
import pytest

from emulators.demo.api_user import fresh_key
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions.main import bind
from shared.config import Settings
from shared.registry import Row, load
from shared.resources import Resources
from shared.runtime.event import EventOperation
from shared.runtime.http import HttpOperation
from shared.runtime.schedule import ScheduledOperation
from tests.contract.api import ROWS, filled

STARTED_FROM_WITHIN: Final = [row for row in load().rows.values() if row.event or row.schedule]
APPLICATION: Final = flask.Flask(__name__)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


def answered(operation: Callable[[Any], flask.Response], method: str, path: str) -> flask.Response:
    """What a function answers to a request that a URL map has sent it."""
    with APPLICATION.test_request_context(path, method=method):
        return operation(flask.request)


@pytest.fixture
def served(resources: Resources, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Row], Any]:
    """A row's function, whose operation must not run."""
    monkeypatch.setattr("functions.main.resources", lambda: resources)

    def serve(row: Row) -> Any:
        bound = bind(row)
        object.__setattr__(bound, "function", lambda **_: pytest.fail(f"{row.name} was run"))
        if row.event:
            return EventOperation(bound, settings, resources.clock)
        if row.schedule:
            return ScheduledOperation(bound, settings)
        parts = resources.sessions(), resources.limits(), resources.cache()
        return HttpOperation(bound, settings, resources.clock, *parts)

    return serve


def test_another_method_is_405(served: Callable[[Row], Any], subtests: pytest.Subtests) -> None:
    """With the methods that it has, and before it looks at anything else of the request."""
    for row in ROWS:
        with subtests.test(row=row.name):
            allowed = ["GET", "HEAD"] if row.method == "GET" else [row.method]
            operation = served(row)
            for method in METHODS:
                if method not in allowed:
                    answer = answered(operation, method, filled(row))
                    assert (answer.status_code, answer.headers["Allow"]) == (405, ", ".join(allowed)), method
                    assert json.loads(answer.get_data())["code"] == "METHOD_NOT_ALLOWED"


def test_another_path_is_404(served: Callable[[Row], Any], subtests: pytest.Subtests) -> None:
    """Whatever the method."""
    for row in ROWS:
        with subtests.test(row=row.name):
            for method in ("GET", "POST", row.method):
                answer = answered(served(row), method, filled(row).rstrip("/") + "/more")
                assert (answer.status_code, json.loads(answer.get_data())["code"]) == (404, "ROUTE_NOT_FOUND")


def test_what_is_started_from_within_is_a_post(
    served: Callable[[Row], Any], settings: Settings, subtests: pytest.Subtests
) -> None:
    """Anything else starts nothing, though it knew the secret."""
    token = settings.secret("push_token").decode()
    for row in STARTED_FROM_WITHIN:
        with subtests.test(row=row.name):
            for method in ("GET", "HEAD", "PUT"):
                assert answered(served(row), method, f"/?token={token}").status_code == 405


ESCAPED = [
    "/v1%2Fme",
    "/v1%2fme",
    "/%2Fv1/me",
    "/v1/me%2F",
    "/v1/orders%2Fquote",
    "/v1/orders/ord_us_1%2Fevents",
    "/%2Fhealth",
]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_escaped_slash_is_another_path(method: str, edge: httpx.Client, subtests: pytest.Subtests) -> None:
    """It is not that of the slash: nothing is there."""
    for path in ESCAPED:
        with subtests.test(path=path):
            answer = edge.request(method, "/", extensions={"target": path.encode()})
            assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_edges_log_has_no_queries(edge: httpx.Client, stack: Stack) -> None:
    """What stands behind the question mark is nobody's business."""
    request_id = fresh_key()
    edge.get("/v1/orders", params={"cursor": "s3cret-cursor"}, headers={"X-Request-Id": request_id})
    log = stack.layout.logs / "edge-access.log"
    read = partial(log.read_text, encoding="utf-8")
    written = until(read, lambda text: request_id in text)  # Envoy writes every ten seconds
    lines = [json.loads(line) for line in written.splitlines() if request_id in line]
    assert [line["path"] for line in lines] == ["/v1/orders"]
    assert "s3cret-cursor" not in written
