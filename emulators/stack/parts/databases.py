"""A database for each service and region, and two roles for each service, which can access no other service's.

`<service>_owner` owns the database and runs the migrations; the service's processes connect as `<service>`, with the
rights that the migrations grant it. Locally one server replaces the servers of all regions.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection, identifier, literal

from emulators.stack import environment, secrets
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.logs import last_line
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST


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
            owner = f"{service}_owner"
            for role in (service, owner):
                password = literal(secrets.read(layout.secrets, f"{role}.password"))
                connection.run(f"CREATE ROLE {identifier(role)} LOGIN PASSWORD {password}")
            for region in layout.regions:
                database = identifier(f"{service}_{region.replace('-', '_')}")
                connection.run(f"CREATE DATABASE {database} OWNER {identifier(owner)}")
                connection.run(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
                roles = f"{identifier(owner)}, {identifier(service)}"
                # Projections are rebuilt in temporary tables, for comparison.
                connection.run(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {roles}")
    finally:
        connection.close()


def migrate(layout: Layout, services: Sequence[str]) -> None:
    """Migrate the databases of every region. Raises StackError when a migration fails."""
    log = layout.logs / "migrations.log"
    for region in layout.regions:
        with log.open("a", encoding="utf-8") as output:
            ended = subprocess.run(
                [sys.executable, "-m", "shared.postgres.migrations", *services],
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
