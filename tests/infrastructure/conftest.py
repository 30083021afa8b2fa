"""Fixtures of the infrastructure's checks, which run by `make infra` only: they need Terraform and `.venv-infra`."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.infrastructure import terraform
from tests.infrastructure.deployment import Deployment

ENVIRONMENTS: Final = ("staging", "production")

_executor: Final = ThreadPoolExecutor()
_deployments: Final[dict[str, Future[Deployment]]] = {}
"""Both environments are planned and applied while other tests run."""


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


@pytest.fixture(scope="session", autouse=True)
def _begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Begin to plan and apply the environments that the selected tests ask for."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in ENVIRONMENTS:
        if asked & {name, "worlds"}:
            _deployments[name] = _executor.submit(Deployment.of, name, tmp_path_factory.mktemp(name))
    yield
    _executor.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def staging() -> Deployment:
    """Staging, planned and applied to a fake cloud."""
    return _deployments["staging"].result()


@pytest.fixture(scope="session")
def production() -> Deployment:
    """Production, planned and applied to a fake cloud."""
    return _deployments["production"].result()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how much there is in each environment."""
    for name, begun in _deployments.items():
        if begun.done() and not begun.cancelled() and begun.exception() is None:
            terminalreporter.write_line(f"{name}: {begun.result().summary()}")
