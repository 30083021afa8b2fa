"""A database for each service and cell, and the two roles of each service (shared/postgres/roles.py).

Locally one server replaces the servers of all regions, and roles log in with passwords.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection, identifier

from emulators.stack import environment, secrets
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.logs import last_line
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST
from shared.postgres import roles
from shared.registry import load


def accepts_connections(layout: Layout, server: str = "postgres") -> Callable[[], bool]:
    """A readiness check: whether a server accepts connections."""

    def ask() -> bool:
        try:
            _connect(layout, server).close()
        except (DatabaseError, InterfaceError, OSError):
            return False
        return True

    return ask


def create(layout: Layout, services: Sequence[str]) -> None:
    """Create the roles and databases of these services in an empty server."""
    connection = _connect(layout)
    try:
        for service in services:
            owner = roles.owner_of(service)
            for role in (service, owner):
                roles.create_role(connection, role, secrets.read(layout.secrets, f"{role}.password"))
            for region in layout.regions:
                database = identifier(f"{service}_{load().cell_of(region)}")
                connection.run(f"CREATE DATABASE {database} OWNER {identifier(owner)}")
    finally:
        connection.close()


def migrate(layout: Layout, services: Sequence[str]) -> None:
    """Migrate the databases of every region. Raises StackError when a migration fails."""
    log = layout.logs / "migrations.log"
    chosen = [word for service in services for word in ("--service", service)]
    for region in layout.regions:
        with log.open("a", encoding="utf-8") as output:
            ended = subprocess.run(
                [sys.executable, "-m", "functions.main", "migrate", *chosen],
                env=environment.for_region(layout, region),
                cwd=environment.ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode != 0:
            raise StackError(f"The migrations of {region} failed: «{last_line(log)}», the whole output is {log}.")


def _connect(layout: Layout, server: str = "postgres") -> Connection:
    return Connection(
        SUPERUSER,
        host=HOST,
        port=layout.ports[server],
        database="postgres",
        password=secrets.read(layout.secrets, "postgres.password"),
        timeout=10,
    )
