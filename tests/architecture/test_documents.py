"""The documents name what exists: files, folders, and every variable that a process reads."""

import re
from pathlib import Path
from typing import Final

from tests.architecture.codebase import ROOT

DOCUMENTS: Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(
        path
        for folder in ("functions", "shared", "emulators", "cloudbuild", "tests")
        for path in (ROOT / folder).rglob("README.md")
        if "node_modules" not in path.parts
    ),
]

LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#]+)")
PATH: Final = re.compile(r"`((?:functions|shared|emulators|cloudbuild|tests|docs)/[\w./-]+)`")
VARIABLE: Final = re.compile(r'"([A-Z][A-Z_]+)"')
EMULATOR: Final = "_EMULATOR_HOST"
"""How the variables end by which Google's clients find emulators."""


def missing(document: Path) -> list[str]:
    """What a document links to, or names as a path from the root, and is not there."""
    text = document.read_text(encoding="utf-8")
    linked = {name: document.parent / name for name in LINK.findall(text)}
    named = {name: ROOT / name for name in PATH.findall(text)}
    return [name for name, path in (linked | named).items() if not path.exists()]


def test_a_document_names_what_exists() -> None:
    """A link or a path that leads nowhere was forgotten when something moved."""
    found = {str(document.relative_to(ROOT)): missing(document) for document in DOCUMENTS}
    assert found == {document: [] for document in found}


def test_the_readme_is_short() -> None:
    """The first page takes a few minutes to read; the rest is where it belongs."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_variable_is_documented() -> None:
    """docs/configuration.md has a row for each variable that shared/config.py reads, and for no other."""
    read = set(VARIABLE.findall((ROOT / "shared/config.py").read_text(encoding="utf-8")))
    rows = re.findall(r"^\| (`[^|]*)\|", (ROOT / "docs/configuration.md").read_text(encoding="utf-8"), re.MULTILINE)
    documented = set(re.findall(r"`([A-Z_]+)`", "".join(rows)))
    assert {name for name in documented ^ read if not name.endswith(EMULATOR)} == set()
