"""Nonces that need no store to be issued: each carries its time and proves by a MAC for whom it was made.

So a flood of requests for nonces writes nothing; only a use is recorded, so that it is the only one.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.identity.domain.errors import NonceExpired, NonceUnknown

LIFE: Final = timedelta(minutes=5)

TIME_BYTES: Final = 5
RANDOM_BYTES: Final = 9
MAC_BYTES: Final = 16
_FORM: Final = re.compile(r"[A-Z2-7]{48}", re.ASCII)
"""30 bytes in base32 (RFC 4648): alphanumeric, as EIP-4361 wants it, without padding, and one spelling a nonce."""


@dataclass(frozen=True, slots=True)
class Nonces:
    """Issues and recognises nonces. key: 32 secret bytes or more, the same in every instance."""

    key: bytes = field(repr=False)

    def issue(self, address: str, chain_id: int, at: datetime, random: bytes) -> str:
        """A nonce for an address on a chain. random: RANDOM_BYTES of them."""
        if len(random) != RANDOM_BYTES:
            raise ValueError(f"{RANDOM_BYTES} random bytes")
        body = int(at.timestamp()).to_bytes(TIME_BYTES) + random
        return base64.b32encode(body + self._mac(body, address, chain_id)).decode("ascii")

    def check(self, nonce: str, address: str, chain_id: int, now: datetime) -> datetime:
        """When a nonce expires that was issued for this address and chain. Raises NonceUnknown, NonceExpired."""
        if not _FORM.fullmatch(nonce):
            raise NonceUnknown
        raw = base64.b32decode(nonce)
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, address, chain_id)):
            raise NonceUnknown
        expires_at = datetime.fromtimestamp(int.from_bytes(body[:TIME_BYTES]), UTC) + LIFE
        if now >= expires_at:
            raise NonceExpired
        return expires_at

    def _mac(self, body: bytes, address: str, chain_id: int) -> bytes:
        text = b"nonce\0" + body + f"{address.lower()}:{chain_id}".encode("ascii")
        return hmac.digest(self.key, text, hashlib.sha256)[:MAC_BYTES]
