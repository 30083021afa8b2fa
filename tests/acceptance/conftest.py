"""The programs that these tests take: `make acceptance` runs them, `make test` leaves them out.

Without one of the programs they fail in one sentence; they are never skipped.
"""

import shutil
from pathlib import Path

import pytest

NEEDED = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
"""By program, the package of Debian that has it."""


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out, unless the command line names it."""
    return None if any("acceptance" in Path(argument).parts for argument in config.args) else True


@pytest.fixture(autouse=True, scope="session")
def _programs() -> None:
    """End if a program is missing."""
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if missing:
        pytest.exit(f"The acceptance tests need {' and '.join(missing)}: apt-get install {' '.join(missing)}.", 1)
