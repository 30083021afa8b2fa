"""The release that serves works on this checkout's schema; and what would break it is found."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloudbuild.compatibility.check import incompatible, of_service, worse
from cloudbuild.compatibility.released import ROOT, of_checkout, of_commit, read, write
from cloudbuild.compatibility.schema import Response
from cloudbuild.compatibility.scratch import Connect, server

NEXT = "functions/order/sql/migrations/0099-next.sql"

BREAKS = {
    "ALTER TABLE orders DROP COLUMN paid_at": "order: functions/order/sql/queries.sql: update_orders: column",
    "ALTER TABLE orders RENAME COLUMN stage TO phase": "order: functions/order/sql/queries.sql: take_due: column",
    "ALTER TABLE orders ALTER COLUMN version TYPE numeric": "find_order: it no longer returns",
    "ALTER TABLE orders ADD COLUMN colour text NOT NULL": "orders asks more than before: column colour (needs a value)",
    "ALTER TABLE orders ALTER COLUMN failure SET NOT NULL": "orders asks more than before: column failure",
    "ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 5)": "orders asks more than before: constraint small",
    "CREATE UNIQUE INDEX one_each ON orders (user_id)": "orders asks more than before: index one_each",
    'REVOKE INSERT ON used_quotes FROM "order"': "use_quote: permission denied",
    "DROP TABLE idempotency_keys": "order: shared/idempotency.sql: ",
}
"""Changes that the serving release does not survive, and a part of what is said of each."""

KEEPS = """
ALTER TABLE orders ADD COLUMN colour text;
ALTER TABLE orders ADD COLUMN weight bigint NOT NULL DEFAULT 0;
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total >= 0);
CREATE INDEX orders_by_colour ON orders (colour);
CREATE TABLE colours (name text PRIMARY KEY);
"""
"""Changes that it does not notice."""

Checkout = Callable[[str], Path]


@pytest.fixture(scope="module")
def connect() -> Iterator[Connect]:
    """A PostgreSQL of this module's own."""
    with server() as connect:
        yield connect


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with a further migration of order."""

    def made(migration: str) -> Path:
        for path in (path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.sql")):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (tmp_path / NEXT).write_text(migration, encoding="utf-8")
        return tmp_path

    return made


def test_the_release_that_serves_works_here(connect: Connect) -> None:
    """A change fails here until what serves no longer needs what it takes away."""
    assert list(incompatible(read(), connect)) == []


def test_what_would_break_it_is_found(connect: Connect, checkout: Checkout, subtests: pytest.Subtests) -> None:
    """Each is named with the statement or the table."""
    root = checkout("-- Next.\n" + "".join(f"{statement};\n" for statement in BREAKS))
    found = list(of_service("order", of_checkout(), connect, root))
    for statement, said in BREAKS.items():
        with subtests.test(statement):
            assert any(said in each for each in found), found


def test_a_migration_that_does_not_apply_is_found(connect: Connect, checkout: Checkout) -> None:
    """Before it fails on a database that is in use."""
    (found,) = of_service("order", of_checkout(), connect, checkout("-- Next.\nALTER TABLE ordres ADD COLUMN a text;"))
    assert found == 'order: 0099-next.sql does not apply: relation "ordres" does not exist'


def test_what_it_does_not_notice_is_let_through(connect: Connect, checkout: Checkout) -> None:
    """A constraint too, where the migration says why."""
    root = checkout(f"-- compatible: positive, because no order was ever below zero\n{KEEPS}")
    assert list(of_service("order", of_checkout(), connect, root)) == []


def test_what_is_no_longer_refused_is_let_through_where_that_is_meant() -> None:
    """By the statement's name, and for nothing else that becomes of it."""
    ran, refused, broken = (Response(code, code, Counter()) for code in ("", "23503", "23502"))
    name = "functions/x/sql/queries.sql: insert_it"
    assert list(worse({name: refused}, {name: ran}, {"insert_it"})) == []
    assert list(worse({name: refused}, {name: ran}, {"insert_that"})) == [
        f"{name}: it succeeds, and was refused before"
    ]
    assert list(worse({name: ran}, {name: refused}, {"insert_it"})) == [f"{name}: 23503"]
    assert list(worse({name: refused}, {name: broken}, {"insert_it"})) == [f"{name}: 23502"]


def test_a_landed_migration_is_not_edited(connect: Connect, checkout: Checkout) -> None:
    """Nor removed: databases have it."""
    root = checkout("-- Next.\n")
    changed = root / "functions/order/sql/migrations/0002-order.sql"
    changed.write_text("-- Another.\n", encoding="utf-8")
    (found,) = incompatible(of_checkout(), connect, root)
    assert found == "functions/order/sql/migrations/0002-order.sql has landed, and was changed or removed"


def test_nearly_every_statement_can_be_tried() -> None:
    """What is recorded is what the files have: names, and the SQL as it runs."""
    released = read()
    assert sum(map(len, released.statements.values())) > 250
    assert "SELECT * FROM orders" in released.statements["functions/order/sql/queries.sql"]["find_order"]


def test_a_release_is_read_from_a_commit(tmp_path: Path) -> None:
    """As from a checkout; and what is recorded is read back as it was."""
    at_head = of_commit("HEAD")
    assert set(at_head.migrations) <= set(of_checkout().migrations)
    changed = replace(at_head, migrations={"a": "b"})
    write(changed, tmp_path / "lock.json")
    assert read(tmp_path / "lock.json") == changed
