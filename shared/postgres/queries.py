"""SQL in files, by name: aiosql's queries as prepared statements of a transaction."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aiosql

from shared.postgres.database import Row, Transaction


class _Prepared:
    """Lets aiosql's named queries run as prepared statements on a Transaction."""

    def process_sql(self, _name: str, _operation: object, sql: str) -> str:
        return sql

    def select(self, transaction: Transaction, _name: str, sql: str, parameters: Any, _record: Any = None) -> list[Row]:
        return transaction.run(sql, parameters)

    def select_one(
        self, transaction: Transaction, _name: str, sql: str, parameters: Any, _record: Any = None
    ) -> Row | None:
        rows = transaction.run(sql, parameters)
        return rows[0] if rows else None

    def select_value(self, transaction: Transaction, _name: str, sql: str, parameters: Any) -> Any:
        rows = transaction.run(sql, parameters)
        return next(iter(rows[0].values())) if rows else None

    def insert_update_delete(self, transaction: Transaction, _name: str, sql: str, parameters: Any) -> int:
        return transaction.count(sql, parameters)


def queries(path: Path) -> Any:
    """The named queries of a file: `queries.name(transaction, parameter=...)`.

    A name's suffix determines the result: none a list of rows, `^` one row or None, `$` one value, `!` the number of
    affected rows.
    """
    return aiosql.from_path(path, _Prepared, kwargs_only=True, mandatory_parameters=False)


@cache
def queries_by_name(path: Path) -> Mapping[str, Any]:
    """The queries of a file by their names; none if there is no such file."""
    if not path.exists():
        return {}
    found = queries(path)
    # Beside each query aiosql has one that leaves its cursor open.
    return {name: getattr(found, name) for name in found.available_queries if not name.endswith("_cursor")}
