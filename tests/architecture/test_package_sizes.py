"""Packages small enough to survey."""

from pathlib import Path

import pytest

from tests.architecture.codebase import FUNCTIONS, ROOT, SERVICES, modules

MODULES_AT_MOST = 20

FOLDERS = sorted(
    {path.parent for path in modules("functions", "shared", "emulators")} - {FUNCTIONS / s for s in SERVICES}
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_package_has_few_modules(folder: Path) -> None:
    """Not counting a service's operations."""
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MODULES_AT_MOST
