"""Signers with the platform's keys on secp256k1: a key in a file, or one that never leaves Cloud KMS.

A signature of a 32-byte digest is 65 bytes: r, s (in the lower half, EIP-2) and v (27 or 28).
"""

from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from shared.auth import kms
from shared.chain.ethereum import HALF_ORDER, ORDER, InvalidSignature, address_of, address_of_point, recover, sign
from shared.errors import Unavailable

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient


ALGORITHM: Final = "EC_SIGN_SECP256K1_SHA256"
"""KMS's name for signatures on secp256k1."""


class Signer(Protocol):
    """One of the platform's keys."""

    @property
    def address(self) -> str:
        """Its address, in EIP-55 form. Raises Unavailable."""

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest. Raises Unavailable."""


class FileSigner:
    """A key in a secret file, for the local stack."""

    def __init__(self, private_key: bytes) -> None:
        """private_key: 32 bytes. Raises ValueError if it is not a valid key."""
        self._key = private_key
        self.address = address_of(private_key)

    def sign(self, digest: bytes) -> bytes:
        return sign(digest, self._key)


class FormerSigner:
    """The key of a region that has served this cell before: its transactions are followed, and no more are signed."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sign(self, digest: bytes) -> bytes:
        raise Unavailable(f"The key {self.address} is of a region that served this cell before.")


class KmsSigner:
    """A key version of Cloud KMS with the algorithm EC_SIGN_SECP256K1_SHA256.

    KMS signs any 32 bytes passed as a SHA-256 digest, here a Keccak-256 one. It returns DER, with s in either half
    and without v.
    """

    def __init__(self, client: "KeyManagementServiceClient", key_version: str) -> None:
        """key_version: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V."""
        self._client = client
        self._name = key_version

    @cached_property
    def address(self) -> str:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

        key = load_pem_public_key(kms.public_pem(self._client, self._name, ALGORITHM))
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256K1):
            raise TypeError(f"{self._name} is not a key on secp256k1")
        return address_of_point(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def sign(self, digest: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(kms.signature(self._client, self._name, digest))
        return with_recovery_id(digest, r, s, self.address)


def with_recovery_id(digest: bytes, r: int, s: int, address: str) -> bytes:
    """Assemble a 65-byte signature with a low s and the v for an address. Raises Unavailable if no v recovers it."""
    low = min(s, ORDER - s)
    assert low <= HALF_ORDER
    for v in (27, 28):
        signature = r.to_bytes(32, "big") + low.to_bytes(32, "big") + bytes([v])
        try:
            if recover(digest, signature) == address:
                return signature
        except InvalidSignature:
            continue
    raise Unavailable("The signature is not one of the key's.")
