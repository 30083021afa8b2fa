"""Receipts: signed with the keys of access tokens, and kept as they were given."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from functions.claiming.ports import Sealed
from functions.claiming.store.claims import SQL
from shared.adapters import keys, tokens
from shared.config import Settings

if TYPE_CHECKING:
    from functions.claiming.store import Work

TYPE: Final = "receipt+jwt"
"""Its typ, which is not that of an access token: neither is taken for the other."""


class ReceiptSeals:
    """Signs receipts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def seal(self, content: Mapping[str, Any], at: datetime) -> Sealed:
        claims = {"iss": self._settings.public_url, "iat": int(at.timestamp()), **content}
        return Sealed(*tokens.jws(self._settings, TYPE, claims, at))


class ReceiptStore:
    """Receipts that were given, as one transaction sees them."""

    def __init__(self, work: "Work") -> None:
        self._work = work

    def find(self, claim_id: str, state: str) -> str | None:
        row = SQL.find_receipt(self._work.opened, claim_id=claim_id, state=state)
        return row["receipt"] if row and row["kid"] in self._published() else None

    def keep(self, claim_id: str, state: str, sealed: Sealed) -> str:
        kept: str = SQL.keep_receipt(
            self._work.opened,
            claim_id=claim_id,
            state=state,
            kid=sealed.kid,
            receipt=sealed.receipt,
            at=self._work.now(),
            published=self._published(),
        )
        return kept

    def _published(self) -> list[str]:
        return [key.kid for key in keys.key_ring(self._work.settings).published(self._work.now())]
