"""Every conflict has a test that provokes it, and stands in the README."""

from importlib import import_module
from pathlib import Path

import shared.cells
from shared.cells.conflicts import CONFLICTS


def test_every_conflict_is_shown_and_documented() -> None:
    readme = (Path(shared.cells.__file__).parent / "README.md").read_text()
    for conflict in CONFLICTS:
        module, _, function = conflict.shown_by.partition(":")
        path = f"tests.{module}" if "." in module else f"tests.shared.cells.{module}"
        assert callable(getattr(import_module(path), function))
        assert f"| {conflict.about} | {conflict.resolved_by} |" in readme
