"""Fixtures of the infrastructure's checks, which run by `make infra` only: they need Terraform and `.venv-infra`."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.infrastructure import terraform
from tests.infrastructure.deployment import Deployment

_executor: Final = ThreadPoolExecutor()
_deployments: Final[dict[str, Future[Deployment]]] = {}
"""They are planned and applied while other tests run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--accept-roles` writes policies/roles.yaml anew, from what production has."""
    parser.addoption("--accept-roles", action="store_true", help="write policies/roles.yaml anew")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out unless it, or a module in it, is asked for by name."""
    return None if any("infrastructure" in Path(argument).parts for argument in config.args) else True


def pytest_sessionstart() -> None:
    """End the run, as a failure, where a program is missing."""
    terraform.executable()
    terraform.tool("python")


def _production(folder: Path) -> Deployment:
    return Deployment.applied("production", folder)


def _staging(folder: Path) -> Deployment:
    return Deployment.planned_only("staging", folder)


def _one_region(folder: Path) -> Deployment:
    return Deployment.applied("staging", folder, lambda text: re.sub(r"(cells: {[^,}]*),[^}]*}", r"\1}", text))


def _two_cells(folder: Path) -> Deployment:
    def grown(text: str) -> str:
        made, number = re.subn(r"(cells: {us: us-central1)", r"\1, us2: us-central1", text)
        assert number == 1
        return made

    return Deployment.planned_only("production", folder, grown, {"as": "us-central1"})


@pytest.fixture(scope="session", autouse=True)
def _begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Begin to plan and apply the environments that the selected tests ask for."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    making = {"production": _production, "staging": _staging, "one_region": _one_region, "two_cells": _two_cells}
    for name, make in making.items():
        if name in asked:
            _deployments[name] = _executor.submit(make, tmp_path_factory.mktemp(name))
    yield
    _executor.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def staging() -> Deployment:
    """Staging, planned."""
    return _deployments["staging"].result()


@pytest.fixture(scope="session")
def production() -> Deployment:
    """Production, planned and applied to a fake cloud."""
    return _deployments["production"].result()


@pytest.fixture(scope="session")
def two_cells() -> Deployment:
    """Production, planned with a second cell in its first region, to which a third one is promoted."""
    return _deployments["two_cells"].result()


@pytest.fixture(scope="session")
def one_region() -> Deployment:
    """Staging with its first cell alone, planned and applied: a third of the resources, to change things in."""
    return _deployments["one_region"].result()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how much there is in each environment."""
    for name, begun in _deployments.items():
        if begun.done() and not begun.cancelled() and begun.exception() is None:
            terminalreporter.write_line(f"{name}: {begun.result().summary()}")
