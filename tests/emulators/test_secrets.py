"""The stack's secrets: made once, each of its kind, and nobody else's to read."""

import base64
import hashlib
import json
from pathlib import Path

import jwt

from emulators import secrets


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The folder has mode 0700, the files 0600."""
    folder = tmp_path / "secrets"
    secrets.ensure(folder, ["wallet"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_secrets_stay(tmp_path: Path) -> None:
    """A second start finds the secrets of the first, and adds what a new service needs."""
    secrets.ensure(tmp_path, ["wallet"])
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    secrets.ensure(tmp_path, ["wallet", "order"])
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {"order.password", "order_owner.password"}


def test_the_key_set_verifies_what_the_signing_key_signs(tmp_path: Path) -> None:
    """jwks.json is the public half of jwt_signing_key.pem, and nothing of the private one."""
    secrets.ensure(tmp_path, [])
    [key] = json.loads(secrets.read(tmp_path, "jwks.json"))["keys"]
    token = jwt.encode({"sub": "someone"}, secrets.read(tmp_path, "jwt_signing_key.pem"), algorithm="RS256")
    assert jwt.decode(token, jwt.PyJWK(key).key, algorithms=["RS256"]) == {"sub": "someone"}
    assert key.keys() == {"kty", "n", "e", "alg", "use", "kid"}


def test_the_key_id_is_its_thumbprint(tmp_path: Path) -> None:
    """kid is the SHA-256 thumbprint of RFC 7638: over e, kty and n in this order, without spaces."""
    secrets.ensure(tmp_path, [])
    [key] = json.loads(secrets.read(tmp_path, "jwks.json"))["keys"]
    canonical = f'{{"e":"{key["e"]}","kty":"RSA","n":"{key["n"]}"}}'
    digest = hashlib.sha256(canonical.encode()).digest()
    assert key["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_the_voucher_key_is_a_private_key_of_secp256k1(tmp_path: Path) -> None:
    """The voucher key lies in 1..n-1 (SEC 2, section 2.4.1)."""
    secrets.ensure(tmp_path, [])
    key = secrets.read(tmp_path, "voucher_key")
    assert len(key) == 64
    assert 0 < int(key, 16) < secrets.ORDER_OF_SECP256K1
