"""Fixtures of the infrastructure's checks, which run by `make infra` only: they need Terraform and `.venv-infra`."""

from pathlib import Path

import pytest

from tests.infrastructure import terraform
from tests.infrastructure.deployment import Deployment


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out unless it, or a module in it, is asked for by name."""
    return None if any("infrastructure" in Path(argument).parts for argument in config.args) else True


def pytest_sessionstart() -> None:
    """End the run, as a failure, where a program is missing."""
    terraform.executable()
    terraform.tool("python")


@pytest.fixture(scope="session")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Staging, planned and applied to a fake cloud."""
    return Deployment.of("staging", tmp_path_factory.mktemp("staging"))


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Production, planned and applied to a fake cloud."""
    return Deployment.of("production", tmp_path_factory.mktemp("production"))
