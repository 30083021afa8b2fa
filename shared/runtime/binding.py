"""An operation bound to its row: what it wants to be given, and how its work is opened."""

import inspect
import logging
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.postgres import Database, Transaction, retried
from shared.contracts.operations import Repeated, Resource
from shared.errors import Contended, Unavailable
from shared.idempotency import Key
from shared.outbox.lag import LAG_AT_MOST_SECONDS, lag
from shared.registry import Row

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """A row, its function, and what is needed to call it."""

    row: Row
    function: Callable[..., Any]
    database: Callable[[], Database]
    work: Callable[[Transaction | None, Key | None], Any]
    """Opens the service's work: within a transaction, or (sagas, operations without one) with None."""

    replica: Callable[[], Database | None] = lambda: None
    """The read replica of its database, where there is one."""

    parameters: frozenset[str] = field(init=False)
    """The names that the function's signature asks for."""

    request_type: Any = field(init=False)
    """The type of its `request`; None when it asks for none."""

    tagged: bool = field(init=False)
    """Whether it answers a Resource, which has an ETag."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozenset(inspect.signature(self.function).parameters))
        hints = typing.get_type_hints(self.function)
        object.__setattr__(self, "request_type", hints.get("request"))
        object.__setattr__(self, "tagged", tagged(hints.get("return")))

    def call(self, transaction: Transaction | None, key: Key | None = None, **given: Any) -> Any:
        """Call the operation with what its signature asks for: request or event, caller, work."""
        arguments = {name: value for name, value in given.items() if name in self.parameters}
        if "work" in self.parameters:
            arguments["work"] = self.work(transaction, key)
        return self.function(**arguments)

    def run(self, **given: Any) -> Any:
        """Call the operation in the transaction that its row asks for. Raises Contended when every attempt lost."""
        if self.row.transaction != "one":
            return self.call(None, **given)
        return retried(lambda: self._in_transaction(**given))

    def run_eventually(self, **given: Any) -> tuple[Any, float | None]:
        """Call a read on the replica: what it answers, and how old that is at most, in seconds.

        It is called as by run, and its age None, where there is no replica, or it does not answer or is far behind.
        """
        replica = self.replica() if self.row.replica else None
        if replica is not None:
            try:
                with replica.transaction() as transaction:
                    behind = lag(transaction)
                    if behind <= LAG_AT_MOST_SECONDS:
                        return self.call(transaction, **given), behind
                    log.warning("the replica for %s is %.1f s behind", self.row.name, behind)
            except (Unavailable, Contended) as error:
                log.warning("the replica for %s is left out: %s", self.row.name, error)
        return self.run(**given), None

    def _in_transaction(self, **given: Any) -> Any:
        with self.database().transaction() as transaction:
            return self.call(transaction, **given)


def answered(hint: Any) -> Any:
    """The view in an operation's return type: `View | Repeated[View]` answers a View."""
    for choice in typing.get_args(hint) if typing.get_origin(hint) is not None else ():
        if typing.get_origin(choice) is Repeated:
            return typing.get_args(choice)[0]
    return hint


def tagged(hint: Any) -> bool:
    """Whether what an operation with this return type answers is a Resource."""
    view = answered(hint)
    return isinstance(view, type) and issubclass(view, Resource)
