"""Packages small enough to survey."""

from pathlib import Path

from tests.architecture.codebase import FUNCTIONS, SERVICES, modules

MODULES_AT_MOST = 20

FOLDERS = sorted(
    {path.parent for path in modules("functions", "shared", "emulators", "cloudbuild")}
    - {FUNCTIONS / s for s in SERVICES}
)


def modules_in(folder: Path) -> list[str]:
    """The modules of a package, but for what makes it one."""
    return [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]


def test_a_package_has_few_modules() -> None:
    """Not counting a service's operations."""
    assert [folder for folder in FOLDERS if len(modules_in(folder)) > MODULES_AT_MOST] == []
