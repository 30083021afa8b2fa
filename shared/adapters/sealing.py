"""Secrets that a database keeps: sealed with a key that is not in it (AES-256-GCM, NIST SP 800-38D)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class Seal:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        self._cipher = AESGCM(key)

    def close(self, secret: bytes, of: str) -> bytes:
        """A secret, sealed. of: whose it is; it opens for nobody else."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, of.encode())

    def open(self, sealed: bytes, of: str) -> bytes:
        """The secret. Raises ValueError for what was not sealed with this key for this one."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], of.encode())
        except InvalidTag as error:
            raise ValueError("sealed for somebody else") from error
