"""Sessions and used nonces in Firestore."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from functions.identity.domain.events import SessionRevoked
from functions.identity.domain.sessions import Session
from functions.identity.ports import Ending
from shared.adapters.firestore import answering, patience
from shared.adapters.sessions import COLLECTION

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.adapters.sessions import Liveness
    from shared.resilience.breaker import Breaker

KEPT: Final = timedelta(days=1)
"""How long what has expired is kept, against clocks that differ."""


class NonceUseStore:
    """The nonces that were used."""

    def __init__(self, client: "Client", breaker: "Breaker") -> None:
        """breaker: Firestore's."""
        self._client = client
        self._breaker = breaker

    def consume(self, nonce: str, expires_at: datetime, command: str = "") -> bool:
        # Of several create() exactly one succeeds. One that is tried again after it succeeded unnoticed fails as well:
        # without a command that refuses somebody who may sign in with another nonce, and lets nobody in.
        from google.api_core.exceptions import AlreadyExists

        document = self._client.collection("nonce_uses").document(nonce)
        with answering(self._breaker, writes=True), suppress(AlreadyExists):
            document.create({"delete_after": expires_at + KEPT, "command": command}, **patience())
            return True
        if not command:
            return False
        with answering(self._breaker):
            used = document.get(**patience())
        return used.exists and (used.to_dict() or {}).get("command") == command


class SessionStore:
    """The sessions."""

    def __init__(self, client: "Client", breaker: "Breaker", liveness: "Liveness", cell: str) -> None:
        """
        breaker: Firestore's.
        liveness: learns first that a session ended.
        cell: where the facts about it are at home.
        """
        self._client = client
        self._breaker = breaker
        self._liveness = liveness
        self._cell = cell

    def open(self, session: Session) -> None:
        from google.api_core.exceptions import AlreadyExists

        with answering(self._breaker, writes=True):
            try:
                self._document(session.id).create(_session_document(session), **patience())
            except AlreadyExists:
                return  # a try of ours that we thought had failed: nobody else has this id

    def get(self, session_id: str) -> Session | None:
        with answering(self._breaker):
            snapshot = self._document(session_id).get(**patience())
        if not snapshot.exists:
            return None
        fields = snapshot.to_dict() or {}
        names = [name for name in Session.__dataclass_fields__ if name in fields]
        return Session(id=session_id, revision=snapshot.update_time, **{name: fields[name] for name in names})

    def rotate(self, session: Session) -> bool:
        from google.api_core.exceptions import FailedPrecondition, NotFound

        unchanged = self._client.write_option(last_update_time=session.revision)
        with answering(self._breaker, writes=True):
            try:
                self._document(session.id).update(_session_document(session), option=unchanged, **patience())
            except (FailedPrecondition, NotFound):
                return False
        return True

    def revoke(self, session: Session, at: datetime, ending: Ending) -> None:
        # Without a precondition: whoever rotates at the same time has one, reads again, and finds the session ended.
        from google.api_core.exceptions import AlreadyExists, NotFound

        from shared.outbox.firestore import append

        batch = self._client.batch()
        batch.update(self._document(session.id), {"revoked_at": at, "ending": ending})
        fact = SessionRevoked(session_id=session.id, user_id=session.user_id, reason=ending)
        append(self._client, batch, self._cell, at, session.id, 1, fact)
        # What is refused ended before, or expired long ago.
        with answering(self._breaker, writes=True), suppress(AlreadyExists, NotFound):
            batch.commit(**patience())
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
        "delete_after": session.expires_at + KEPT,
    }
