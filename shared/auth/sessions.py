"""Checks whether a session is alive, for routes where a token is not enough: moving money, signing vouchers.

Firestore is the source of truth, written by the identity service. Redis caches it: that a session is alive for
ALIVE_SECONDS, that it has ended until its last token has expired. An end is written to Firestore and then to Redis,
so that it takes effect at once in that region. Other regions hear of it by a listener (revocations.py), whose heartbeat
in Redis says that it is up to date: "alive" is trusted only while there is one, for a second.
"""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared import ids
from shared.auth.tokens import LIFE
from shared.errors import Unavailable
from shared.firestore.calls import call_options, guarded
from shared.redis.pipeline import Command, Pipeline
from shared.resilience.breaker import Breaker

if TYPE_CHECKING:
    from google.cloud.firestore import Client

log = logging.getLogger(__name__)

COLLECTION: Final = "sessions"
"""The Firestore collection: a document per session, with the fields revoked_at, expires_at and idle_expires_at."""

ALIVE: Final = b"alive"
ENDED: Final = b"ended"

HEARTBEAT: Final = "sessions:heartbeat"
"""The key in Redis that exists while the region's Redis knows of every session that ended more than a second ago."""

DEMAND: Final = "sessions:demand"
"""The key in Redis that exists while anybody asks for sessions: only then somebody needs the heartbeat."""

DEMAND_SECONDS: Final = 60
"""How long after a question the region is kept ready for the next one."""

ALIVE_SECONDS: Final = 30
ENDED_SECONDS: Final = int(LIFE.total_seconds()) + 60
FIRESTORE_SECONDS: Final = 2.0
"""How long a request waits for Firestore before it is answered 503."""


class SessionChecker:
    """Checks whether sessions are alive."""

    def __init__(self, firestore: Callable[[], "Client"], truth: Breaker, pipeline: Pipeline) -> None:
        """firestore: opens its client on first use, since most checks need only Redis. truth: Firestore's breaker."""
        self._firestore = firestore
        self._truth = truth
        self._pipeline = pipeline
        self._demand_until = 0.0
        """Until when Redis need not hear again that somebody asks, on the monotonic clock."""

    def alive(self, session_id: str, now: datetime) -> bool:
        """Whether a session is alive. Raises Unavailable if neither Redis nor Firestore responds."""
        if not ids.valid(session_id, "ses"):
            return False
        cached, trusted = self._cached(session_id)
        if cached == ENDED or (cached == ALIVE and trusted):
            return cached == ALIVE
        with guarded(self._truth):
            document = self._firestore().collection(COLLECTION).document(session_id)
            snapshot = document.get(**call_options(FIRESTORE_SECONDS))
        alive = snapshot.exists and _alive(snapshot.to_dict() or {}, now)
        # Never overwrite an end: it may have been recorded since Firestore was read.
        self._remember(session_id, *((ALIVE, ALIVE_SECONDS) if alive else (ENDED, ENDED_SECONDS)), over=not alive)
        return alive

    def ended(self, session_id: str) -> None:
        """Record in Redis that a session has ended, after Firestore. If Redis is down, cached states expire."""
        try:
            self.record_ended(session_id)
        except Unavailable as error:
            log.warning("a session's end is not cached, cached states expire: %s", error)

    def record_ended(self, session_id: str) -> None:
        """Record in this region's Redis that a session has ended. Raises Unavailable."""
        self.record_all_ended([session_id])

    def record_all_ended(self, session_ids: Collection[str]) -> None:
        """Record in this region's Redis that sessions have ended. Raises Unavailable."""
        if session_ids:
            self._pipeline.execute([_keep(session_id, ENDED, ENDED_SECONDS) for session_id in session_ids])

    def beat(self, seconds: float) -> None:
        """Trust this region's Redis for so long; it knows of every session that had ended. Raises Unavailable."""
        if (milliseconds := int(seconds * 1000)) > 0:
            self._pipeline.execute([("SET", HEARTBEAT, b"1", "PX", milliseconds)])

    def in_demand(self) -> bool:
        """Whether anybody in this region has asked for a session of late. Raises Unavailable."""
        return bool(self._pipeline.execute([("EXISTS", DEMAND)])[0])

    def _cached(self, session_id: str) -> tuple[bytes | None, bool]:
        """What Redis says about a session, and whether it may be trusted that it is alive."""
        now = time.monotonic()
        notes: list[Command] = [("SET", DEMAND, b"1", "EX", DEMAND_SECONDS)] if now >= self._demand_until else []
        try:
            known, heartbeat, *_ = self._pipeline.execute([("GET", _key(session_id)), ("GET", HEARTBEAT), *notes])
        except Unavailable as error:
            log.warning("sessions are read from Firestore, as Redis fails: %s", error)
            return None, False
        if heartbeat is None:
            self._demand_until = 0.0  # Redis may have lost that somebody asks
        elif notes:
            self._demand_until = now + DEMAND_SECONDS / 2
        return known, heartbeat is not None

    def _remember(self, session_id: str, state: bytes, seconds: int, *, over: bool) -> None:
        try:
            self._pipeline.execute([(*_keep(session_id, state, seconds), *([] if over else ["NX"]))])
        except Unavailable as error:
            log.warning("a session's state is not cached: %s", error)


def _keep(session_id: str, state: bytes, seconds: int) -> Command:
    return ("SET", _key(session_id), state, "EX", seconds)


def _key(session_id: str) -> str:
    return f"session:{session_id}"


def _alive(fields: dict[str, Any], now: datetime) -> bool:
    ends = min(fields["expires_at"], fields["idle_expires_at"])
    return fields["revoked_at"] is None and bool(now < ends)
