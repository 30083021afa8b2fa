"""The databases of a site, one for each service, and the two roles of each service (shared/postgres/roles.py).

Locally roles log in with passwords.
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
from emulators.stack.sites import Site
from shared.config import read
from shared.postgres import roles


def accepts_connections(layout: Layout, server: str) -> Callable[[], bool]:
    """A readiness check: whether a server, by the name of its program, accepts connections."""

    def ask() -> bool:
        try:
            _connect(layout, server).close()
        except (DatabaseError, InterfaceError, OSError):
            return False
        return True

    return ask


def create(layout: Layout, site: Site, services: Sequence[str]) -> None:
    """Create the roles and databases of these services in the site's empty server."""
    settings = read(environment.for_site(layout, site))
    connection = _connect(layout, layout.store("postgres", site))
    try:
        roles.create_role(connection, roles.KEEPER, secrets.read(layout.secrets, f"{roles.KEEPER}.password"))
        for service in services:
            owner = roles.owner_of(service)
            for role in (service, owner):
                roles.create_role(connection, role, secrets.read(layout.secrets, f"{role}.password"))
            # The gate asks, with its rights, how far standbys are.
            connection.run(f"GRANT pg_read_all_stats TO {identifier(owner)}")
            database = identifier(settings.database_name(service))
            connection.run(f"CREATE DATABASE {database} OWNER {identifier(owner)}")
    finally:
        connection.close()
    for service in services if layout.standbys else ():
        connection = _connect(layout, layout.store("postgres", site), settings.database_name(service))
        try:  # whoever promotes the standby logs in as the keeper: by default only superusers may
            connection.run(f"GRANT EXECUTE ON FUNCTION pg_promote TO {roles.KEEPER}")
            roles.let_choose_standbys(connection)
        finally:
            connection.close()


def migrate(layout: Layout, site: Site, services: Sequence[str]) -> None:
    """Migrate the databases of a site. Raises StackError when a migration fails."""
    log = layout.logs / ("migrations.log" if len(layout.sites) == 1 else f"migrations-{site.name}.log")
    chosen = [word for service in services for word in ("--service", service)]
    with log.open("a", encoding="utf-8") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "functions.main", "migrate", *chosen],
            env=environment.for_site(layout, site),
            cwd=environment.ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode != 0:
        raise StackError(f"The migrations of {site.name} failed: «{last_line(log)}», the whole output is {log}.")


def _connect(layout: Layout, server: str, database: str = "postgres") -> Connection:
    return Connection(
        SUPERUSER,
        host=HOST,
        port=layout.ports[server],
        database=database,
        password=secrets.read(layout.secrets, "postgres.password"),
        timeout=10,
    )
