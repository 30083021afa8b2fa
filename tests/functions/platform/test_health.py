"""Liveness."""

from typing import Any

import flask
import httpx
from msgspec.structs import replace

from functions.platform.health import health
from shared.config import Settings
from shared.registry import load
from shared.resources import Resources
from shared.runtime.binding import BoundOperation
from shared.runtime.http import HttpOperation
from tests.problems import refused


def test_it_is_public(edge: httpx.Client) -> None:
    """Anyone may ask, with a wrong token too; the answer is for the moment only."""
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        response = edge.get("/health", headers=headers)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Request-Id"]
        assert response.headers["X-Served-By"] == "us-central1"


def test_it_takes_nothing(edge: httpx.Client) -> None:
    """A parameter is refused, as on any route; so is another method."""
    refused(edge.get("/health?deep=1"), 400, "VALIDATION_FAILED", "deep")
    response = edge.post("/health")
    refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "GET, HEAD"


def test_it_needs_nothing(settings: Settings) -> None:
    """It is not counted: without Redis, or the address of one, a process that lives says so."""

    def nothing(*_: object) -> Any:
        raise AssertionError("it asks for no work")

    for nowhere in ("", "redis://127.0.0.1:1/0"):
        parts = Resources(replace(settings, redis_url=nowhere))
        row = load().rows["health"]
        bound = BoundOperation(row, health, nothing, nothing)
        answer: Any = HttpOperation(bound, settings, parts.clock, parts.sessions(), parts.limits(), parts.cache())
        with flask.Flask(__name__).test_request_context("/health"):
            response = answer(flask.request)
        assert (response.status_code, response.json) == (200, {"status": "ok"})
        assert "RateLimit" not in response.headers
        assert parts.breaker("redis").read().calls == 0
