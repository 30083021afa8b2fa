"""Encrypts secrets stored in a database with a key from outside of it (AES-256-GCM, NIST SP 800-38D)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class SecretCipher:
    """Encrypts and decrypts with one key."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        self._cipher = AESGCM(key)

    def encrypt(self, secret: bytes, of: str) -> bytes:
        """Encrypt a secret. of: its owner's id, authenticated as associated data."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, of.encode())

    def decrypt(self, sealed: bytes, of: str) -> bytes:
        """Decrypt a secret. Raises ValueError if it was not encrypted with this key for this owner."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], of.encode())
        except InvalidTag as error:
            raise ValueError("encrypted with another key or for another owner") from error
