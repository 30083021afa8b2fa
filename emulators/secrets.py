"""The stack's secrets: one file each, made when absent, readable by their owner alone.

They take the place of Secret Manager: a process finds them as files under SECRETS_DIR, as Cloud Run mounts them.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ORDER_OF_SECP256K1: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of SEC 2, section 2.4.1: a private key lies in 1..n-1."""

RANDOM: Final = ("nonce_key", "refresh_key", "cursor_key", "push_token", "supervisor.password", "postgres.password")
"""The secrets that are 32 random bytes in hexadecimal."""


def ensure(folder: Path, services: Sequence[str]) -> None:
    """Make what is absent of the stack's secrets.

    folder: where they live; made with mode 0700.
    services: the services with a database, each of which gets two passwords: its owner's and its own.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    passwords = [f"{role}.password" for service in services for role in (service, f"{service}_owner")]
    for name in (*RANDOM, *passwords):
        _ensure(folder / name, lambda: secrets.token_hex(32))
    _ensure(folder / "voucher_key", _secp256k1_private_key)
    _ensure(folder / "jwt_signing_key.pem", _rsa_private_key)
    _ensure(folder / "jwks.json", lambda: _jwks((folder / "jwt_signing_key.pem").read_bytes()))


def read(folder: Path, name: str) -> str:
    """A secret's value. Raises FileNotFoundError."""
    return (folder / name).read_text(encoding="ascii").strip()


def _ensure(path: Path, make: Callable[[], str]) -> None:
    if path.exists():
        return
    # Written aside and renamed, so that a crash in between leaves no half of a key.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(make())
    partial.rename(path)


def _secp256k1_private_key() -> str:
    return f"{1 + secrets.randbelow(ORDER_OF_SECP256K1 - 1):064x}"


def _rsa_private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _jwks(pem: bytes) -> str:
    """The public half of a signing key as a JWK set (RFC 7517); its kid is its thumbprint (RFC 7638)."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("jwt_signing_key.pem is not an RSA key")
    numbers = key.public_key().public_numbers()
    required = {"e": _base64url(_big_endian(numbers.e)), "kty": "RSA", "n": _base64url(_big_endian(numbers.n))}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True)
    kid = _base64url(hashlib.sha256(canonical.encode("ascii")).digest())
    return json.dumps({"keys": [{**required, "alg": "RS256", "use": "sig", "kid": kid}]})


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
