"""Receipts: JWS signed with the keys of access tokens, stored as issued."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from functions.claiming.adapters.claims import SQL
from functions.claiming.ports import SignedReceipt
from shared.auth import keys, tokens
from shared.config import Settings
from shared.unit_of_work import UnitOfWork

TYPE: Final = "receipt+jwt"
"""The `typ` of receipts, different from that of access tokens, so that neither is accepted as the other."""


class JwsReceiptSigner:
    """Signs receipts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sign(self, content: Mapping[str, Any], at: datetime) -> SignedReceipt:
        claims = {"iss": self._settings.public_url, "iat": int(at.timestamp()), **content}
        return SignedReceipt(*tokens.jws(self._settings, TYPE, claims, at))


class PostgresReceipts:
    """Issued receipts, as one transaction sees them."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def find(self, claim_id: str, state: str) -> str | None:
        row = SQL.find_receipt(self._work.current_transaction, claim_id=claim_id, state=state)
        return row["receipt"] if row and row["kid"] in self._published() else None

    def keep(self, claim_id: str, state: str, signed: SignedReceipt) -> str:
        kept: str = SQL.keep_receipt(
            self._work.current_transaction,
            claim_id=claim_id,
            state=state,
            kid=signed.kid,
            receipt=signed.receipt,
            at=self._work.now(),
            published=self._published(),
        )
        return kept

    def _published(self) -> list[str]:
        return [key.kid for key in keys.key_ring(self._work.settings).published(self._work.now())]
