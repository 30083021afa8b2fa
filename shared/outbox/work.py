"""The unit of work: what an operation does in one transaction, facts included."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

from shared import ids
from shared.adapters.postgres import Transaction
from shared.adapters.resources import Resources
from shared.idempotency import Key
from shared.outbox.log import EventLog


class UnitOfWork:
    """The base of every service's Work. A saga's has no transaction of its own and opens them as it goes."""

    def __init__(
        self, resources: Resources, service: str, transaction: Transaction | None = None, key: Key | None = None
    ) -> None:
        """
        service: whose database it works on.
        key: the idempotency key of the request, where it came with one.
        """
        self.resources = resources
        self.settings = resources.settings
        self.service = service
        self.key = key
        self._open = transaction
        self._began = resources.clock.now()

    @property
    def opened(self) -> Transaction:
        """The transaction that this work is part of. Raises RuntimeError for a saga outside of any: a defect."""
        if self._open is None:
            raise RuntimeError("this work has no transaction")
        return self._open

    @property
    def events(self) -> EventLog:
        """The service's facts."""
        return EventLog(self.opened, self.settings.cell, self._began)

    def now(self) -> datetime:
        """The time of the transaction; for a saga, the present."""
        return self._began if self._open else self.resources.clock.now()

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""
        return ids.new(prefix, self.settings.cell)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Work of its own transaction, committed at the end, rolled back on any error."""
        with self.resources.database(self.service).transaction() as transaction:
            yield type(self)(self.resources, self.service, transaction, self.key)
