"""The unit of work: what an operation does in one transaction, facts included."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self, TypeVar

import msgspec

from shared import ids
from shared.adapters.postgres import Transaction
from shared.adapters.resources import Resources
from shared.contracts.encode import from_json, to_json
from shared.idempotency import Key
from shared.jobs.failures import FailureStore
from shared.outbox.log import EventLog

T = TypeVar("T")


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

    @property
    def failures(self) -> FailureStore:
        """The items of this service's jobs that failed."""
        return FailureStore(self.opened, self._began)

    def now(self) -> datetime:
        """The time of the transaction; for a saga, the present."""
        return self._began if self._open else self.resources.clock.now()

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""
        return ids.new(prefix, self.settings.cell)

    def stored(self, kind: str, name: str, shape: type[T], find: Callable[[Self], T | None]) -> T | None:
        """What is stored of a thing, for whoever may see it: in this transaction; outside of any, from the cache.

        kind: of the registry's caches. name: its id. find: reads it in the transaction of the work that it is given.
        """
        if self._open is not None:
            return find(self)

        def load() -> bytes | None:
            with self.transaction() as work:
                found = find(work)
            return None if found is None else to_json(found)

        cache = self.resources.cache()
        kept = cache.read(kind, name, load)
        try:
            return None if kept is None else from_json(kept, shape)
        except msgspec.MsgspecError:  # another release kept it, whose shape was another
            cache.drop([name])
            fresh = load()
            return None if fresh is None else from_json(fresh, shape)

    def changes(self, names: Iterable[str]) -> None:
        """Say which things this transaction changes, so that nobody is shown later what was kept of them before."""
        self.opened.changed.update(names)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Work of its own transaction, committed at the end, rolled back on any error."""
        with self.resources.database(self.service).transaction() as transaction:
            yield type(self)(self.resources, self.service, transaction, self.key)
