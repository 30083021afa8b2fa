"""What a database does with statements, and which rules its tables have."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier, literal, to_statement

from shared.postgres.roles import KEEPER

SAMPLES: Final = {
    "text": "'x'",
    "json": "'[]'",
    "jsonb": "'[]'",
    "boolean": "true",
    "bytea": "'\\x00'",
    "timestamp with time zone": "now()",
    "interval": "'1 second'",
    "numeric": "1",
    "bigint": "1",
    "integer": "1",
    "smallint": "1",
    "double precision": "1",
}
"""A value of each type that statements take; of arrays an empty one, of other types none."""

RULES: Final = """
SELECT c.relname AS of, 'column ' || a.attname AS name, 'needs a value' AS rule
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attnotnull AND d.oid IS NULL AND a.attidentity = ''
UNION ALL
SELECT c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('c', 'f', 'u', 'p', 'x')
UNION ALL
SELECT c.relname, 'index ' || i.relname, pg_get_indexdef(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid)
UNION ALL
SELECT c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
"""
"""What a table asks of whoever writes to it."""


@dataclass(frozen=True)
class Response:
    """What a database does with a statement.

    error: PostgreSQL's code when it was prepared, or else run with a sample of each parameter; empty if it ran.
    message: its words. columns: how many columns of each name and type it returns, as far as known.
    """

    error: str
    message: str
    columns: Counter[str]

    @property
    def known(self) -> bool:
        """Whether the statement belongs here: its tables and columns exist."""
        return not self.error.startswith("42")


def responses(connection: Connection, role: str, statements: Mapping[str, str]) -> dict[str, Response]:
    """Run statements as a role, each as if it were the only one; nothing stays.

    Those that create the temporary tables which others of their file read come first: theirs stay until the end.
    """
    connection.run("BEGIN")
    connection.run("SET LOCAL statement_timeout = '10s'")
    connection.run(f"SET LOCAL ROLE {identifier(role)}")
    try:
        for sql in statements.values():
            if "CREATE TEMP" in sql:
                _run(connection, sql, keep=True)
        return {name: _run(connection, sql, keep=False) for name, sql in statements.items()}
    finally:
        connection.run("ROLLBACK")


def _run(connection: Connection, sql: str, *, keep: bool) -> Response:
    statement, _ = to_statement(sql)
    connection.run("SAVEPOINT statement")
    columns: Counter[str] = Counter()
    try:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "VALUES")):
            connection.run(f"PREPARE tried AS {statement}")
            described = "SELECT parameter_types::text[], result_types::text[] FROM pg_prepared_statements"
            ((parameters, results),) = connection.run(f"{described} WHERE name = 'tried'")
            columns = Counter(results or ())
            connection.run(f"EXECUTE tried{_arguments(parameters)}")
            columns = Counter(f"{each['name']} ({each['type_oid']})" for each in connection.columns or ())
        else:
            connection.run(statement)
    except DatabaseError as error:
        connection.run("ROLLBACK TO SAVEPOINT statement")
        code, message = error.args[0]["C"], error.args[0]["M"]
        return Response(code, message, columns)
    finally:
        connection.run("DEALLOCATE ALL")
    if not keep:
        connection.run("ROLLBACK TO SAVEPOINT statement")
    return Response("", "", columns)


def _arguments(types: Iterable[str]) -> str:
    given = ", ".join("'{}'" if each.endswith("[]") else SAMPLES.get(each, "NULL") for each in types)
    return f"({given})" if given else ""


def rules(connection: Connection) -> dict[tuple[str, str], str]:
    """What each table asks of whoever writes to it, by table and name."""
    return {(of, name): rule for of, name, rule in connection.run(RULES)}


def tables(connection: Connection) -> set[str]:
    """The tables."""
    found = connection.run("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    return {name for (name,) in found}


def create(connection: Connection, database: str, service: str) -> None:
    """An empty database, with the two roles of its service and the keepers', as a stack has them."""
    for role in (service, f"{service}_owner", KEEPER):
        if not connection.run(f"SELECT FROM pg_roles WHERE rolname = {literal(role)}"):
            connection.run(f"CREATE ROLE {identifier(role)}")
    connection.run(f"CREATE DATABASE {identifier(database)} OWNER {identifier(f'{service}_owner')}")
    connection.run(f"GRANT TEMPORARY ON DATABASE {identifier(database)} TO {identifier(service)}")
