"""What is sent on a connection: statements travel together, in one message, and are answered one after the other.

A statement that nobody needs the result of yet waits on its connection, and goes with the next one that somebody waits
for; BEGIN goes with the first. So a transaction takes as many round trips as it makes decisions, whatever it writes.
In a message each statement still has a snapshot of its own, and an error skips those after it.

pg8000 sends each statement by itself, and has the server flush three times for it; its pieces are used here
(tests/shared/postgres).
"""

from typing import Any, Final

import msgspec
from pg8000.converters import make_params
from pg8000.core import (
    BIND,
    COMMAND_COMPLETE,
    EMPTY_QUERY_RESPONSE,
    EXECUTE_MSG,
    NULL_BYTE,
    QUERY,
    READY_FOR_QUERY,
    SYNC_MSG,
    Context,
    CoreConnection,
    H_pack,
    _flush,
    _read,
    _write,
    ci_unpack,
    i_pack,
)
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import to_statement

from shared.postgres.errors import EarlierFailed, NotBegun, gone, lost, stale

KEY: Final = "_meridian_outgoing"
"""Where a connection keeps what is sent on it."""


class Statement(msgspec.Struct, eq=False):
    """A statement with its parameters, and once it was answered what it returned."""

    sql: str
    parameters: dict[str, Any]
    awaited: bool
    """Whether its sender waits for its result, and gets its error as it is."""
    message: bytes = b""
    """What binds its parameters on the connection on which it waits."""
    context: Any = None
    sent: bool = False
    done: bool = False
    """Whether it was executed."""


class _Parsed(msgspec.Struct, frozen=True):
    """A prepared statement of a connection."""

    sql: str
    bind: bytes
    """How a message begins that binds it."""
    columns: Any
    functions: Any
    values_of: Any


class Outgoing:
    """The statements of one connection."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        self._prepared: dict[str, _Parsed] = {}
        self.begins = False
        """Whether a transaction is to begin with the next message."""
        self.waiting: list[Statement] = []
        self.used = False
        """Whether the server has answered on this connection: if not, it is not one that had died while it was idle."""

    def knows(self, sql: str) -> bool:
        """Whether a statement is prepared, so that nothing is sent to add it."""
        return sql in self._prepared

    def add(self, statement: Statement) -> None:
        """Have a statement wait for the next message; it is prepared on its first use on this connection.

        Raises NotBegun as send does, and pg8000's errors; then it does not wait.
        """
        try:
            self._bind(self._prepare(statement.sql), statement)
        except (InterfaceError, DatabaseError, OSError) as error:
            if self.begins and (lost(error) if isinstance(error, DatabaseError) else gone(error)):
                raise NotBegun from error
            raise
        self.waiting.append(statement)

    def send(self, query: str | None = None) -> Any:
        """Send what waits, and after it a query of the simple protocol; returns the query's pg8000 Context.

        Raises NotBegun, and keeps what waits, if the connection had died before the transaction began; EarlierFailed
        if a statement failed whose result nobody waits for: what comes after it did nothing; and pg8000's errors.
        """
        connection, statements, begins = self._connection, self.waiting, self.begins
        parts = [_query("begin")] if begins else []
        parts += [part for each in statements for part in (each.message, EXECUTE_MSG)]
        parts += [SYNC_MSG] if statements else []
        parts += [] if query is None else [_query(query)]
        try:
            _write(connection._sock, b"".join(parts))
            _flush(connection._sock)
            if begins:
                self._begun()
        except (InterfaceError, DatabaseError, OSError) as error:
            if begins:
                raise NotBegun from error
            raise
        self.waiting, self.used = [], True
        for each in statements:
            each.sent = True
        failed = self._answered(statements) if statements else None
        context = None if query is None else Context(query)
        if context is not None:
            self._read([context])
        if failed is not None:
            if stale(failed.context.error):  # a migration changed the table; a retry prepares all statements again
                self._prepared.clear()
            if failed.awaited:
                raise failed.context.error
            raise EarlierFailed(failed.context.error)
        if context is not None and context.error is not None:
            raise context.error
        return context

    def forget(self) -> None:
        """Leave out what waits."""
        self.waiting, self.begins = [], False

    def _prepare(self, sql: str) -> _Parsed:
        if sql not in self._prepared:
            text, values_of = to_statement(sql)
            name, columns, functions = CoreConnection.prepare_statement(self._connection, text, ())
            self._prepared[sql] = _Parsed(text, NULL_BYTE + name + H_pack(0), columns, functions, values_of)
        return self._prepared[sql]

    def _bind(self, prepared: _Parsed, statement: Statement) -> None:
        connection, encoding = self._connection, self._connection._client_encoding
        values = make_params(connection.py_types, prepared.values_of(statement.parameters))
        parts = [prepared.bind, H_pack(len(values))]
        for value in values:
            if value is None:
                parts.append(i_pack(-1))
            else:
                encoded = value.encode(encoding)
                parts += [i_pack(len(encoded)), encoded]
        parts.append(H_pack(0))
        statement.message = _message(BIND, b"".join(parts))
        statement.context = Context(prepared.sql, columns=prepared.columns, input_funcs=prepared.functions)

    def _begun(self) -> None:
        context = Context("begin")
        self._read([context])
        if context.error is not None:
            raise context.error
        self.begins = False

    def _answered(self, statements: list[Statement]) -> Statement | None:
        """Read their answers; returns the one that failed."""
        done = self._read([each.context for each in statements])
        for each in statements[:done]:
            each.done = each.context.error is None
        return next((each for each in statements if each.context.error is not None), None)

    def _read(self, contexts: list[Any]) -> int:
        """Read answers until the server is ready for more; returns how many were complete."""
        connection = self._connection
        done, code = 0, None
        while code != READY_FOR_QUERY:
            code, length = ci_unpack(_read(connection._sock, 5))
            context = contexts[min(done, len(contexts) - 1)]
            connection.message_types[code](_read(connection._sock, length - 4), context)
            done += code in (COMMAND_COMPLETE, EMPTY_QUERY_RESPONSE)
        return min(done, len(contexts))


def outgoing(connection: CoreConnection) -> Outgoing:
    """What is sent on a connection."""
    found: Outgoing | None = connection.__dict__.get(KEY)
    if found is None:
        found = connection.__dict__[KEY] = Outgoing(connection)
    return found


def _message(code: bytes, data: bytes) -> bytes:
    return b"".join((code, i_pack(len(data) + 4), data))


def _query(sql: str) -> bytes:
    return _message(QUERY, sql.encode() + NULL_BYTE)
