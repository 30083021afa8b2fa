"""A PostgreSQL of its own, for as long as a check takes."""

import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pg8000.native import Connection

from emulators.stack.binaries import postgres as installed
from emulators.stack.parts.postgres import SUPERUSER, account, prepare
from emulators.stack.ports import HOST, Ports
from emulators.stack.readiness import port_open
from emulators.waiting import until

Connect = Callable[[str], Connection]
"""Opens a superuser's connection to a database by name."""

START_SECONDS: Final = 60.0


@contextmanager
def server() -> Iterator[Connect]:
    """Start an empty server, and yield how to connect to it. Raises StackError if there is no PostgreSQL."""
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="meridian-compatibility-") as folder:
        ports = Ports(["postgres"], free=True)
        port = ports.chosen["postgres"]
        Path(folder).chmod(0o755)
        cluster = prepare(installed(), Path(folder), account())
        cluster.initialise(password, port)
        # Nothing of it is to be kept.
        fast = ("-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal")
        process = subprocess.Popen(
            [*cluster.command, *fast],
            cwd=cluster.data,
            user=cluster.account.pw_uid if cluster.account else None,
            group=cluster.account.pw_gid if cluster.account else None,
            extra_groups=[] if cluster.account else None,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(port_open(port), bool, START_SECONDS)
            ports.release()
            yield lambda database: Connection(
                SUPERUSER, host=HOST, port=port, database=database, password=password, timeout=60
            )
        finally:
            process.terminate()
            process.wait()
