"""A PostgreSQL server of a test's own, set up as Cloud SQL is."""

import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import identifier, literal

from emulators.stack import binaries
from emulators.stack.parts import postgres
from emulators.stack.parts.postgres import SUPERUSER, Cluster
from emulators.stack.ports import HOST, Ports
from emulators.waiting import until
from shared.config import Settings
from shared.postgres.roles import ADMINISTRATORS


class CloudSql:
    """A server whose administrators are no superusers, and whose logins are service accounts.

    All log in with one password, where Cloud SQL asks for IAM tokens.
    """

    def __init__(self, port: int, cluster: Cluster) -> None:
        self.port = port
        self.cluster = cluster
        self.password = secrets.token_hex(16)

    def open(self, _: Settings, user: str, database: str) -> Connection:
        """Connect as a login."""
        return Connection(user=user, host=HOST, port=self.port, database=database, password=self.password)

    def run(self, sql: str, user: str = SUPERUSER, database: str = "postgres") -> list[list[Any]]:
        """Run statements on a connection of their own, and return the rows of the last."""
        connection = Connection(user=user, host=HOST, port=self.port, database=database, password=self.password)
        try:
            return [list(row) for row in connection.execute_simple(sql).rows or ()]
        finally:
            connection.close()

    def prepare(self, administrator: str, logins: Sequence[str], databases: Sequence[str]) -> None:
        """Make what Cloud SQL itself and Terraform make: the administrators' role, logins, and databases."""
        self.run(f"CREATE ROLE {ADMINISTRATORS} CREATEROLE CREATEDB")
        for login in (administrator, *logins):
            self.run(f"CREATE ROLE {identifier(login)} LOGIN PASSWORD {literal(self.password)}")
        self.run(f"GRANT {ADMINISTRATORS} TO {identifier(administrator)}")
        for database in databases:
            self.run(f"CREATE DATABASE {identifier(database)} OWNER {ADMINISTRATORS}")

    def answers(self) -> bool:
        """Whether it accepts connections."""
        with suppress(InterfaceError, DatabaseError, OSError):
            return self.run("SELECT 1") == [[1]]
        return False


@contextmanager
def cloud_sql(folder: Path) -> Iterator[CloudSql]:
    """A running server, with nothing in it."""
    ports = Ports(["postgres"], free=True)
    account = postgres.account()
    cluster = postgres.prepare(binaries.find().postgres, folder, account)
    made = CloudSql(ports.chosen["postgres"], cluster)
    cluster.initialise(made.password, made.port)
    server = subprocess.Popen(
        cluster.command,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd=cluster.data,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(made.answers, bool)
        yield made
    finally:
        server.send_signal(3)  # QUIT, an immediate shutdown
        server.wait(30)
        ports.release()
        subprocess.run(["rm", "-rf", str(cluster.folder)], check=True)
