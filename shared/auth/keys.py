"""The keys that sign access tokens: key sets in files that are reloaded, so that keys change without a restart.

    jwt_public_keys.json     for verifiers: the public keys (RFC 7517), each with the time from which on it signs, and,
                             once it has a successor, the time at which the last token that it signed has expired
    jwt_private_keys.json    for signers, by kid: the private keys, or the versions of a key in Cloud KMS

Each is one secret: Secret Manager updates mounted files without a restart. rotation.py writes them.

Regions may have keys of their own, so that one that is given up can be cut off by its key alone: all regions publish
all keys, and each signs with its own or, while it has none that is due, with one of no region.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from shared.auth import kms
from shared.config import Settings
from shared.decoding import ready
from shared.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

ALGORITHM: Final = "RS256"
PUBLIC: Final = "jwt_public_keys.json"
PRIVATE: Final = "jwt_private_keys.json"

REREAD: Final = timedelta(seconds=30)
"""How old a loaded set may be. An unknown kid does not reload it sooner, so that nobody can trigger reads."""


class Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public RSA key (RFC 7517), and nothing else."""

    kty: str
    use: str
    alg: str
    kid: str
    n: str
    e: str


class PublicKey(Jwk, frozen=True, kw_only=True):
    """A published key. It signs from not_before and is accepted until not_after, in epoch seconds.

    region: the only one that signs with it; empty for any.
    """

    not_before: int
    not_after: int | None = None
    region: str = ""

    def accepted(self, now: datetime) -> bool:
        """Whether tokens under this key are accepted. Those of the next key are, too: clocks differ."""
        return self.not_after is None or now.timestamp() < self.not_after


class PrivateKey(msgspec.Struct, frozen=True):
    """A private key in PKCS 8, or the name of its version in Cloud KMS."""

    kid: str
    pem: str = ""
    version: str = ""


class PublicSet(msgspec.Struct):
    """The content of jwt_public_keys.json, oldest key first."""

    keys: list[PublicKey] = []


class PrivateSet(msgspec.Struct):
    """The content of jwt_private_keys.json."""

    keys: list[PrivateKey] = []


class TokenSigner(Protocol):
    """Signs with a private key: one in a file, or one that never leaves a key management service."""

    def sign(self, data: bytes) -> bytes:
        """An RSASSA-PKCS1-v1_5 signature over the SHA-256 of data (RS256, RFC 7518, section 3.3)."""


class RsaSigner:
    """A key in a file, parsed once: that costs more than a signature."""

    def __init__(self, pem: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(pem.encode("ascii"), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("not an RSA key")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return self._key.sign(data, PKCS1v15(), hashes.SHA256())


class KmsTokenSigner:
    """A key version of Cloud KMS with the algorithm RSA_SIGN_PKCS1_2048_SHA256."""

    def __init__(self, key_version: str) -> None:
        """key_version: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V."""
        self._name = key_version

    def sign(self, data: bytes) -> bytes:
        """A signature (RS256). Raises Unavailable."""
        return kms.signature(kms.client(), self._name, hashlib.sha256(data).digest())


class KeyRing:
    """The signing and verification keys of one process."""

    def __init__(self, settings: Settings) -> None:
        self._region = settings.region
        self._public: _ReloadedFile[Mapping[str, PublicKey]] = _ReloadedFile(partial(settings.secret, PUBLIC), _public)
        self._signers: _ReloadedFile[Mapping[str, TokenSigner]] = _ReloadedFile(
            partial(settings.secret, PRIVATE), _signers
        )

    def published(self, now: datetime) -> list[Jwk]:
        """The public keys to publish: previous ones with live tokens, the current one, and the next."""
        known = [key for key in self._public.at(now).values() if key.accepted(now)]
        return [msgspec.convert(key, ready(Jwk), from_attributes=True) for key in known]

    def find(self, kid: str, now: datetime) -> PublicKey | None:
        """The key with this kid, if tokens under it are accepted."""
        key = self._public.at(now).get(kid)
        return key if key is not None and key.accepted(now) else None

    def signing(self, now: datetime) -> tuple[str, TokenSigner]:
        """The newest key of this region that is due, or else of none: its kid and its signer. Raises Unavailable."""
        signers = self._signers.at(now)
        due = [key for key in self._public.at(now).values() if key.not_before <= now.timestamp()]
        for region in (self._region, ""):
            for key in reversed(due):
                if key.region == region and key.kid in signers:
                    return key.kid, signers[key.kid]
        raise Unavailable("There is no key to sign with.")


@cache
def key_ring(settings: Settings) -> KeyRing:
    """This process's keys."""
    return KeyRing(settings)


class _FileVersion(msgspec.Struct, Generic[T], frozen=True):
    """A file's content at a time."""

    at: datetime
    content: bytes
    value: T


class _ReloadedFile(Generic[T]):
    """A file's decoded content, reloaded when it is older than REREAD; while that fails, the last content."""

    def __init__(self, read: Callable[[], bytes], decode: Callable[[bytes], T]) -> None:
        self._read = read
        self._decode = decode
        self._lock = threading.Lock()
        self._last: _FileVersion[T] | None = None

    def at(self, now: datetime) -> T:
        """The current or last known content. Raises Unavailable if it could never be read."""
        last = self._last
        if last is not None and abs(now - last.at) < REREAD:
            return last.value
        with self._lock:
            if self._last is last:
                self._last = self._fresh(last, now)
            assert self._last is not None
            return self._last.value

    def _fresh(self, last: _FileVersion[T] | None, now: datetime) -> _FileVersion[T]:
        try:
            content = self._read()
            # Unchanged content is not decoded again: parsing a private key takes tens of milliseconds.
            same = last is not None and content == last.content
            return (
                msgspec.structs.replace(last, at=now)
                if last and same
                else _FileVersion(now, content, self._decode(content))
            )
        except (OSError, ValueError, TypeError) as error:
            if last is None:
                raise Unavailable("The signing keys cannot be read.") from error
            log.warning("the signing keys cannot be read, the last ones stay: %s", error)
            return msgspec.structs.replace(last, at=now)


def decoded(data: bytes, kind: type[T]) -> T:
    """Decode a key set. Raises ValueError if it is malformed."""
    return msgspec.json.decode(data, type=ready(kind))


def _public(content: bytes) -> Mapping[str, PublicKey]:
    keys = decoded(content, PublicSet).keys
    return _filled({key.kid: key for key in sorted(keys, key=lambda key: key.not_before)})


def _signers(content: bytes) -> Mapping[str, TokenSigner]:
    keys = decoded(content, PrivateSet).keys
    return _filled({key.kid: KmsTokenSigner(key.version) if key.version else RsaSigner(key.pem) for key in keys})


def _filled(keys: dict[str, Any]) -> dict[str, Any]:
    """Refuse an empty set, which means a truncated file. Raises ValueError."""
    if not keys:
        raise ValueError("an empty set of keys")
    return keys
