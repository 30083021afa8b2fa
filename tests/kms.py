"""A fake Cloud KMS with Google's gRPC API, keys in this process, and faults on request."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import google_crc32c
import grpc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.cloud.kms_v1 import KeyManagementServiceClient
from google.cloud.kms_v1.types import resources, service

from shared.auth import kms
from shared.chain.ethereum import ORDER, sign

SERVICE = "google.cloud.kms.v1.KeyManagementService"
ALGORITHMS = resources.CryptoKeyVersion.CryptoKeyVersionAlgorithm


@dataclass
class FakeKms:
    """The server. `keys`, by version: 32 bytes are a key on secp256k1.

    `high_s`: whether it returns the s above half of the order, as KMS does half of the time. `corrupt`: a field of the
    responses (or `digest`) that arrives damaged. `down`: whether it returns UNAVAILABLE. `wrong_key`: whether it signs
    with another key than the one it publishes. `algorithm`: that of every key, instead of the usual one.
    """

    keys: dict[str, bytes | rsa.RSAPrivateKey]
    high_s: bool = False
    corrupt: str = ""
    down: bool = False
    wrong_key: bool = False
    algorithm: str = ""
    calls: list[str] = field(default_factory=list)

    def get_public_key(self, request: service.GetPublicKeyRequest, context: grpc.ServicerContext) -> Any:
        self._admit("GetPublicKey", request.name, context)
        pem = self._key(request.name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        answer = resources.PublicKey(
            name=request.name,
            pem=pem.decode(),
            pem_crc32c=google_crc32c.value(pem),
            algorithm=ALGORITHMS[self.algorithm] if self.algorithm else _algorithm(self.keys[request.name]),
        )
        return self._corrupted(answer)

    def asymmetric_sign(self, request: service.AsymmetricSignRequest, context: grpc.ServicerContext) -> Any:
        self._admit("AsymmetricSign", request.name, context)
        digest = request.digest.sha256
        if len(digest) != hashlib.sha256().digest_size:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the digest has another length than the algorithm's")
        signature = self._signature(request.name, digest)
        answer = service.AsymmetricSignResponse(
            name=request.name,
            signature=signature,
            signature_crc32c=google_crc32c.value(signature),
            verified_digest_crc32c=request.digest_crc32c == google_crc32c.value(digest) and self.corrupt != "digest",
        )
        return self._corrupted(answer)

    def _admit(self, method: str, name: str, context: grpc.ServicerContext) -> None:
        self.calls.append(method)
        if self.down:
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if name not in self.keys:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such key version")

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
        key = self.keys[name]
        return ec.derive_private_key(int.from_bytes(key), ec.SECP256K1()) if isinstance(key, bytes) else key

    def _signature(self, name: str, digest: bytes) -> bytes:
        key = self.keys[name]
        if not isinstance(key, bytes):
            return key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        signature = sign(digest, b"\x55" * 32 if self.wrong_key else key)
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
        low = min(s, ORDER - s)
        return encode_dss_signature(r, ORDER - low if self.high_s else low)

    def _corrupted(self, answer: Any) -> Any:
        if self.corrupt == "name":
            answer.name = "projects/other"
        elif self.corrupt == "signature" and isinstance(answer, service.AsymmetricSignResponse):
            answer.signature = answer.signature[:-1] + bytes([answer.signature[-1] ^ 1])
        elif self.corrupt == "pem" and isinstance(answer, resources.PublicKey):
            answer.pem = answer.pem.replace("A", "B", 1)
        return answer


def _algorithm(key: bytes | rsa.RSAPrivateKey) -> Any:
    if isinstance(key, bytes):
        return ALGORITHMS.EC_SIGN_SECP256K1_SHA256
    return ALGORITHMS[f"RSA_SIGN_PKCS1_{key.key_size}_SHA256"]


@contextmanager
def serving(fake: FakeKms) -> Iterator[int]:
    """Serve a fake on a loopback port, and yield the port."""

    def handler(method: Any, request: Any, answer: Any) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            method, request_deserializer=request.deserialize, response_serializer=answer.serialize
        )

    handlers = {
        "GetPublicKey": handler(fake.get_public_key, service.GetPublicKeyRequest, resources.PublicKey),
        "AsymmetricSign": handler(fake.asymmetric_sign, service.AsymmetricSignRequest, service.AsymmetricSignResponse),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


@contextmanager
def reached(port: int) -> Iterator[KeyManagementServiceClient]:
    """This process's client of the KMS on a port, with a new circuit breaker, for the block."""
    kms.client.cache_clear()
    kms.breaker.cache_clear()
    with patch.dict(os.environ, {"KMS_EMULATOR_HOST": f"127.0.0.1:{port}"}):
        try:
            yield kms.client()
        finally:
            kms.client().transport.close()
            kms.client.cache_clear()
            kms.breaker.cache_clear()
