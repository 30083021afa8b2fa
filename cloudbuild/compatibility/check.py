"""Compares what the release that serves gets from the databases as they are, and from those of the next release.

It runs before a release, and refuses it before anything is deployed; so a change that takes something away comes in two
releases: one that no longer uses it, and a later one that removes it (expand and contract).

Every statement of the serving release is run with a sample of each parameter on the schema before the new migrations
and on the schema after them, as the role of its service: it must do the same, and return what it returned. And no
table may ask more of who writes to it than before, since samples do not tell: a column that needs a value, a further
constraint, unique index or trigger. Where that is meant, the migration says so: `-- compatible: NAME, because ...`.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier

from cloudbuild.compatibility.released import ROOT, Released
from cloudbuild.compatibility.schema import Response, create, responses, rules, tables
from cloudbuild.compatibility.scratch import Connect
from shared.registry import load

COMPATIBLE: Final = re.compile(r"^-- compatible: ([\w, ]+?),? because ", re.MULTILINE)


class _NotApplied(Exception):
    """A migration fails."""


def incompatible(released: Released, connect: Connect, root: Path = ROOT) -> Iterator[str]:
    """Why the serving release would not work on the schema of a checkout; nothing if it would.

    released: what serves. connect: a server to try it on. root: the checkout of the next release.
    """
    for name, digest in released.migrations.items():
        path = root / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{name} has landed, and was changed or removed"
            return
    for service, entry in load().services.items():
        if entry.database:
            yield from of_service(service, released, connect, root)


def of_service(service: str, released: Released, connect: Connect, root: Path = ROOT) -> Iterator[str]:
    """As incompatible, of one service's database."""
    database = f"compatibility_{service}_{secrets.token_hex(4)}"
    administrator = connect("postgres")
    try:
        create(administrator, database, service)
        connection = connect(database)
        try:
            files = migrations(root, service)
            landed = [path for path in files if str(path.relative_to(root)) in released.migrations]
            due = [path for path in files if path not in landed]
            _migrate(connection, service, landed)
            statements = _statements(service, released)
            old, asked, known = _tried(connection, service, statements), rules(connection), tables(connection)
            try:
                _migrate(connection, service, due)
            except _NotApplied as error:
                yield f"{service}: {error}"
                return
            new = _tried(connection, service, statements) if due else old
            excused = {name for path in due for found in COMPATIBLE.findall(_text(path)) for name in found.split(", ")}
            yield from (f"{service}: {each}" for each in worse(old, new, excused))
            for (table, name), rule in rules(connection).items():
                stricter = asked.get((table, name)) != rule and table in known
                if stricter and name.partition(" ")[2] not in excused:
                    yield f"{service}: {table} asks more than before: {name} ({rule})"
        finally:
            connection.close()
    finally:
        administrator.run(f"DROP DATABASE IF EXISTS {identifier(database)} WITH (FORCE)")
        administrator.close()


def migrations(root: Path, service: str) -> list[Path]:
    """The migrations of a service's database in order: what every service has, then its own."""
    everywhere = sorted((root / "shared").glob("*/sql/migrations/*.sql"))
    return [*everywhere, *sorted((root / "functions" / service / "sql" / "migrations").glob("*.sql"))]


def _migrate(connection: Connection, service: str, files: Iterable[Path]) -> None:
    connection.run(f"SET ROLE {identifier(f'{service}_owner')}")
    for path in files:
        try:
            connection.run(_text(path))
        except DatabaseError as error:
            raise _NotApplied(f"{path.name} does not apply: {error.args[0]['M']}") from error
    connection.run("RESET ROLE")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _statements(service: str, released: Released) -> dict[str, dict[str, str]]:
    """What a service's processes run: their own statements, and those of shared code."""
    own = f"functions/{service}/"
    return {file: dict(named) for file, named in released.statements.items() if file.startswith((own, "shared/"))}


def _tried(connection: Connection, service: str, files: dict[str, dict[str, str]]) -> dict[str, Response]:
    return {
        f"{file}: {name}": response
        for file, statements in files.items()
        for name, response in responses(connection, service, statements).items()
    }


def worse(old: dict[str, Response], new: dict[str, Response], excused: set[str]) -> Iterator[str]:
    """What no longer does as it did. What did not belong to this database before says nothing.

    excused: names of statements that may succeed now, though they were refused before.
    """
    for name, before in old.items():
        after = new[name]
        meant = bool(before.error) and not after.error and name.rpartition(" ")[2] in excused
        if not before.known or meant:
            continue
        if after.error != before.error:
            yield f"{name}: {after.message or 'it succeeds, and was refused before'}"
        elif lost := before.columns - after.columns:
            yield f"{name}: it no longer returns {', '.join(sorted(lost))}"
