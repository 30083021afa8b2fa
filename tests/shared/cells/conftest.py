"""A PostgreSQL server of these tests' own, with the database of one service in it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from pg8000.native import Connection

import shared.cells
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST
from shared.postgres.database import CommitFence, Database
from shared.postgres.roles import KEEPER, let_choose_standbys
from shared.resilience.breakers import Breakers
from tests.postgres import CloudSql, cloud_sql

SERVICE = "claiming"


@dataclass
class CellServer:
    """A cell's server. Its database has a table of things."""

    server: CloudSql

    def run(self, sql: str) -> list[list[object]]:
        """Run statements in the database, as the superuser."""
        return self.server.run(sql, database=SERVICE)

    def connect(self, user: str = SERVICE, port: int | None = None) -> Connection:
        """port: of a copy of it, if not its own."""
        return Connection(
            user,
            host=HOST,
            port=port or self.server.port,
            database=SERVICE,
            password=self.server.password,
            ssl_context=False,
        )

    def database(self, fence: CommitFence | None = None, size: int = 4, user: str = SERVICE) -> Database:
        return Database(lambda: self.connect(user), Breakers().of("database", SERVICE, size), fence=fence)

    def configure(self, parameter: str, value: str) -> None:
        """Change a parameter of the server, and wait until its sessions know."""
        self.server.run(f"ALTER SYSTEM SET {parameter} = '{value}'")
        self.server.run("SELECT pg_reload_conf(), pg_sleep(0.2)")


@pytest.fixture(scope="module")
def cell_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CellServer]:
    """A server whose lease nobody holds."""
    with cloud_sql(tmp_path_factory.mktemp("cell")) as server:
        owner = f"{SERVICE}_owner"
        for role in (owner, SERVICE, KEEPER):
            server.run(f"CREATE ROLE {role} LOGIN PASSWORD '{server.password}'")
        server.run(f"GRANT pg_read_all_stats TO {owner}")
        server.run(f"CREATE DATABASE {SERVICE} OWNER {owner}")
        rights = f"GRANT USAGE ON SCHEMA public TO {SERVICE}, {KEEPER}; GRANT CREATE ON SCHEMA public TO {owner}"
        server.run(rights, SUPERUSER, SERVICE)
        for migration in sorted((Path(shared.cells.__file__).parent / "sql" / "migrations").glob("*.sql")):
            server.run(migration.read_text(), owner, SERVICE)
        server.run(f"CREATE TABLE things (id text PRIMARY KEY); GRANT ALL ON things TO {SERVICE}", owner, SERVICE)
        made = CellServer(server)
        with closing(made.connect(SUPERUSER)) as session:
            let_choose_standbys(session)
            session.run(f"GRANT EXECUTE ON FUNCTION pg_promote TO {KEEPER}")
        yield made
