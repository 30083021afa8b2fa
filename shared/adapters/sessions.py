"""Whether a session lives, for routes where a token alone is not enough: those that move money or sign vouchers.

Firestore is the truth; the identity service writes it. Redis is a cache of it: that a session lived is believed for
ALIVE_SECONDS, that it ended until its last token has died. An end is told to Firestore and then to Redis, so that it
holds at once wherever that Redis is read. Other regions hear of it by its event, session.revoked; where that is late,
they believe for ALIVE_SECONDS at most what they have read before.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared import ids
from shared.adapters.firestore import answering, patience
from shared.adapters.scripts import Asker, Command
from shared.adapters.tokens import LIFE
from shared.errors import Unavailable
from shared.resilience.breaker import Breaker

if TYPE_CHECKING:
    from google.cloud.firestore import Client

log = logging.getLogger(__name__)

COLLECTION: Final = "sessions"
"""In Firestore: a document a session, with revoked_at, expires_at and idle_expires_at among its fields."""

ALIVE: Final = b"alive"
ENDED: Final = b"ended"

ALIVE_SECONDS: Final = 30
ENDED_SECONDS: Final = int(LIFE.total_seconds()) + 60
FIRESTORE_SECONDS: Final = 2.0
"""How long a request waits for the truth; then it is 503."""


class Liveness:
    """Answers whether sessions live."""

    def __init__(self, firestore: Callable[[], "Client"], truth: Breaker, asker: Asker) -> None:
        """firestore: opens its client on first use, as most checks need Redis alone. truth: its breaker."""
        self._firestore = firestore
        self._truth = truth
        self._asker = asker

    def alive(self, session_id: str, now: datetime) -> bool:
        """Whether a session lives. Raises Unavailable when neither Redis nor Firestore tells."""
        if not ids.valid(session_id, "ses"):
            return False
        cached = self._cached(session_id)
        if cached is not None:
            return cached == ALIVE
        with answering(self._truth):
            document = self._firestore().collection(COLLECTION).document(session_id)
            snapshot = document.get(**patience(FIRESTORE_SECONDS))
        alive = snapshot.exists and _alive(snapshot.to_dict() or {}, now)
        # Never over an end: somebody may have told of it since Firestore was read.
        self._remember(session_id, *((ALIVE, ALIVE_SECONDS) if alive else (ENDED, ENDED_SECONDS)), over=not alive)
        return alive

    def ended(self, session_id: str) -> None:
        """Spread the news that a session ended, which Firestore knows already. Without Redis it spreads by itself."""
        try:
            self.tell_ended(session_id)
        except Unavailable as error:
            log.warning("a session's end spreads by itself: %s", error)

    def tell_ended(self, session_id: str) -> None:
        """Tell this region's Redis that a session ended somewhere. Raises Unavailable when it does not take it."""
        self._asker.ask([_keep(session_id, ENDED, ENDED_SECONDS)])

    def _cached(self, session_id: str) -> bytes | None:
        try:
            known: bytes | None = self._asker.ask([("GET", _key(session_id))])[0]
        except Unavailable as error:
            log.warning("sessions are asked of Firestore, as Redis fails: %s", error)
            return None
        return known

    def _remember(self, session_id: str, state: bytes, seconds: int, *, over: bool) -> None:
        try:
            self._asker.ask([(*_keep(session_id, state, seconds), *([] if over else ["NX"]))])
        except Unavailable as error:
            log.warning("Redis is not told of a session: %s", error)


def _keep(session_id: str, state: bytes, seconds: int) -> Command:
    return ("SET", _key(session_id), state, "EX", seconds)


def _key(session_id: str) -> str:
    return f"session:{session_id}"


def _alive(fields: dict[str, Any], now: datetime) -> bool:
    ends = min(fields["expires_at"], fields["idle_expires_at"])
    return fields["revoked_at"] is None and bool(now < ends)
