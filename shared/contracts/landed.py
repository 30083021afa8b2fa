"""Checks the contracts against those that have landed: they may grow, but nothing may be removed or changed.

    python -m shared.contracts.landed check     list breaking changes of this checkout against the landed contracts
    python -m shared.contracts.landed renew     record this checkout's contracts as landed (`make landed` checks first)

The rules are buf's FILE category, the strictest: nothing may be removed, even if it is reserved, since stored events
keep all their fields; events are JSON with field names, calls are binary with field numbers. landed.json, buf's
image of the landed contracts, is renewed in the last commit of a change that adds to them, so that the next change
is checked against the additions too.
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
    """The breaking changes, one per line; empty if there are none.

    Raises NoBuf, and RuntimeError for .proto files that do not compile.
    """
    ended = _buf("breaking", str(folder), "--against", str(image), "--config", json.dumps(RULES))
    if ended.returncode not in (0, 100):  # 100: it has found breaking changes
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
