"""The unit of work: what an operation does in one transaction, including the events it records."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self, TypeVar

import msgspec

from shared import ids
from shared.contracts.encode import from_json, to_json
from shared.idempotency import Key
from shared.jobs.failures import PostgresFailureStore
from shared.outbox.log import EventLog
from shared.postgres.database import Transaction
from shared.resources import Resources

T = TypeVar("T")


class UnitOfWork:
    """The base class of every service's Work. A saga's Work has no transaction and opens them step by step."""

    eventual = False
    """Whether the caller accepts a stale answer, and so one from the copies of other cells' data."""

    def __init__(
        self, resources: Resources, service: str, transaction: Transaction | None = None, key: Key | None = None
    ) -> None:
        """
        service: the owner of the database.
        key: the request's idempotency key, if it has one.
        """
        self.resources = resources
        self.settings = resources.settings
        self.service = service
        self.key = key
        self._open = transaction
        self._began = resources.clock.now()

    @property
    def current_transaction(self) -> Transaction:
        """The transaction that this work is part of. Raises RuntimeError for a saga outside of one (a defect)."""
        if self._open is None:
            raise RuntimeError("this work has no transaction")
        return self._open

    @property
    def events(self) -> EventLog:
        """The service's event store."""
        return EventLog(self.current_transaction, self.settings.cell, self._began)

    @property
    def failures(self) -> PostgresFailureStore:
        """The failed items of this service's jobs."""
        return PostgresFailureStore(self.current_transaction, self._began)

    def now(self) -> datetime:
        """The time at which the transaction began; for a saga, the current time."""
        return self._began if self._open else self.resources.clock.now()

    def new_id(self, prefix: str) -> str:
        """A fresh id whose home is this cell."""
        return ids.new(prefix, self.settings.cell)

    def stored(self, kind: str, name: str, shape: type[T], find: "Callable[[UnitOfWork], T | None]") -> T | None:
        """The stored state of a resource: read in this transaction or, outside of one, through the cache.

        The caller decides who may see it. kind: a key of the registry's `caches`. name: its id. find: reads it in the
        transaction of the work that it is given.
        """
        if self._open is not None:
            return find(self)

        def load() -> bytes | None:
            with self.transaction() as work:
                found = find(work)
            return None if found is None else to_json(found)

        cache = self.resources.cache()
        cached = cache.read(kind, name, load)
        self.resources.database(self.service).assure()
        try:
            return None if cached is None else from_json(cached, shape)
        except msgspec.MsgspecError:  # cached by another release, in another shape
            cache.invalidate_quietly([name])
            fresh = load()
            return None if fresh is None else from_json(fresh, shape)

    def changes(self, names: Iterable[str]) -> None:
        """Declare which cached resources this transaction changes, so that the commit invalidates them."""
        self.current_transaction.changed.update(names)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Work in a new transaction, committed at the end, rolled back on any error."""
        with self.resources.database(self.service).transaction() as transaction:
            yield type(self)(self.resources, self.service, transaction, self.key)
