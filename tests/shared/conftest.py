"""Fixtures of the library's tests: a database of their own in the stack's PostgreSQL, which no relay reads."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from pg8000.native import Connection, identifier

from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.stack import Stack
from shared.config import Settings
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.postgres.migrations import migrate
from shared.resilience.breakers import Breakers
from shared.resources import Resources
from tests.clocks import FakeClock
from tests.kafka import Broker
from tests.valkey import Valkey, valkey

SERVICE = "claiming"
"""The service whose owner and role these tests use; its database here is not the stack's."""

TABLE = """
CREATE TABLE things (
    id     text PRIMARY KEY,
    name   text CONSTRAINT things_name_once UNIQUE,
    amount numeric(78, 0) CONSTRAINT things_amount_positive CHECK (amount >= 0)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON things TO claiming;
CREATE TABLE effects (
    position bigint GENERATED ALWAYS AS IDENTITY,
    consumer text   NOT NULL,
    stream   text   NOT NULL,
    version  bigint NOT NULL,
    PRIMARY KEY (consumer, stream, version)
);
GRANT SELECT, INSERT ON effects TO claiming;
"""


@pytest.fixture(scope="session")
def own(stack: Stack, settings: Settings) -> Iterator[Settings]:
    """Settings of a cell of these tests' own, with one database: an event store, and a table of things."""
    settings = replace(settings, cell=f"shared_{secrets.token_hex(4)}", cell_leases=False)
    superuser = Connection(
        SUPERUSER,
        host=settings.database_host,
        port=settings.database_port,
        database="postgres",
        password=(stack.state / "secrets" / "postgres.password").read_text(encoding="ascii").strip(),
    )
    name = identifier(settings.database_name(SERVICE))
    superuser.run(f"CREATE DATABASE {name} OWNER {SERVICE}_owner")
    try:
        migrate(SERVICE, settings)
        owner = connector(settings, SERVICE, f"{SERVICE}_owner")()
        for statement in filter(str.strip, TABLE.split(";")):
            owner.execute_simple(statement)
        owner.close()
        yield settings
    finally:
        superuser.run(f"DROP DATABASE {name} WITH (FORCE)")
        superuser.close()


@pytest.fixture
def open_database(own: Settings) -> Iterator[Callable[..., Database]]:
    """Opens the database with a pool of a size, through another port if one is given; closed after the test."""
    opened: list[Database] = []

    def open_one(size: int = 4, port: int | None = None) -> Database:
        settings = replace(own, database_port=port) if port else own
        opened.append(Database(connector(settings, SERVICE), Breakers().of("database", SERVICE, size)))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[..., Database]) -> Database:
    """The database of these tests."""
    return open_database()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test advances."""
    return FakeClock()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A shared Kafka broker, which no test may kill."""
    with Broker(tmp_path_factory.mktemp("broker") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Valkey]:
    """A cluster of one node."""
    with valkey(cluster=True) as server:
        yield server


@pytest.fixture(scope="session")
def clustered(settings: Settings, cluster: Valkey) -> Resources:
    """The stack's Resources, with a cluster for Redis."""
    return Resources(replace(settings, redis_url=cluster.url, redis_cluster=True))
