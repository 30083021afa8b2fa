"""Stateless nonces: each carries its time of issue, and a MAC over the address and chain it was issued for.

So a flood of requests for nonces writes nothing; only the use of a nonce is stored, so that it is used once.
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
"""30 bytes in base32 (RFC 4648): alphanumeric, as EIP-4361 requires, unpadded, one spelling for each nonce."""


@dataclass(frozen=True, slots=True)
class Nonces:
    """Issues and verifies nonces. key: 32 secret bytes or more, the same in every instance."""

    key: bytes = field(repr=False)

    def issue(self, address: str, chain_id: int, at: datetime, random: bytes) -> str:
        """A nonce for an address on a chain. random: RANDOM_BYTES of them."""
        if len(random) != RANDOM_BYTES:
            raise ValueError(f"{RANDOM_BYTES} random bytes")
        body = int(at.timestamp()).to_bytes(TIME_BYTES) + random
        return base64.b32encode(body + self._mac(body, address, chain_id)).decode("ascii")

    def check(self, nonce: str, address: str, chain_id: int, now: datetime) -> datetime:
        """The expiry of a nonce issued for this address and chain. Raises NonceUnknown, NonceExpired."""
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
