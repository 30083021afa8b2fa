"""Migrates the services' databases: numbered SQL files, run by yoyo over pg8000.

    python -m functions.main migrate [--service NAME ...]

The migrations of every service (event store, job failures, lease) come first, then the service's own. A file is never
edited after it has landed. They run as the database's owner, which logs in locally, and which in the cloud the job's
own account becomes; roles.py says who may do what. Any number of jobs may run at once: they take turns.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from pg8000.dbapi import Connection
from pg8000.native import identifier
from yoyo import read_migrations
from yoyo.backends.base import DatabaseBackend
from yoyo.connections import parse_uri

from shared import requirements
from shared.config import Settings, settings
from shared.config_values import PROMOTER, database_login
from shared.postgres import roles
from shared.postgres.connect import open_session
from shared.registry import load

ROOT = Path(__file__).parent.parent.parent
EVERYWHERE = [ROOT / "shared" / part / "sql" / "migrations" for part in ("outbox", "jobs", "cells")]

SERVER: Final = "postgres"
"""A database that every server has, where jobs on the whole server take their turns."""

LOCK_TIMEOUT: Final = "10s"
"""How long a statement of a migration waits for a lock; then the job fails, and is started again."""

PROBING: Final = "platform"
"""The service that connects to every database, to see whether it answers (functions/platform/ready.py)."""

Open = Callable[[Settings, str, str], Connection]
"""Opens a connection, given the login and the database."""

_open: Final = partial(open_session, kind=Connection)


class _Backend(DatabaseBackend):  # type: ignore[misc]
    """A yoyo backend for pg8000, which yoyo does not support. The connection commits by explicit statements."""

    driver_module = "pg8000.dbapi"

    def __init__(self, open_one: Callable[[], Connection]) -> None:
        """open_one: opens a connection; yoyo keeps its lock on one, and migrates on another."""
        self._open_one = open_one
        super().__init__(parse_uri("postgresql:///"), "_yoyo_migrations")

    def connect(self, dburi: Any) -> Any:
        return self._open_one()

    def copy(self) -> "_Backend":
        return _Backend(self._open_one)

    def commit(self) -> None:
        self.execute("COMMIT")
        super().commit()

    def rollback(self) -> None:
        self.execute("ROLLBACK")
        super().rollback()


def migrate_all(config: Settings, services: Sequence[str], open_: Open = _open) -> Iterator[tuple[str, int]]:
    """Apply the pending migrations of services. Yields each with how many files were applied.

    In the cloud the services' roles are made first. open_: opens the connections.
    """
    if config.cloud_sql_instance:
        _own_databases(config, services, open_)
    for service in services:
        yield service, migrate(service, config, open_)


def migrate(service: str, config: Settings, open_: Open = _open) -> int:
    """Apply pending migrations as the database's owner. Returns how many files were applied."""
    owner, database = roles.owner_of(service), config.database_name(service)

    def open_one() -> Connection:
        connection = _prepared(open_(config, config.database_user or owner, database))
        if config.cloud_sql_instance:
            connection.execute_simple(f"SET ROLE {identifier(owner)}")
        return connection

    connection = open_one()
    try:
        roles.lock(connection)
        connecting = [*_logins(config, PROBING), *filter(None, [config.database_user])]
        roles.restrict_database(connection, service, database, connecting)
        return _apply(open_one, service)
    finally:
        connection.close()


def _prepared(connection: Connection) -> Connection:
    """A connection that commits by explicit statements, and waits for as long as a statement takes."""
    connection._usock.settimeout(None)
    connection.autocommit = True
    connection.execute_simple("SET statement_timeout = 0; SET transaction_timeout = 0")
    return connection


def _apply(open_one: Callable[[], Connection], service: str) -> int:
    backend = _Backend(open_one)
    # A migration may take its time, but not hold up the requests that queue behind its wait for a lock.
    backend.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    with backend:
        backend.init_database()
        backend.break_lock()  # only a job that died can have left one: the advisory lock is ours
        migrations = read_migrations(*map(str, [*EVERYWHERE, ROOT / "functions" / service / "sql" / "migrations"]))
        with backend.lock():
            due = backend.to_apply(migrations)
            backend.apply_migrations(due)
            return len(due)


def _own_databases(config: Settings, services: Sequence[str], open_: Open) -> None:
    connection = _prepared(open_(config, config.database_user, SERVER))
    try:
        roles.lock(connection)
        for service in services:
            promoters = _logins(config, PROMOTER)
            members, keepers = [*_logins(config, service), *promoters], [config.keeper_account, *promoters]
            roles.own_database(connection, service, config.database_name(service), members, keepers)
    finally:
        connection.close()


def _logins(config: Settings, service: str) -> list[str]:
    """The logins of a service's accounts, or of PROMOTER's; none locally, where services log in as themselves."""
    if not config.cloud_sql_instance:
        return []
    return [database_login(account) for account, name in config.rpc_callers.items() if name == service]


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    requirements.check_migrations(settings())
    databases = [name for name, service in load().services.items() if service.database]
    parser = argparse.ArgumentParser(prog="functions.main migrate", description="Migrate databases.")
    parser.add_argument("--service", action="append", choices=databases, help="only this one; may be given again")
    for service, count in migrate_all(settings(), parser.parse_args(arguments).service or databases):
        print(f"{service}: {count} migrations applied", flush=True)
    return 0
