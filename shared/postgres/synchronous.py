"""Which standbys a server's commits wait for: `synchronous_standby_names`, changed while the server runs.

Nothing in PostgreSQL says whether commits wait already. Its processes read changed settings each in their own time: a
standby's sender, which decides when a commit may end, shows in pg_stat_replication which setting it knows; but commits
begin to wait only when the checkpointer has read it, which shows nowhere, and it may be busy for seconds. So a commit
of one's own is watched: the setting names nobody that exists until that commit is seen to wait, and only then the
standbys. From then on it is never empty in between, so no commit passes without a wait. Others' commits wait meanwhile
too, for some milliseconds.

It takes what `roles.let_choose_standbys` grants, and PostgreSQL 15.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pg8000.core import CoreConnection
from pg8000.native import literal

from shared.postgres.database import Database, Transaction
from shared.postgres.errors import bound, translated
from shared.postgres.notify import discard
from shared.postgres.queries import queries

SQL: Final = queries(Path(__file__).parent / "sql" / "synchronous.sql")

NOBODY: Final = ("nobody",)
"""The name of no standby: commits wait, and go on only when the setting names others."""

SETTLE_SECONDS: Final = 1.0
"""How long the server may take to act by a changed setting; then it is looked at again the next time."""

POLL_SECONDS: Final = 0.005

COMMIT: Final = "select pg_logical_emit_message(true, 'meridian', '')"
"""Commits something in the WAL that nobody reads."""


class CommitWaits:
    """The standbys that the commits of one server wait for, as its keeper chooses them."""

    def __init__(
        self,
        database: Database,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """database: any on the server, as its keeper logs in."""
        self._database = database
        self._sleep = sleep
        self._monotonic = monotonic
        self._proven = False
        """Whether a commit was seen to wait since commits waited for none."""

    def follow(self, transaction: Transaction, names: Sequence[str]) -> frozenset[str]:
        """Have commits wait for all of these standbys, or for none. Returns those for which all are known to wait.

        transaction: for statements of their own, which wait for no standby. names: the one that was named last first,
        which changes the places of the others: that shows whether their senders know the change. Raises Unavailable.
        """
        present = read_chosen(transaction)
        if not names:
            self._proven = False
            if present:
                choose(transaction, ())
            return frozenset()
        changed = present != _setting(names)
        if changed or not self._proven:
            try:
                self._proven = (self._proven and bool(present)) or self._prove(transaction)
            finally:
                choose(transaction, names)
            if self._until(lambda: _known(transaction, names)):
                transaction.run(COMMIT, {})  # a standby's next report ends what waited meanwhile
        return frozenset(names) if self._proven and _known(transaction, names) else frozenset()

    def _prove(self, transaction: Transaction) -> bool:
        """Have all commits wait; whether one was seen to."""
        choose(transaction, NOBODY)
        with self._committing() as (session, end):
            seen = self._until(lambda: bool(SQL.is_waiting(transaction, session=session)))
            end.set()
            SQL.cancel(transaction, session=session)
        return seen

    @contextmanager
    def _committing(self) -> Iterator[tuple[int, threading.Event]]:
        """A session that commits again and again until an event is set; its id, and the event."""
        connection, end = self._database.dedicated(), threading.Event()

        def commit() -> None:
            while not end.is_set():
                CoreConnection.execute_simple(connection, COMMIT)

        try:
            with translated():
                bound(connection, 2 * SETTLE_SECONDS)
                session = int(CoreConnection.execute_simple(connection, "select pg_backend_pid()").rows[0][0])
                with ThreadPoolExecutor(1) as other:
                    committing = other.submit(commit)
                    try:
                        yield session, end
                    finally:
                        end.set()
                committing.result()
        finally:
            discard(connection)

    def _until(self, look: Callable[[], bool]) -> bool:
        """Look until it is so, for SETTLE_SECONDS; whether it is."""
        until = self._monotonic() + SETTLE_SECONDS
        while not (found := look()) and self._monotonic() < until:
            self._sleep(POLL_SECONDS)
        return found


def choose(transaction: Transaction, names: Sequence[str]) -> None:
    """Change the setting, which the server's processes read some time after this has returned; on a standby too.

    transaction: for statements of their own, as the keeper logs in.
    """
    transaction.run(f"alter system set synchronous_standby_names = {literal(_setting(names))}", {})
    SQL.reload(transaction)


def read_chosen(transaction: Transaction) -> str:
    """The setting, as the session knows it; empty if commits wait for no standby."""
    return str(SQL.read_chosen(transaction))


def _setting(names: Sequence[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"FIRST {len(names)} ({quoted})" if names else ""


def _known(transaction: Transaction, names: Sequence[str]) -> bool:
    """Whether these standbys are connected, and all senders to them and to others know their places in the setting."""
    found = SQL.read_places(transaction)
    places = dict(zip(found["names"], zip(found["lowest"], found["highest"], strict=True), strict=True))
    wanted = {name: (place, place) for place, name in enumerate(names, 1)}
    return dict.fromkeys(places, (0, 0)) | wanted == places
