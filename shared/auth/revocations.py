"""Tells a region's Redis which sessions have ended in any region, and that it knows of all of them.

Firestore is asked every EVERY_SECONDS for the sessions that ended in the last WINDOW. The query is strongly consistent:
its answer has whatever was committed before it was sent. So once the ends are in Redis, a heartbeat there says that
Redis is at most as old as the query, and expires TRUSTED_SECONDS after it was sent. Without a heartbeat nobody trusts
Redis to say that a session is alive (sessions.py), and Firestore itself is asked. It needs no memory: what ended before
the window can contradict nothing that Redis still holds, since `alive` is kept for ALIVE_SECONDS.

For the same reason it may rest while nobody in the region asks for sessions: who asks first after a while says so in
Redis, and is answered by Firestore, as are others until the next heartbeat.

It runs beside identity's relay, in each region; two at once do no harm.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared.auth.sessions import ALIVE_SECONDS, COLLECTION, SessionChecker
from shared.clock import Clock
from shared.errors import Unavailable
from shared.firestore.calls import call_options, guarded
from shared.resilience.breaker import Breaker

if TYPE_CHECKING:
    from google.cloud.firestore import Client

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 0.3
"""From the end of one query to the next one."""

TRUSTED_SECONDS: Final = 1.0
"""How long after a query was sent its answer is trusted: longer than a query and a pause take."""

WINDOW: Final = timedelta(seconds=2 * ALIVE_SECONDS)
"""Which ends are asked for. It allows for clocks that differ, and for commits that take, ALIVE_SECONDS together."""


class RevocationListener:
    """Follows the ends of sessions."""

    def __init__(
        self,
        firestore: "Callable[[], Client]",
        truth: Breaker,
        sessions: SessionChecker,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """truth: Firestore's breaker. sessions: the region's cache of them. monotonic: seconds, for the heartbeat."""
        self._firestore = firestore
        self._truth = truth
        self._sessions = sessions
        self._clock = clock
        self._monotonic = monotonic
        self._recorded: frozenset[str] = frozenset()
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Follow until stopped. What fails is logged once, until it works again."""
        while not stop.wait(EVERY_SECONDS):
            try:
                self.attend()
            except Unavailable as error:
                if not self._failing:
                    log.warning("sessions that end elsewhere are not heard of, Firestore is asked for each: %s", error)
                self._failing = True
            else:
                self._failing = False

    def attend(self) -> bool:
        """Follow if somebody needs it; returns whether. Raises Unavailable."""
        wanted = self._sessions.in_demand()
        if wanted:
            self.follow()
        return wanted

    def follow(self) -> int:
        """Record the ends of sessions since the last time, then the heartbeat. Returns how many. Raises Unavailable."""
        sent = self._monotonic()
        ended = self._ended()
        fresh = ended - self._recorded
        self._recorded = frozenset()  # if it is unknown which of them get recorded, all are again
        self._sessions.record_all_ended(fresh)
        self._recorded = ended
        self._sessions.beat(TRUSTED_SECONDS - (self._monotonic() - sent))
        return len(fresh)

    def _ended(self) -> frozenset[str]:
        from google.cloud.firestore import FieldFilter

        since = FieldFilter("revoked_at", ">=", self._clock.now() - WINDOW)
        with guarded(self._truth):
            query = self._firestore().collection(COLLECTION).where(filter=since).select([])
            return frozenset(document.id for document in query.stream(**call_options(TRUSTED_SECONDS)))
