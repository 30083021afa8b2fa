"""Asks the package index for a wheel of every pin, for each Python and platform that Meridian is said to run on.

    python -m emulators.wheels [--or-skip] [REQUIREMENT FILE ...]

It is asked once per package, by uv, which is told the index that pip is configured for; nothing is downloaded or kept.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from packaging.markers import default_environment
from packaging.pylock import Package, Pylock
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from emulators.install import FILES, LEAST_GLIBC, LEAST_MACOS, MACHINES, PYTHONS, ROOT

UNANSWERED: Final = 2
"""The exit code when the index does not answer."""

AT_MOST_SECONDS: Final = 300
PLATFORM_SYSTEMS: Final = {"linux": "Linux", "darwin": "Darwin"}
"""The values of the marker platform_system, by sys.platform."""


class NoAnswer(Exception):
    """The index did not say what it has. The message is the reason."""


class Target(NamedTuple):
    """A Python on a platform."""

    python: tuple[int, int]
    system: str
    machine: str

    def __str__(self) -> str:
        return f"Python {self.version} on {self.system} {self.machine}"

    @property
    def version(self) -> str:
        """Python's version."""
        return f"{self.python[0]}.{self.python[1]}"

    def tags(self) -> set[Tag]:
        """The tags of wheels that it accepts, on the oldest system that is supported."""
        platforms = list(_platforms(self.system, self.machine))
        interpreter = f"cp{self.python[0]}{self.python[1]}"
        return {*cpython_tags(self.python, platforms=platforms), *compatible_tags(self.python, interpreter, platforms)}

    def environment(self) -> dict[str, str]:
        """What markers are evaluated with."""
        own = {name: str(value) for name, value in default_environment().items()}
        return own | {
            "python_version": self.version,
            "python_full_version": f"{self.version}.0",
            "sys_platform": self.system,
            "platform_system": PLATFORM_SYSTEMS[self.system],
            "platform_machine": self.machine,
        }


TARGETS: Final = [
    Target(python, system, machine)
    for python in PYTHONS
    for system, machines in MACHINES.items()
    for machine in machines
]


def _platforms(system: str, machine: str) -> Iterator[str]:
    """The platform tags of the oldest supported system, the newest first (PEP 600, PEP 599, PEP 571, PEP 513)."""
    if system == "darwin":
        yield from mac_platforms((LEAST_MACOS[0], LEAST_MACOS[1]), machine)
        return
    aliases = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    for minor in range(LEAST_GLIBC[1], 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in aliases:
            yield f"{aliases[minor]}_{machine}"
    yield f"linux_{machine}"


def without_wheel(packages: list[Package], target: Target) -> list[str]:
    """The pins that a target needs and has no wheel for, as name==version."""
    tags, environment = target.tags(), target.environment()
    needed = [each for each in packages if each.marker is None or each.marker.evaluate(environment)]
    return [f"{each.name}=={each.version}" for each in needed if not any(tags & found for found in _wheels(each))]


def _wheels(package: Package) -> Iterator[frozenset[Tag]]:
    for wheel in package.wheels or ():
        name = wheel.name or (wheel.url or "").rpartition("/")[2]
        yield parse_wheel_filename(unquote(name))[3]  # in a URL the `!` behind an epoch is escaped


def known_files(requirements: Path) -> list[Package]:
    """The pins of a requirement file, each with all files that the index has of it. Raises NoAnswer."""
    index = _pip_index()
    command = (
        *(
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--no-deps",
            "--format",
            "pylock.toml",
        ),
        *("--python-version", f"{PYTHONS[0][0]}.{PYTHONS[0][1]}", *(("--default-index", index) if index else ())),
    )
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "pylock.toml"
        try:
            subprocess.run(
                [*command, "--output-file", made, requirements],
                capture_output=True,
                text=True,
                check=True,
                timeout=AT_MOST_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            raise NoAnswer(error.stderr.strip().splitlines()[-1]) from None
        except subprocess.TimeoutExpired:
            raise NoAnswer(f"it takes longer than {AT_MOST_SECONDS} s") from None
        return list(Pylock.from_dict(tomllib.loads(made.read_text(encoding="utf-8"))).packages)


def _pip_index() -> str:
    """The index that pip is configured for; empty for its default, which is uv's too."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True, env=os.environ
    )
    found = dict(line.split("=", 1) for line in listed.stdout.splitlines() if "=" in line)
    return next((found[key].strip("'") for key in (":env:.index-url", "global.index-url") if key in found), "")


def main(arguments: list[str]) -> int:
    """Print what is missing. Returns 0 if nothing is, 1 if something is, UNANSWERED if the index does not answer."""
    parser = argparse.ArgumentParser(prog="python -m emulators.wheels", description="Does every pin have its wheels?")
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / file for file in FILES])
    parser.add_argument("--or-skip", action="store_true", help="succeed when the index does not answer")
    given = parser.parse_args(arguments)
    try:
        packages = [each for file in given.files for each in known_files(file)]
    except NoAnswer as error:
        print(f"The package index does not answer, so no wheel was looked for: {error}")
        return 0 if given.or_skip else UNANSWERED
    missing = {str(target): found for target in TARGETS if (found := without_wheel(packages, target))}
    for target, found in missing.items():
        print(f"{target} has no wheel of {', '.join(found)}.")
    if not missing:
        print(f"Each of {len(packages)} packages has a wheel for each of {len(TARGETS)} Pythons and platforms.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
