"""The roles of a service's database, and what they may do: the same on the local stack and on Cloud SQL.

Each service has two roles, which can access no other service's database. `<service>_owner` owns the database, and its
migrations run as it. `<service>` is what the service's processes work as; the migrations grant it the rights it needs,
table by table: that is where its rights are decided, and there are no default privileges, since some tables may only
be read or only be written through a function (the ledger's). The role `keeper` writes the lease row in each database,
and nothing else.

On the local stack both log in with passwords. On Cloud SQL neither logs in. There logins are service accounts (IAM):
that of the service is a member of `<service>`, that of the job that promotes a cell is one of all of these and of
`keeper`, and that of the job that migrates, as a member of Cloud SQL's
administrators, may become `<service>_owner`. Terraform makes the databases and the logins, and gives the job's login
the role `cloudsqlsuperuser`; the rest is made here, by the job.
(https://cloud.google.com/sql/docs/postgres/users)
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from pg8000.core import CoreConnection
from pg8000.native import identifier, literal

from shared.postgres.database import Transaction
from shared.postgres.queries import queries

KEEPER: Final = "keeper"
"""The role of the cells' keepers in every database: it writes the lease row, and nothing else (shared/cells)."""

ADMINISTRATORS: Final = "cloudsqlsuperuser"
"""The role of Cloud SQL's administrators, which owns the databases that its API has created."""

TRANSACTION_TIMEOUT: Final = "30s"
"""A database's default for sessions that set none; those of Meridian's processes do (connect.py)."""

LOCK: Final = 7_305_802_211_415_909_741
"""The key of the advisory lock of whoever changes roles or schemas: any number that nothing else locks."""


SQL: Final = queries(Path(__file__).parent / "sql" / "roles.sql")


def owner_of(service: str) -> str:
    """The role that owns a service's database."""
    return f"{service}_owner"


def lock(session: CoreConnection) -> None:
    """Wait until no other session on this database changes roles or schemas; ends with the session."""
    SQL.wait_for_turn(Transaction(session), key=LOCK)


def create_role(session: CoreConnection, role: str, password: str | None = None) -> None:
    """Create a role if it does not exist. password: its password, if it may log in."""
    if not SQL.has_role(Transaction(session), role=role):
        login = "NOLOGIN" if password is None else f"LOGIN PASSWORD {literal(password)}"
        session.execute_simple(f"CREATE ROLE {identifier(role)} {login}")


def own_database(
    session: CoreConnection, service: str, database: str, members: Collection[str], keepers: Collection[str]
) -> None:
    """Create a service's roles and give them their database, as the administrators of Cloud SQL.

    session: of an administrator, anywhere on the server. members, keepers: the logins that work as the service, and as
    the cell's keeper; others lose it.
    """
    owner = owner_of(service)
    session.execute_simple(f"SET ROLE {ADMINISTRATORS}")
    for role in (service, owner, KEEPER):
        create_role(session, role)
    # Who creates a role may grant it, but is no member of it by that (PostgreSQL 16).
    session.execute_simple(f"GRANT {identifier(owner)} TO {ADMINISTRATORS} WITH INHERIT FALSE, SET TRUE")
    _set_members(session, service, members)
    _set_members(session, KEEPER, keepers)
    if SQL.read_owner(Transaction(session), database=database) != owner:
        session.execute_simple(f"ALTER DATABASE {identifier(database)} OWNER TO {identifier(owner)}")


def restrict_database(session: CoreConnection, service: str, database: str, connecting: Collection[str] = ()) -> None:
    """Let nobody but the service and its owner use a database, and bound its transactions.

    session: of the owner, in this database. connecting: further logins that may connect, and do no more by themselves:
    to see whether it answers, or to become its owner.
    """
    name = identifier(database)
    # Projections are rebuilt in temporary tables, for comparison.
    session.execute_simple(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {identifier(service)}")
    for login in connecting:
        session.execute_simple(f"GRANT CONNECT ON DATABASE {name} TO {identifier(login)}")
    session.execute_simple(f"GRANT CONNECT ON DATABASE {name} TO {KEEPER}")
    session.execute_simple(f"GRANT USAGE ON SCHEMA public TO {identifier(service)}, {KEEPER}")
    # What is granted to all is revoked last: nobody who may connect is refused in between.
    session.execute_simple(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    session.execute_simple("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    session.execute_simple(f"ALTER DATABASE {name} SET transaction_timeout = '{TRANSACTION_TIMEOUT}'")


def let_choose_standbys(session: CoreConnection) -> None:
    """Let the keeper choose the standbys that commits wait for (synchronous.py), in the session's database.

    session: of a superuser: there are none on Cloud SQL.
    """
    session.execute_simple(f"GRANT ALTER SYSTEM ON PARAMETER synchronous_standby_names TO {KEEPER}")
    session.execute_simple(f"GRANT EXECUTE ON FUNCTION pg_reload_conf TO {KEEPER}")
    session.execute_simple(f"GRANT pg_read_all_stats TO {KEEPER}")


def _set_members(session: CoreConnection, role: str, members: Collection[str]) -> None:
    """Make these logins, and no others, members of a role. The administrators, who may grant it, are none."""
    present = {row["name"] for row in SQL.list_members(Transaction(session), role=role)}
    for login in sorted(present - set(members)):
        session.execute_simple(f"REVOKE {identifier(role)} FROM {identifier(login)}")
    for login in sorted(set(members) - present):
        session.execute_simple(f"GRANT {identifier(role)} TO {identifier(login)}")
