"""Sessions and used nonces in Firestore."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from functions.identity.domain.events import SessionRevoked
from functions.identity.domain.sessions import Session
from functions.identity.ports import RevocationReason
from shared.auth.sessions import COLLECTION
from shared.firestore.calls import call_options, guarded

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.auth.sessions import SessionChecker
    from shared.resilience.breaker import Breaker

EXPIRED_KEPT_FOR: Final = timedelta(days=1)
"""How long expired documents are kept before they are deleted, in case clocks differ."""


class FirestoreNonceUses:
    """Used nonces."""

    def __init__(self, client: "Client", breaker: "Breaker") -> None:
        """breaker: Firestore's."""
        self._client = client
        self._breaker = breaker

    def consume(self, nonce: str, expires_at: datetime, command: str = "") -> bool:
        # Of concurrent create() calls exactly one succeeds. A retry after an unnoticed success fails, too. Without a
        # command that refuses a legitimate user, who may sign in with another nonce; it never admits anybody wrongly.
        from google.api_core.exceptions import AlreadyExists

        document = self._client.collection("nonce_uses").document(nonce)
        with guarded(self._breaker, writes=True), suppress(AlreadyExists):
            document.create({"delete_after": expires_at + EXPIRED_KEPT_FOR, "command": command}, **call_options())
            return True
        if not command:
            return False
        with guarded(self._breaker):
            used = document.get(**call_options())
        return used.exists and (used.to_dict() or {}).get("command") == command


class FirestoreSessions:
    """The sessions."""

    def __init__(self, client: "Client", breaker: "Breaker", liveness: "SessionChecker", cell: str) -> None:
        """
        breaker: Firestore's.
        liveness: the region's cache of sessions, which is updated when a session ends.
        cell: the cell that the events belong to.
        """
        self._client = client
        self._breaker = breaker
        self._liveness = liveness
        self._cell = cell

    def open(self, session: Session) -> None:
        from google.api_core.exceptions import AlreadyExists

        with guarded(self._breaker, writes=True):
            try:
                self._document(session.id).create(_session_document(session), **call_options())
            except AlreadyExists:
                return  # an earlier attempt of ours had succeeded unnoticed: nobody else has this id

    def get(self, session_id: str) -> Session | None:
        with guarded(self._breaker):
            snapshot = self._document(session_id).get(**call_options())
        if not snapshot.exists:
            return None
        fields = snapshot.to_dict() or {}
        names = [name for name in Session.__dataclass_fields__ if name in fields]
        return Session(id=session_id, revision=snapshot.update_time, **{name: fields[name] for name in names})

    def rotate(self, session: Session) -> bool:
        from google.api_core.exceptions import FailedPrecondition, NotFound

        unchanged = self._client.write_option(last_update_time=session.revision)
        with guarded(self._breaker, writes=True):
            try:
                self._document(session.id).update(_session_document(session), option=unchanged, **call_options())
            except (FailedPrecondition, NotFound):
                return False
        return True

    def revoke(self, session: Session, at: datetime, reason: RevocationReason) -> None:
        # Without a precondition: a concurrent rotation has one, so it fails, reads again and finds the session ended.
        from google.api_core.exceptions import AlreadyExists, NotFound

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.update(self._document(session.id), {"revoked_at": at, "ending": reason})
        fact = SessionRevoked(session_id=session.id, user_id=session.user_id, reason=reason)
        append(self._client, batch, self._cell, at, session.id, 1, fact)
        # A refused batch means that the session had ended before, or expired and was deleted long ago.
        with guarded(self._breaker, writes=True), suppress(AlreadyExists, NotFound):
            batch.commit(**call_options())
        self._liveness.ended(session.id)

    def _document(self, session_id: str) -> Any:
        return self._client.collection(COLLECTION).document(session_id)


def _session_document(session: Session) -> dict[str, Any]:
    return {
        "user_id": session.user_id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "idle_expires_at": session.idle_expires_at,
        "current_hash": session.current_hash,
        "previous_hash": session.previous_hash,
        "rotated_at": session.rotated_at,
        "revoked_at": session.revoked_at,
        "delete_after": session.expires_at + EXPIRED_KEPT_FOR,
    }
