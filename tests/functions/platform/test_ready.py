"""Readiness."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import flask
import httpx
import pytest
from msgspec.structs import replace

from functions import main
from functions.platform.ready import Ready, ready
from shared.config import Settings
from shared.errors import Unavailable
from shared.registry import load
from shared.resources import Resources
from shared.runtime.http import HttpOperation

DATABASES = {f"database {name}" for name, service in load().services.items() if service.database}
ALL = {"firestore", "redis", *DATABASES}


@dataclass
class FakeDependencies:
    """Dependencies in a state that a test makes up."""

    wrong: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> Mapping[str, str]:
        return {name: self.wrong.get(name, "ok") for name in ALL}

    def breakers(self) -> Mapping[str, str]:
        return {"redis": "closed"}

    def needed(self) -> frozenset[str]:
        return frozenset(ALL - {"redis"})

    def lags(self) -> Mapping[str, float | None]:
        return {"eu": 0.25, "as": None}


@dataclass
class FakeWork:
    """The work of the operation, on fake dependencies."""

    dependencies: FakeDependencies
    streams: Any = None
    invariants: Any = None

    def document(self) -> bytes:
        raise NotImplementedError


@pytest.fixture
def nowhere() -> str:
    """An address where nobody listens."""
    return "127.0.0.1:1"


@contextmanager
def served(settings: Settings, **changes: Any) -> Iterator[Callable[[], flask.Response]]:
    """The operation as it runs in the cloud, with settings that lead elsewhere."""
    elsewhere = replace(settings, **changes)
    resources = Resources(elsewhere)
    with patch.object(main, "resources", lambda: resources):
        operation = HttpOperation(
            main.bind(load().rows["ready"]),
            elsewhere,
            resources.clock,
            resources.sessions(),
            resources.limits(),
            resources.cache(),
        )

    def answer() -> flask.Response:
        with flask.Flask("test").test_request_context("/ready") as context:
            return operation(context.request)

    yield answer


def test_every_dependency_is_named(edge: httpx.Client) -> None:
    """On a stack that is up each is ok; anyone may ask."""
    response = edge.get("/ready")
    assert response.status_code == 200
    seen = response.json()
    assert (seen["status"], seen["dependencies"]) == ("ok", dict.fromkeys(ALL, "ok"))
    assert {"firestore", "redis", *DATABASES} <= set(seen["breakers"])
    assert set(seen["breakers"].values()) <= {"closed", "open", "half_open"}


@pytest.mark.parametrize("name", sorted(ALL - {"redis"}))
def test_what_every_request_needs_must_be_there(name: str) -> None:
    """Without it this instance cannot serve, and says what is missing and in which state everything is."""
    with pytest.raises(Unavailable, match=name) as refusal:
        ready(Ready(), FakeWork(FakeDependencies({name: "TimeoutError"})))
    assert refusal.value.code == "NOT_READY"
    assert refusal.value.members["dependencies"] == {**dict.fromkeys(ALL, "ok"), name: "TimeoutError"}


def test_a_cache_may_be_down() -> None:
    """Redis is never a truth: requests are served without it, and its state is shown."""
    view = ready(Ready(), FakeWork(FakeDependencies({"redis": "ConnectionError"})))
    assert (view.status, view.dependencies["redis"]) == ("ok", "ConnectionError")


def test_databases_that_do_not_answer_are_503(resources: Resources, settings: Settings) -> None:
    """Over real connections to where nobody listens: a problem document that says so, with Retry-After."""
    with served(settings, database_port=1) as answer:
        response = answer()
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.mimetype == "application/problem+json"
    body = response.get_json()
    assert body["code"] == "NOT_READY"
    assert {name for name, state in body["dependencies"].items() if state != "ok"} == DATABASES
    assert set(body["dependencies"]) == ALL


def test_a_redis_that_does_not_answer_is_reported(resources: Resources, settings: Settings, nowhere: str) -> None:
    """Over a real connection to where nobody listens: 200, and its state is not ok."""
    with served(settings, redis_url=f"redis://{nowhere}/0") as answer:
        response = answer()
    assert response.status_code == 200
    states = response.get_json()["dependencies"]
    assert {name for name, state in states.items() if state != "ok"} == {"redis"}
