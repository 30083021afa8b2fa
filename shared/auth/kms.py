"""Cloud KMS: keys that never leave it. Requests and responses carry CRC32C checksums against corruption in transit."""

from functools import cache
from typing import TYPE_CHECKING, Any

from shared.config import kms_emulator
from shared.errors import Unavailable
from shared.resilience.breaker import Breaker
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient


@cache
def client() -> "KeyManagementServiceClient":
    """This process's client."""
    from google.cloud.kms_v1 import KeyManagementServiceClient

    if address := kms_emulator():
        return _of_emulator(address)
    return KeyManagementServiceClient()


def _of_emulator(address: str) -> "KeyManagementServiceClient":
    from google.cloud.kms_v1 import KeyManagementServiceClient
    from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
    from grpc import insecure_channel

    return KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=insecure_channel(address)))


@cache
def breaker() -> Breaker:
    """The circuit breaker of KMS."""
    return Breaker("kms", POLICIES["kms"])


def public_pem(kms: "KeyManagementServiceClient", key_version: str, algorithm: str) -> bytes:
    """The public half of a key version. Raises Unavailable, and TypeError for a key with another algorithm.

    key_version: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V.
    algorithm: KMS's name for it. An RSA key may be for PSS, whose signatures are not RS256.
    """
    answer = _call(kms.get_public_key, {"name": key_version})
    pem = bytes(answer.pem.encode())
    if answer.name != key_version or answer.pem_crc32c != _crc32c(pem):
        raise Unavailable("The public key was damaged on its way from KMS.")
    if answer.algorithm.name != algorithm:
        raise TypeError(f"{key_version} signs by {answer.algorithm.name}, not by {algorithm}")
    return pem


def signature(kms: "KeyManagementServiceClient", key_version: str, digest: bytes) -> bytes:
    """Sign 32 bytes, passed as a SHA-256 digest, with a key version. Raises Unavailable."""
    request = {"name": key_version, "digest": {"sha256": digest}, "digest_crc32c": _crc32c(digest)}
    answer = _call(kms.asymmetric_sign, request)
    if answer.name != key_version or not answer.verified_digest_crc32c:
        raise Unavailable("The digest was damaged on its way to KMS.")
    if answer.signature_crc32c != _crc32c(answer.signature):
        raise Unavailable("The signature was damaged on its way from KMS.")
    return bytes(answer.signature)


def _call(method: Any, request: dict[str, Any]) -> Any:
    from google.api_core.exceptions import GoogleAPICallError, ServerError
    from google.auth.exceptions import GoogleAuthError

    try:
        with breaker().guard((ServerError, GoogleAuthError)):
            seconds = time_for(POLICIES["kms"].timeout_seconds)
            return method(request=request, timeout=seconds, retry=None)  # the caller retries
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise Unavailable("KMS does not answer.") from error


def _crc32c(data: bytes) -> int:
    import google_crc32c

    return int(google_crc32c.value(data))
