"""The committed artefacts are what the compiler makes of the committed sources, of Meridian and of its tests."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.chain import artefacts
from tests.solidity import ARTEFACTS

ROOT = Path(__file__).parents[3]

every_artefact = pytest.mark.parametrize("artefact", [artefacts.PATH, ARTEFACTS], ids=["meridian", "tests"])


@every_artefact
def test_are_of_these_sources(artefact: Path) -> None:
    """A source that was changed without `make contracts` is noticed, even without a compiler."""
    digest = hashlib.sha256()
    for source in sorted(artefact.parent.glob("*.sol")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    assert json.loads(artefact.read_text())["sources"] == digest.hexdigest(), "run make contracts"


@pytest.mark.long  # `make lint` compiles them too
@every_artefact
def test_are_what_the_compiler_makes(artefact: Path) -> None:
    """Where npm has installed the compiler, it makes the same bytes; without npm, only the hash can tell."""
    if not (ROOT / "emulators" / "node_modules" / "solc").exists():
        assert shutil.which("npm") is None, "npm is there and the compiler is not: run make packages"
        return
    compiled = subprocess.run(
        ["node", "emulators/compile.js", str(artefact.parent)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert compiled.stdout == artefact.read_text(), "run make contracts"
