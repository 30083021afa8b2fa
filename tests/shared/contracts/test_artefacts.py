"""The committed artefacts are what the compiler makes of the committed sources."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from shared.contracts import artefacts

SOURCES = artefacts.PATH.parent
ROOT = Path(__file__).parents[3]


def test_are_of_these_sources() -> None:
    """A change of a source without `make contracts` shows, without a compiler."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.sol")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    assert json.loads(artefacts.PATH.read_text())["sources"] == digest.hexdigest(), "run make contracts"


def test_are_what_the_compiler_makes() -> None:
    """Where npm has installed the compiler, it makes the same bytes; where npm is missing, only the hash can tell."""
    if not (ROOT / "emulators" / "node_modules" / "solc").exists():
        assert shutil.which("npm") is None, "npm is there and the compiler is not: run make packages"
        return
    made = subprocess.run(
        ["node", "emulators/compile.js", str(SOURCES)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout == artefacts.PATH.read_text(), "run make contracts"
