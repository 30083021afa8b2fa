"""The jobs by which a cell is promoted, and by which what that has undone is listed: as in the cloud."""

import subprocess
import sys
from pathlib import Path

from emulators.stack import environment
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.logs import last_line
from emulators.stack.sites import Site


def run(layout: Layout, target: Site) -> None:
    """Promote a cell's standby where it is. Raises StackError, and says why."""
    log = layout.logs / f"promote-{target.cell}.log"
    if _job(layout, target, log, "promote") != 0:
        raise StackError(f"{target.cell} is not promoted: «{last_line(log)}», the whole output is {log}.")


def list_lost(layout: Layout, serving: Site, old: Site) -> None:
    """List what a cell's old primary has, and the promoted one lacks, into a file of the logs. Raises StackError."""
    log = layout.logs / f"lost-tail-{old.cell}.log"
    if _job(layout, serving, log, "lost-tail", layout.address(layout.store("postgres", old))) != 0:
        raise StackError(f"What {old.cell} has lost is not listed: «{last_line(log)}», the whole output is {log}.")


def _job(layout: Layout, site: Site, log: Path, *command: str) -> int:
    with log.open("a", encoding="utf-8") as output:
        return subprocess.run(
            [sys.executable, "-m", "functions.main", *command],
            env=environment.for_site(layout, site),
            cwd=environment.ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
