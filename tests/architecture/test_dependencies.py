"""What is installed is what was resolved: every package is pinned by hash, and no file names an index."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Final

import pytest

from tests.architecture.codebase import ROOT

COMPILED: Final[Mapping[str, tuple[str, ...]]] = {
    "requirements.txt": (),
    "requirements-dev.txt": ("dev", "rollout"),
    "tests/bench/requirements.txt": ("bench",),
    "tests/infrastructure/requirements.txt": ("infra",),
    "cloudbuild/image/requirements.txt": ("image",),
    "cloudbuild/manifests/requirements.txt": ("manifests",),
}
"""The compiled files, and the groups in each."""

WITH_PROJECT: Final = ("requirements.txt", "requirements-dev.txt")
"""Those that have the project's own dependencies too."""

PYPROJECT: Final = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
NAME: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)")
HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def requirements(file: str) -> Mapping[str, tuple[str, str]]:
    """The requirements of a compiled file by normalised name (PEP 503): version and the whole logical line."""
    text = re.sub(r"\\\n", " ", (ROOT / file).read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    matches = [(NAME.match(line), line) for line in lines]
    assert all(match for match, _ in matches), f"{file}: a requirement that is not pinned"
    return {normal(match[1]): (match[2], line) for match, line in matches if match}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(file: str) -> list[str]:
    """What pyproject.toml declares for a compiled file."""
    project = tomllib.loads(PYPROJECT)
    named = project["project"]["dependencies"] if file in WITH_PROJECT else []
    return [*named, *(each for group in COMPILED[file] for each in project["dependency-groups"][group])]


@pytest.mark.parametrize("file", COMPILED)
def test_what_is_declared_is_what_is_pinned(file: str) -> None:
    """The versions of pyproject.toml are those of the compiled file: `make pin` was run."""
    pinned = requirements(file)
    for each in declared(file):
        match = NAME.fullmatch(each)
        assert match, f"{each} is not pinned exactly in pyproject.toml"
        assert pinned[normal(match[1])][0] == match[2], f"{each}: run `make pin`"


def test_a_pin_says_why_it_is_there() -> None:
    """Every direct dependency has its reason beside it, in a comment."""
    pins = re.findall(r'^    "([^"]+==[^"]+)",(.*)$', PYPROJECT, re.MULTILINE)
    assert {pin for pin, _ in pins} == {each for file in COMPILED for each in declared(file)}
    assert [pin for pin, comment in pins if not re.fullmatch(r"  # \S.+", comment)] == []


@pytest.mark.parametrize("file", COMPILED)
def test_every_requirement_has_its_hashes(file: str) -> None:
    """Transitive ones too: pip's --require-hashes refuses a file in which one has none."""
    assert [line for _, line in requirements(file).values() if not HASH.search(line)] == []


def test_what_runs_is_what_was_tested() -> None:
    """The development environment has every package of production at the same version."""
    tested = requirements("requirements-dev.txt")
    assert {name: tested.get(name, ("", ""))[0] for name in requirements("requirements.txt")} == {
        name: version for name, (version, _) in requirements("requirements.txt").items()
    }


@pytest.mark.parametrize("file", COMPILED)
def test_no_file_says_where_packages_come_from(file: str) -> None:
    """The index is chosen where the packages are installed."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"://|--index-url|--extra-index-url|--find-links| @ ", text)


@pytest.mark.parametrize("folder", ["emulators", "cloudbuild/manifests"])
def test_npm_installs_what_its_lock_file_says(folder: str) -> None:
    """Each package has its hash and no host, and the lock file has the versions of package.json."""
    required = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert locked.pop("")["dependencies"] == required
    assert {name: locked[f"node_modules/{name}"]["version"] for name in required} == required
    assert [name for name, package in locked.items() if not package.get("integrity") or "resolved" in package] == []
