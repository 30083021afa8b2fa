"""A PostgreSQL of its own, for as long as a check takes."""

import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pg8000.native import Connection, DatabaseError, InterfaceError

from emulators.stack.binaries import postgres as installed
from emulators.stack.parts.postgres import SUPERUSER, account, prepare
from emulators.stack.ports import HOST, Ports
from emulators.waiting import until

Connect = Callable[[str], Connection]
"""Opens a superuser's connection to a database by name."""

START_SECONDS: Final = 60.0
STARTING_UP: Final = "57P03"
"""The SQLSTATE cannot_connect_now."""


def _accepts(connect: Connect) -> bool:
    """Whether the server takes connections: it listens before it does."""
    try:
        connect(SUPERUSER).close()
    except InterfaceError:  # nothing listens yet
        return False
    except DatabaseError as error:
        if error.args[0].get("C") == STARTING_UP:
            return False
        raise
    return True


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

        def connect(database: str) -> Connection:
            return Connection(SUPERUSER, host=HOST, port=port, database=database, password=password, timeout=60)

        try:
            until(lambda: _accepts(connect), bool, START_SECONDS)
            ports.release()
            yield connect
        finally:
            process.terminate()
            process.wait()
