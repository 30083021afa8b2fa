"""Holds the contracts to those that have landed: they may grow, and nothing in them may go or change.

    python -m shared.contracts.landed check     what breaks the landed contracts in those of this checkout
    python -m shared.contracts.landed renew     these have landed (`make landed` checks first)

What counts as breaking are buf's FILE rules, the strictest: nothing may go, be it reserved, since stored events keep
every field that they were written with; events are JSON by the names of fields, calls are binary by their numbers. The
image of what has landed, landed.json, is renewed in the last commit of a change that adds to the contracts, so that the
next change is held to the additions too.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
IMAGE: Final = HERE / "landed.json"
BUF: Final = HERE.parent.parent / "emulators" / "node_modules" / ".bin" / "buf"
RULES: Final = {"version": "v2", "breaking": {"use": ["FILE"]}}


class NoBuf(Exception):
    """buf is missing: it is installed with npm (`python3 -I emulators/install_node.py`)."""


def breaking(folder: Path = HERE, image: Path = IMAGE) -> str:
    """What breaks the landed contracts, a line each; empty when nothing does. Raises NoBuf, and RuntimeError for .proto
    files that do not compile.
    """
    ended = _buf("breaking", str(folder), "--against", str(image), "--config", json.dumps(RULES))
    if ended.returncode not in (0, 100):  # 100: it has found something
        raise RuntimeError(ended.stderr or ended.stdout)
    return ended.stdout


def renew(folder: Path = HERE, image: Path = IMAGE) -> None:
    """Write the image of a folder's contracts. Raises NoBuf, and RuntimeError for .proto files that do not compile."""
    written = image.with_suffix(".new.json")
    ended = _buf("build", str(folder), "--exclude-source-info", "--output", str(written))
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr)
    image.write_text(json.dumps(json.loads(written.read_text(encoding="utf-8")), indent=1) + "\n", encoding="utf-8")
    written.unlink()


def _buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not BUF.exists() or shutil.which("node") is None:
        raise NoBuf(NoBuf.__doc__)
    return subprocess.run([str(BUF), *arguments], capture_output=True, text=True, check=False)


def main(arguments: list[str]) -> int:
    """The command line."""
    try:
        if arguments[:1] == ["renew"]:
            renew()
            return 0
        found = breaking()
    except NoBuf as error:
        print(error)
        return 1
    print(found, end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
