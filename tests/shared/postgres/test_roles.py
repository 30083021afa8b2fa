"""The job that migrates, on a server like Cloud SQL: what each login may do afterwards, and that it may run again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from pg8000.exceptions import DatabaseError

from shared.config import Settings, read
from shared.postgres.migrations import migrate_all
from shared.registry import load
from tests.postgres import CloudSql, cloud_sql
from tests.races import at_once
from tests.shared.test_config import LEAST

JOB: Final = "migrate@shop.iam"
KEEPER: Final = "cell-keeper@shop.iam"
PROMOTER: Final = "cell-promoter@shop.iam"
STRANGER: Final = "former@shop.iam"
ACCOUNTS: Final = {f"{service}@shop.iam.gserviceaccount.com": service for service in load().services} | {
    f"{PROMOTER}.gserviceaccount.com": "promoter"
}

DATABASES: Final = [name for name, service in load().services.items() if service.database]

REFUSED: Final = "permission denied"


def login(service: str) -> str:
    """The login of a service's account."""
    return f"{service}@shop.iam"


@pytest.fixture(scope="module")
def config() -> Settings:
    """The settings of the job in the cloud."""
    cloud = replace(read(LEAST), cloud_sql_instance="shop:europe-west1:main", database_user=JOB)
    return replace(cloud, rpc_callers=ACCOUNTS, keeper_account=KEEPER)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, config: Settings) -> Iterator[CloudSql]:
    """A server whose databases are migrated, by two jobs that were started at once."""
    folder: Path = tmp_path_factory.mktemp("cloud-sql")
    with cloud_sql(folder) as running:
        logins = [*map(login, load().services), KEEPER, PROMOTER, STRANGER]
        running.prepare(JOB, logins, [config.database_name(service) for service in DATABASES])
        counts = at_once([lambda: dict(migrate_all(config, DATABASES, running.open))] * 2)
        assert all(isinstance(each, dict) for each in counts), counts
        first, second = counts
        assert isinstance(first, dict) and isinstance(second, dict)
        for service in DATABASES:
            assert sorted((first[service], second[service])) == [0, applied(running, config, service)]
        yield running


def applied(server: CloudSql, config: Settings, service: str) -> int:
    """How many migrations a database notes as applied."""
    rows = server.run("SELECT count(*) FROM _yoyo_migrations", database=config.database_name(service))
    return int(rows[0][0])


def refused(server: CloudSql, sql: str, user: str, database: str) -> None:
    """Make sure that a login may not run a statement."""
    with pytest.raises(DatabaseError, match=REFUSED):
        server.run(sql, user, database)


def test_a_second_job_changes_nothing(server: CloudSql, config: Settings) -> None:
    """Neither migrations nor rights: they are as they were."""
    query = "SELECT relname, relacl::text FROM pg_class WHERE relacl IS NOT NULL ORDER BY 1"
    before = {service: server.run(query, database=config.database_name(service)) for service in DATABASES}
    assert dict(migrate_all(config, DATABASES, server.open)) == dict.fromkeys(DATABASES, 0)
    assert {service: server.run(query, database=config.database_name(service)) for service in DATABASES} == before


def test_a_service_has_the_rights_that_migrations_grant(server: CloudSql, config: Settings) -> None:
    """It reads and writes its tables, but money moves only through the ledger's function, and schemas do not change."""
    database = config.database_name("wallet")
    assert server.run("SELECT * FROM wallets", login("wallet"), database) == []
    assert server.run("SELECT * FROM transfers", login("wallet"), database) == []
    server.run("CREATE TEMPORARY TABLE rebuilt (id int)", login("wallet"), database)
    refused(server, "INSERT INTO transfers DEFAULT VALUES", login("wallet"), database)
    refused(server, "UPDATE entries SET amount = 0", login("wallet"), database)
    refused(server, "CREATE TABLE mine (id int)", login("wallet"), database)
    with pytest.raises(DatabaseError, match="must be owner"):
        server.run("ALTER TABLE wallets ADD COLUMN mine int", login("wallet"), database)
    refused(server, "SET ROLE wallet_owner", login("wallet"), database)


def test_only_the_keeper_writes_leases(server: CloudSql, config: Settings) -> None:
    """And it does nothing else, in any database."""
    for service in DATABASES:
        database = config.database_name(service)
        server.run("UPDATE lease SET held_until = held_until", KEEPER, database)
        refused(server, "SELECT * FROM _yoyo_migrations", KEEPER, database)
        refused(server, "UPDATE lease SET held_until = 1", login(service), database)
        assert server.run("SELECT epoch FROM lease", login(service), database) == [[1]]


def test_who_promotes_works_as_every_service_and_as_the_keeper(server: CloudSql, config: Settings) -> None:
    """And has no more rights than these: it owns nothing."""
    for service in DATABASES:
        database = config.database_name(service)
        server.run("UPDATE lease SET held_until = held_until", PROMOTER, database)
        tables = "SELECT table_name FROM information_schema.table_privileges WHERE privilege_type = 'SELECT'"
        seen = {name for (name,) in server.run(tables, PROMOTER, database)}
        assert seen >= {name for (name,) in server.run(tables, login(service), database)} > set()
        refused(server, f"SET ROLE {service}_owner", PROMOTER, database)
        refused(server, "CREATE TABLE mine (id int)", PROMOTER, database)


def test_a_service_reaches_no_other_services_database(server: CloudSql, config: Settings) -> None:
    """Nor does a login that is of no service; the platform may see that a database answers, and nothing in it."""
    for service in DATABASES:
        for other in {*DATABASES, "identity"} - {service}:
            refused(server, "SELECT 1", login(other), config.database_name(service))
        refused(server, "SELECT 1", STRANGER, config.database_name(service))
        assert server.run("SELECT 1", login("platform"), config.database_name(service)) == [[1]]
        refused(server, "SELECT * FROM public.events", login("platform"), config.database_name(service))


def test_an_account_that_is_no_longer_a_services_loses_its_rights(server: CloudSql, config: Settings) -> None:
    """And gets them back when it is one again."""
    database = config.database_name("supply")
    with_stranger = replace(config, rpc_callers={**ACCOUNTS, f"{STRANGER}.gserviceaccount.com": "supply"})
    list(migrate_all(with_stranger, ["supply"], server.open))
    assert server.run("SELECT * FROM supplies", STRANGER, database) == []
    list(migrate_all(config, ["supply"], server.open))
    refused(server, "SELECT * FROM supplies", STRANGER, database)
    assert server.run("SELECT * FROM supplies", login("supply"), database) == []


def test_transactions_are_bounded_by_default(server: CloudSql, config: Settings) -> None:
    """Also of a session that forgets to say so."""
    for service in DATABASES:
        shown = server.run("SHOW transaction_timeout", login(service), config.database_name(service))
        assert shown == [["30s"]]


def test_a_job_that_died_does_not_stop_the_next_one(server: CloudSql, config: Settings) -> None:
    """yoyo's own lock is a row, which outlives its process."""
    database = config.database_name("claiming")
    server.run("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4242)", database=database)
    assert dict(migrate_all(config, ["claiming"], server.open)) == {"claiming": 0}
    assert server.run("SELECT * FROM yoyo_lock", database=database) == []


def test_only_an_administrator_migrates(server: CloudSql, config: Settings) -> None:
    """A service's own account cannot."""
    with pytest.raises(DatabaseError, match=REFUSED):
        list(migrate_all(replace(config, database_user=login("wallet")), ["wallet"], server.open))
