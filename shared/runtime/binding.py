"""An operation bound to its registry row: which arguments it takes, and how its unit of work is opened."""

import inspect
import logging
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.contracts.operations import File, Repeated, Resource
from shared.errors import Contended, Unavailable
from shared.idempotency import Key
from shared.postgres.database import Database, Transaction, retried
from shared.postgres.replica_lag import MAX_LAG_SECONDS, lag
from shared.registry import Row, load

if TYPE_CHECKING:
    from shared.postgres.gate import Gate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """A registry row, its function, and what is needed to call it."""

    row: Row
    function: Callable[..., Any]
    database: Callable[[], Database]
    work: Callable[[Transaction | None, Key | None], Any]
    """Opens the service's unit of work: inside a transaction, or with None for sagas and operations without one."""

    replica: Callable[[], Database | None] = lambda: None
    """The read replica of its database, if there is one."""

    gate: Callable[[], "Gate | None"] = lambda: None
    """What its answers wait at if its row says so, where cells fail over."""

    epoch: Callable[[], int] = lambda: 1
    """The epoch under which its cell is served; raises Unavailable."""

    parameters: frozenset[str] = field(init=False)
    """The parameter names in the function's signature."""

    request_type: Any = field(init=False)
    """The type of its `request` parameter; None without one."""

    tagged: bool = field(init=False)
    """Whether it returns a Resource or a File, which have an ETag."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozenset(inspect.signature(self.function).parameters))
        hints = typing.get_type_hints(self.function)
        object.__setattr__(self, "request_type", hints.get("request"))
        object.__setattr__(self, "tagged", tagged(hints.get("return")))

    def call(
        self, transaction: Transaction | None, key: Key | None = None, *, eventual: bool = False, **arguments: Any
    ) -> Any:
        """Call the operation with the arguments that its signature names: request, event or events, caller, work.

        eventual: whether it may answer from copies of other cells' data.
        """
        if "event" in arguments and "events" in self.parameters:
            arguments["events"] = [arguments["event"]]
        selected = {name: value for name, value in arguments.items() if name in self.parameters}
        if "work" in self.parameters:
            selected["work"] = self.work(transaction, key)
            if eventual:
                selected["work"].eventual = True
        return self.function(**selected)

    def run(self, **arguments: Any) -> Any:
        """Call the operation in the kind of transaction its row names. Raises Contended if all attempts lost a race."""
        if self.row.transaction != "one":
            return self.call(None, **arguments)
        return retried(lambda: self._in_transaction(**arguments))

    def run_eventually(self, **arguments: Any) -> tuple[Any, float | None]:
        """Call a read on the replica. Returns its result and the most it can lag, in seconds.

        If there is no replica, it does not respond, or it is too far behind, falls back to the primary: for a row that
        reads copies of other cells' data with their lag, else by `run`, with a lag of None.
        """
        replica = self.replica() if self.row.replica else None
        if replica is not None:
            try:
                with replica.transaction() as transaction:
                    behind = lag(transaction)
                    if behind <= MAX_LAG_SECONDS:
                        older = self._behind(transaction, arguments)
                        return self.call(transaction, eventual=True, **arguments), behind + older
                    log.warning("the replica for %s is %.1f s behind", self.row.name, behind)
            except (Unavailable, Contended) as error:
                log.warning("the replica for %s is left out: %s", self.row.name, error)
        if not self._other_cells():
            return self.run(**arguments), None
        with self.database().transaction() as transaction:
            older = self._behind(transaction, arguments)
            return self.call(transaction, eventual=True, **arguments), older

    def _other_cells(self) -> Sequence[str]:
        """The cells of whose data the operation reads copies."""
        return self.work(None, None).settings.other_cells if self.row.copied else ()

    def _behind(self, transaction: Transaction, arguments: Mapping[str, Any]) -> float:
        """By how many seconds the copies are behind, at most: of the cell in the path's id, or of all.

        Those of a cell that they were never level with are so by all of time.
        """
        others = self._other_cells()
        if not others:
            return 0.0
        from shared.outbox.replication import lag_by_cell

        clock = self.work(transaction, None).resources.clock
        found = lag_by_cell(transaction, [load().rows[self.row.copied or ""]], others, clock)
        ages = {cell: clock.now().timestamp() if lag is None else lag for cell, lag in found.items()}
        if self.row.home == "path":
            return ages.get(ids.cell_of(getattr(arguments["request"], self.row.parameters[0])) or "", 0.0)
        return max(ages.values())

    def admit(self) -> None:
        """Refuse what could not be told at present anyway. Raises Unavailable."""
        if self.row.gate and (gate := self.gate()):
            gate.admit(self.row.gate)

    def let_out(self, *, shown: bool = False) -> None:
        """Wait until what was committed or read may be told. Raises Unavailable.

        shown: whether nothing that was shown may be undone either, though nobody else acts on it.
        """
        kind = self.row.gate or ("read" if shown else None)
        if kind and (gate := self.gate()):
            gate.wait(kind)

    def _in_transaction(self, **arguments: Any) -> Any:
        with self.database().transaction() as transaction:
            return self.call(transaction, **arguments)


def view_type(hint: Any) -> Any:
    """The view in an operation's return type: View for `View | Repeated[View]`."""
    for choice in typing.get_args(hint) if typing.get_origin(hint) is not None else ():
        if typing.get_origin(choice) is Repeated:
            return typing.get_args(choice)[0]
    return hint


def tagged(hint: Any) -> bool:
    """Whether an operation with this return type returns a Resource or a File."""
    view = view_type(hint)
    return isinstance(view, type) and issubclass(view, (Resource, File))
