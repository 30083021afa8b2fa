"""SQL in files, by name: aiosql's queries as prepared statements of a transaction."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import aiosql

from shared.postgres.database import Row, Transaction

NAMED: Final = re.compile(r"^-- name: (\w+)", re.MULTILINE)
"""Where a query begins, and its name."""


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


class Queries:
    """The named queries of a file, as attributes. Each is read when it is first used: few are, in one function."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _, *parts = re.split(NAMED, path.read_text(encoding="utf-8"))
        self._texts = dict(zip(parts[::2], parts[1::2], strict=True))
        if len(self._texts) * 2 < len(parts):
            raise ValueError(f"{path}: a name stands there twice")

    def __getattr__(self, name: str) -> Any:
        if name not in self._texts:
            raise AttributeError(f"{self._path} has no query {name}")
        text = f"-- name: {name}{self._texts[name]}"
        found = aiosql.from_str(text, _Prepared, kwargs_only=True, mandatory_parameters=False)
        self.__dict__[name] = query = getattr(found, name)
        return query

    def by_name(self) -> Mapping[str, Any]:
        """All of them."""
        return {name: getattr(self, name) for name in self._texts}


def queries(path: Path) -> Any:
    """The named queries of a file: `queries.name(transaction, parameter=...)`.

    A name's suffix determines the result: none a list of rows, `^` one row or None, `$` one value, `!` the number of
    affected rows.
    """
    return Queries(path)


@cache
def queries_by_name(path: Path) -> Mapping[str, Any]:
    """The queries of a file by their names; none if there is no such file."""
    return Queries(path).by_name() if path.exists() else {}
