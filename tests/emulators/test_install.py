"""Where Meridian can be installed: what is refused before anything is, and the search for missing wheels."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from emulators import wheels
from emulators.install import LEAST_GLIBC, LEAST_MACOS, PYTHONS, unsupported
from tests.architecture.codebase import ROOT

HASH = {"sha256": "0" * 64}


@pytest.mark.parametrize(
    ("here", "refusal"),
    [
        (((3, 11), "linux", "x86_64", (2, 36)), ""),
        ((PYTHONS[-1], "linux", "aarch64", LEAST_GLIBC), ""),
        (((3, 12), "darwin", "arm64", (26, 1)), ""),
        (((3, 10), "linux", "x86_64", (2, 36)), "and this is 3.10"),
        (((3, 15), "linux", "x86_64", (2, 36)), "and this is 3.15"),
        (((3, 12), "win32", "AMD64", (10, 0)), "this is win32"),
        (((3, 12), "linux", "riscv64", (2, 41)), "this machine is riscv64"),
        (((3, 12), "darwin", "x86_64", (15, 0)), "this machine is x86_64"),
        (((3, 12), "linux", "x86_64", (2, 28)), "this system has glibc 2.28"),
        (((3, 12), "linux", "x86_64", ()), "this system has another C library"),
        (((3, 12), "darwin", "arm64", (14, 7)), "this is 14.7"),
    ],
)
def test_what_has_no_wheels_is_refused(here: tuple[tuple[int, ...], str, str, tuple[int, ...]], refusal: str) -> None:
    """In one sentence, which names what is wanting."""
    said = unsupported(*here)
    assert refusal in said
    assert bool(refusal) == bool(said)
    assert said == "" or (said.endswith(".") and "\n" not in said)


def package(name: str, *tags: str, marker: str = "") -> Package:
    """A pin, with a wheel for each of some tags."""
    files = tuple(PackageWheel(name=f"{name}-1-{tag}.whl", hashes=HASH, url="x") for tag in tags)
    when = Marker(marker) if marker else None
    return Package(name=canonicalize_name(name), version=Version("1"), wheels=files, marker=when)


def test_a_missing_wheel_is_named() -> None:
    """For each Python and platform that needs the package and cannot use what there is of it."""
    packages = [
        package("pure", "py3-none-any"),
        package("stable", "cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp38-abi3-macosx_11_0_arm64"),
        package("newer", "py3-none-manylinux_2_99_x86_64", "py3-none-macosx_99_0_arm64"),
        package("elsewhere", "cp311-cp311-win_amd64", marker="sys_platform == 'win32'"),
        package("apple", "cp311-cp311-macosx_11_0_arm64", marker="sys_platform == 'darwin'"),
        package("source"),
    ]
    wanting = {target: wheels.without_wheel(packages, target) for target in wheels.TARGETS}
    assert wanting[wheels.Target((3, 11), "linux", "x86_64")] == ["newer==1", "source==1"]
    assert wanting[wheels.Target((3, 11), "linux", "aarch64")] == ["stable==1", "newer==1", "source==1"]
    assert wanting[wheels.Target((3, 11), "darwin", "arm64")] == ["newer==1", "source==1"]
    assert wanting[wheels.Target((3, 12), "darwin", "arm64")] == ["newer==1", "apple==1", "source==1"]


def test_an_index_that_does_not_answer_is_no_proof(tmp_path: Path) -> None:
    """It is said, and fails unless that was allowed for."""
    (tmp_path / "requirements.txt").write_text("msgspec==0.22.0\n", encoding="utf-8")
    command = (sys.executable, "-m", "emulators.wheels", str(tmp_path / "requirements.txt"))
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0", "PATH": ""}
    for more, code in (((), wheels.UNANSWERED), (("--or-skip",), 0)):
        ended = subprocess.run((*command, *more), cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (code, "")
        assert "does not answer, so no wheel was looked for" in ended.stdout


def test_the_readme_says_where_it_runs() -> None:
    """No more and no less than what is checked."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    pythons = [f"{major}.{minor}" for major, minor in PYTHONS]
    for said in (
        f"Python {', '.join(pythons[:-1])} or {pythons[-1]}",
        f"glibc {LEAST_GLIBC[0]}.{LEAST_GLIBC[1]} or later",
        f"macOS {LEAST_MACOS[0]} or later",
    ):
        assert said in text
