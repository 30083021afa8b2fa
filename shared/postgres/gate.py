"""The gate on real servers: waits until what a cell is about to tell others is flushed on its designated standby.

The rules are those of shared/cells/gate.py. The row, the server's own position and the standbys' are one statement. The
position is that up to which the server has flushed: a commit is visible to others only after its own flush. While the
row names no standby, it is all that is read: whichever standby joins later is asked to have what was visible then.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from pg8000.core import CoreConnection

from shared.cells.gate import GateRow, passage
from shared.cells.words import Kind, Mode
from shared.errors import Unavailable
from shared.postgres.database import Database, Transaction
from shared.postgres.errors import bound, translated
from shared.postgres.notify import discard
from shared.postgres.queries import queries
from shared.resilience.deadline import time_left
from shared.telemetry.cell_metrics import observe_gate

SQL: Final = queries(Path(__file__).parent / "sql" / "gate.sql")

PATIENCE_SECONDS: Final = 5.0
"""How long something waits for the standby at most; whoever wanted it tries again."""

POLL_SECONDS: Final = 0.005

ANSWER_SECONDS: Final = 2.0
"""How long a database may take to answer whoever writes the gate row; then that session is ended, and begun anew."""

LIGHTLY: Final = "set synchronous_commit = local"
"""What the gate's keeper commits is flushed, and waits for no standby: it decides which ones are waited for."""

NOBODY: Final[Mapping[str, int]] = {}
"""What standbys have flushed, where none is named."""

LOCK: Final = "select pg_try_advisory_lock(hashtext('gate'))"


class GateState(msgspec.Struct, frozen=True):
    """What one look at the gate shows. reached: how far the server has flushed. flushed: each connected standby."""

    row: GateRow
    reached: int
    flushed: Mapping[str, int]


def read_gate(transaction: Transaction) -> GateState:
    """Look at the gate."""
    found = SQL.read_gate(transaction)
    flushed: dict[str, int] = {}
    for name, position in zip(found["names"], found["flushed"], strict=True):
        flushed[name] = max(position, flushed.get(name, 0))  # a broken connection is listed until it times out
    row = GateRow(found["standby"], found["joining"], found["generation"])
    return GateState(row, found["reached"], flushed)


def read_row(transaction: Transaction) -> GateRow:
    """Look at the gate row alone, at a tenth of the cost."""
    return GateRow(**SQL.read_row(transaction))


def write_gate(transaction: Transaction, before: GateRow, row: GateRow) -> bool:
    """Write the gate row where it still is `before`; whether it was."""
    written: int = SQL.write_gate(
        transaction,
        standby=row.standby,
        joining=row.joining,
        generation=row.generation,
        was_standby=before.standby,
        was_joining=before.joining,
        was_generation=before.generation,
    )
    return written == 1


class GateSession:
    """A session on one database that alone may write its gate row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: CoreConnection | None = None

    def transaction(self) -> Transaction | None:
        """For statements of their own; None while another keeper's session, or a former one of this, has the lock."""
        if self._connection is None:
            connection = self._database.dedicated()
            bound(connection, ANSWER_SECONDS)
            with translated():
                CoreConnection.execute_simple(connection, LIGHTLY)
                context = CoreConnection.execute_simple(connection, LOCK)
            if not context.rows[0][0]:
                discard(connection)
                return None
            self._connection = connection
        bound(self._connection, ANSWER_SECONDS)
        return Transaction(self._connection)

    def end(self) -> None:
        """End it, and with it whatever it may still be running."""
        connection, self._connection = self._connection, None
        if connection is not None:
            discard(connection)


class Gate:
    """The gate of a cell, for what one service tells others. What it waits for was committed or read before."""

    def __init__(
        self,
        database: Database,
        mode: Mode,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """mode: what happens while no standby is designated."""
        self._database = database
        self._mode: Mode = mode
        self._sleep = sleep
        self._monotonic = monotonic
        self._named = False
        """Whether the row named a standby when it was last looked at."""

    def _look(self) -> GateState:
        """The gate as far as it matters: no positions, if the row names no standby. Raises Unavailable."""
        if not self._named:
            row = self._database.read(read_row)
            if not row.names:
                return GateState(row, 0, NOBODY)
        state = self._database.read(read_gate)
        self._named = bool(state.row.names)
        return state

    def admit(self, kind: Kind) -> None:
        """Refuse now what could not leave anyway. Raises Unavailable."""
        state = self._look()
        if passage(kind, 0, state.row, state.flushed, self._mode) == "refuse":
            raise Unavailable(f"This cell has no standby at present: no {kind} is handed out until it has.")

    def wait(self, kind: Kind, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something may leave. Raises Unavailable, if it may not, or not within so many seconds."""
        state = self._look()
        began = self._monotonic()
        position, until = state.reached, began + time_left(seconds)
        while (passes := passage(kind, position, state.row, state.flushed, self._mode)) == "wait":
            if self._monotonic() >= until:
                raise Unavailable("This cell's standby is too far behind: what was done is told once it is there.")
            self._sleep(POLL_SECONDS)
            state = self._database.read(read_gate)
        if passes == "refuse":
            raise Unavailable(f"This cell has no standby at present: no {kind} is handed out until it has.")
        observe_gate(kind, self._monotonic() - began)
