"""An operation bound to its row: what it wants to be given, and how its work is opened."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.postgres import Database, Transaction, retried
from shared.idempotency import Key
from shared.registry import Row


@dataclass(frozen=True, slots=True)
class Bound:
    """A row, its function, and what is needed to call it."""

    row: Row
    function: Callable[..., Any]
    database: Callable[[], Database]
    work: Callable[[Transaction | None, Key | None], Any]
    """Opens the service's work: within a transaction, or (sagas, operations without one) with None."""

    parameters: frozenset[str] = field(init=False)
    """The names that the function's signature asks for."""

    request_type: Any = field(init=False)
    """The type of its `request`; None when it asks for none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozenset(inspect.signature(self.function).parameters))
        object.__setattr__(self, "request_type", typing.get_type_hints(self.function).get("request"))

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

    def _in_transaction(self, **given: Any) -> Any:
        with self.database().transaction() as transaction:
            return self.call(transaction, **given)
