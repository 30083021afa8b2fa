"""Who signs in the house's name on secp256k1: a key in a file, or one that never leaves Cloud KMS.

A signature is r, s (in the lower half, EIP-2) and v (27 or 28), in 65 bytes, of a digest of 32 bytes.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.adapters.ethereum import HALF_ORDER, ORDER, InvalidSignature, address_of, address_of_point, recover, sign
from shared.errors import Unavailable

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient

TIMEOUT_SECONDS: Final = 5.0


class Signer(Protocol):
    """A key of the house's."""

    @property
    def address(self) -> str:
        """Its address, in EIP-55 form. Raises Unavailable."""

    def sign(self, digest: bytes) -> bytes:
        """A signature of a digest of 32 bytes. Raises Unavailable."""


class FileSigner:
    """A key in a secret file: the local stack's."""

    def __init__(self, private_key: bytes) -> None:
        """private_key: 32 bytes. Raises ValueError for anything that is no key."""
        self._key = private_key
        self.address = address_of(private_key)

    def sign(self, digest: bytes) -> bytes:
        return sign(digest, self._key)


class KmsSigner:
    """A key version of Cloud KMS with the algorithm EC_SIGN_SECP256K1_SHA256.

    KMS signs any 32 bytes that are handed over as the SHA-256 digest, here a Keccak-256 one. It answers in DER, with an
    s in either half and without v. Both ways carry CRC32C checksums; what does not match was damaged on the way.
    """

    def __init__(self, client: "KeyManagementServiceClient", key_version: str) -> None:
        """key_version: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V."""
        self._client = client
        self._name = key_version

    @cached_property
    def address(self) -> str:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

        answer = self._ask(self._client.get_public_key, {"name": self._name})
        if answer.name != self._name or answer.pem_crc32c != _crc32c(answer.pem.encode()):
            raise Unavailable("The public key was damaged on its way from KMS.")
        key = load_pem_public_key(answer.pem.encode())
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256K1):
            raise TypeError(f"{self._name} is not a key on secp256k1")
        return address_of_point(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def sign(self, digest: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        asked = {"name": self._name, "digest": {"sha256": digest}, "digest_crc32c": _crc32c(digest)}
        answer = self._ask(self._client.asymmetric_sign, asked)
        if answer.name != self._name or not answer.verified_digest_crc32c:
            raise Unavailable("The digest was damaged on its way to KMS.")
        if answer.signature_crc32c != _crc32c(answer.signature):
            raise Unavailable("The signature was damaged on its way from KMS.")
        r, s = decode_dss_signature(answer.signature)
        return with_recovery_id(digest, r, s, self.address)

    def _ask(self, method: Any, request: dict[str, Any]) -> Any:
        from google.api_core.exceptions import GoogleAPICallError

        try:
            return method(request=request, timeout=TIMEOUT_SECONDS, retry=None)  # whoever asks comes again
        except GoogleAPICallError as error:
            raise Unavailable("KMS does not answer.") from error


def with_recovery_id(digest: bytes, r: int, s: int, address: str) -> bytes:
    """R and s as a signature of an address, with its s in the lower half. Raises Unavailable when it is another's."""
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


def _crc32c(data: bytes) -> int:
    import google_crc32c

    return int(google_crc32c.value(data))
