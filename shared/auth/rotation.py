"""Creates and rotates the keys that sign access tokens (keys.py describes the files).

A rotation adds one key: a new one, or an existing key version in Cloud KMS. It is published LEAD before it signs, so
that all verifiers have it by then, and its predecessor gets an end: when the last token that it signed has expired.
Keys of one region, and those of no region, succeed each other apart from the others'.
Everything else follows from these times. It works on a folder; in the cloud, the written files become new versions
of the two secrets, the private set's first.
"""

import argparse
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from shared.auth import kms
from shared.auth.keys import (
    ALGORITHM,
    PRIVATE,
    PUBLIC,
    REREAD,
    PrivateKey,
    PrivateSet,
    PublicKey,
    PublicSet,
    decoded,
)
from shared.auth.tokens import LIFE
from shared.base64url import base64url
from shared.config_values import secret_file
from shared.registry import load

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

T = TypeVar("T")

KEY_BITS: Final = 2048
KMS_ALGORITHM: Final = "RSA_SIGN_PKCS1_2048_SHA256"

LEAD: Final = timedelta(minutes=10)
"""Longer than REREAD, and than anyone may cache the published keys (read_keys in the registry)."""

SLACK: Final = REREAD + timedelta(minutes=1)
"""How late a process may notice that a key has a successor; clocks differ by less than a minute."""


def rotate(folder: Path, now: datetime, lead: timedelta = LEAD, version: str = "", region: str = "") -> str:
    """Add a key to a folder's sets, which signs after `lead`; the first one signs at once. Returns its kid.

    version: a key version in Cloud KMS with the algorithm RSA_SIGN_PKCS1_2048_SHA256; if empty, a key is generated.
    region: the only one that signs with it; empty for any that has none of its own.

    Raises ValueError for sets that are damaged and for a version that is in them, TypeError for another kind of key,
    OSError, Unavailable.
    """
    with _alone(folder):
        public = _read(secret_file(folder, PUBLIC), PublicSet, PublicSet())
        private = _read(secret_file(folder, PRIVATE), PrivateSet, PrivateSet())
        start = int((now + lead).timestamp()) if public.keys else 0
        fresh, secret = _of_kms(version, start) if version else _generated(start)
        if any(key.kid == fresh.kid for key in public.keys):
            raise ValueError(f"{fresh.kid} is among the keys already")
        fresh = msgspec.structs.replace(fresh, region=region)
        accepted = [key for key in public.keys if key.accepted(now)]
        before = [place for place, key in enumerate(accepted) if key.region == region]
        if before:
            last = int(start + (LIFE + SLACK).total_seconds())
            accepted[before[-1]] = msgspec.structs.replace(accepted[before[-1]], not_after=last)
        signing = {key.kid for key in _may_sign(accepted, now)}
        # The public set goes last: a key is not used before it is published, so a crash in between changes nothing.
        secrets = [*(key for key in private.keys if key.kid in signing), secret]
        write(secret_file(folder, PRIVATE), json.dumps(msgspec.to_builtins(PrivateSet(secrets))))
        write(secret_file(folder, PUBLIC), json.dumps(msgspec.to_builtins(PublicSet([*accepted, fresh]))))
    return fresh.kid


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="functions.main rotate-keys", description="Add a signing key.")
    parser.add_argument("folder", type=Path, help="the folder of secrets")
    parser.add_argument("--kms-version", default="", help="the version of a key in Cloud KMS")
    parser.add_argument(
        "--region", default="", choices=["", *load().regions], help="the only region that signs with it"
    )
    chosen = parser.parse_args(arguments)
    print(rotate(chosen.folder, datetime.now(UTC), version=chosen.kms_version, region=chosen.region))
    return 0


def write(path: Path, text: str) -> None:
    """Write a secret file with mode 0600, atomically: a temporary file is renamed."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def _may_sign(keys: list[PublicKey], now: datetime) -> list[PublicKey]:
    """The keys that sign now, one for each region, and those that will: the others' private halves are not needed."""
    due = {key.region: key for key in keys if key.not_before <= now.timestamp()}
    return [key for key in keys if key.not_before > now.timestamp() or key is due[key.region]]


def _read(path: Path, kind: type[T], absent: T) -> T:
    return decoded(path.read_bytes(), kind) if path.exists() else absent


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _generated(not_before: int) -> tuple[PublicKey, PrivateKey]:
    """Generate a key of 2048 bits; its kid is its thumbprint (RFC 7638)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    n, e = _numbers(key.public_key())
    canonical = json.dumps({"e": e, "kty": "RSA", "n": n}, separators=(",", ":"))
    kid = base64url(hashlib.sha256(canonical.encode("ascii")).digest())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")
    public = PublicKey(kty="RSA", use="sig", alg=ALGORITHM, kid=kid, n=n, e=e, not_before=not_before)
    return public, PrivateKey(kid, pem=pem)


def _of_kms(version: str, not_before: int) -> tuple[PublicKey, PrivateKey]:
    """A key version in Cloud KMS; its kid names the key and version, but not the project or location."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(kms.public_pem(kms.client(), version, KMS_ALGORITHM))
    if not isinstance(key, RSAPublicKey):
        raise TypeError(f"{version} is not an RSA key")
    parts = version.split("/")
    kid = f"{parts[-3]}.{parts[-1]}"
    n, e = _numbers(key)
    public = PublicKey(kty="RSA", use="sig", alg=ALGORITHM, kid=kid, n=n, e=e, not_before=not_before)
    return public, PrivateKey(kid, version=version)


def _numbers(key: "RSAPublicKey") -> tuple[str, str]:
    numbers = key.public_numbers()
    return base64url(_big_endian(numbers.n)), base64url(_big_endian(numbers.e))


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
