"""Migrates a service's database: numbered SQL files, run by yoyo over pg8000.

    python -m shared.postgres.migrations wallet supply ...

The migrations of every service (event store, job failures) come first, then the service's own. A file is never
edited after it has landed.
"""

import sys
from pathlib import Path
from typing import Any

from pg8000 import dbapi
from yoyo import read_migrations
from yoyo.backends.base import DatabaseBackend
from yoyo.connections import parse_uri

from shared.config import Settings, settings

ROOT = Path(__file__).parent.parent.parent
EVERYWHERE = [ROOT / "shared" / part / "sql" / "migrations" for part in ("outbox", "jobs")]


class _Backend(DatabaseBackend):  # type: ignore[misc]
    """A yoyo backend for pg8000, which yoyo does not support. The connection commits by explicit statements."""

    driver_module = "pg8000.dbapi"

    def connect(self, dburi: Any) -> Any:
        connection = dbapi.connect(
            user=dburi.username, password=dburi.password, host=dburi.hostname, port=dburi.port, database=dburi.database
        )
        connection.autocommit = True
        return connection

    def commit(self) -> None:
        self.execute("COMMIT")
        super().commit()

    def rollback(self) -> None:
        self.execute("ROLLBACK")
        super().rollback()


def migrate(service: str, config: Settings) -> int:
    """Apply pending migrations as the database's owner. Returns how many files were applied."""
    owner = f"{service}_owner"
    password = config.secret(f"{owner}.password").decode()
    address = f"{config.database_host}:{config.database_port}"
    uri = f"postgresql://{owner}:{password}@{address}/{config.database_name(service)}"
    backend = _Backend(parse_uri(uri), "_yoyo_migrations")
    with backend:
        backend.init_database()
        migrations = read_migrations(*map(str, [*EVERYWHERE, ROOT / "functions" / service / "sql" / "migrations"]))
        with backend.lock():
            due = backend.to_apply(migrations)
            backend.apply_migrations(due)
            return len(due)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {migrate(name, settings())} migrations applied", flush=True)
