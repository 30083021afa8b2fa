"""pgbench, PostgreSQL's own client for benches, in C: so that the client is never what limits a statement's rate."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulators.stack import binaries
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST
from emulators.stack.secrets import read as read_secret
from emulators.stack.stack import Stack

SECONDS: Final = 1
THREADS: Final = 2
ATTEMPTS: Final = 5
"""On a machine that is busy with other things no transaction may end in a round: the next one is twice as long."""


def find() -> str:
    """Its path. Raises SystemExit where there is none."""
    beside = binaries.find().postgres / "bin" / "pgbench"
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if found is None:
        raise SystemExit("The benches of statements need pgbench: install PostgreSQL's (Debian: postgresql-contrib).")
    return found


@dataclass(frozen=True)
class Pgbench:
    """pgbench on the database server of a stack. folder: where its scripts are written."""

    stack: Stack
    folder: Path

    def run(self, *arguments: str, user: str = SUPERUSER) -> str:
        """Its output. Raises CalledProcessError."""
        password = read_secret(self.stack.layout.secrets, f"{user}.password")
        where = ["-h", HOST, "-p", str(self.stack.ports["postgres"]), "-U", user]
        environment = {**os.environ, "PGPASSWORD": password}
        return subprocess.run(
            [find(), *where, *arguments], env=environment, check=True, capture_output=True, text=True
        ).stdout

    def rate(self, *arguments: str, database: str, clients: int, user: str = SUPERUSER) -> float:
        """Transactions per second of all clients together, with prepared statements."""
        how = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(THREADS)]
        for attempt in range(ATTEMPTS):
            seconds = SECONDS << attempt
            printed = self.run(*how, "-T", str(seconds), *arguments, database, user=user)
            found = re.search(r"^tps = ([0-9.]+)", printed, re.MULTILINE)
            if found:
                assert "number of failed transactions: 0 " in printed, printed
                return float(found[1])
        raise RuntimeError(f"pgbench did nothing in {seconds} s: {printed}")

    def script(self, text: str, *variables: str, database: str, clients: int, user: str = SUPERUSER) -> float:
        """As `rate`, of a script."""
        file = self.folder / "script.sql"
        file.write_text(text, encoding="utf-8")
        return self.rate("-f", str(file), *variables, database=database, clients=clients, user=user)
