"""Google, as far as its ID tokens go: keys of a test's own, whose certificates are served over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.serving import serve

AUDIENCE = "https://functions.example/record_claim"
ACCOUNT = "pubsub@meridian.iam.gserviceaccount.com"


class Issuer:
    """Google, as far as its certificates go: keys of ours, served over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.served: dict[str, str] = {}
        self.fetches = 0
        self.down = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = json.dumps(issuer.served).encode()
                self.send_response(500 if issuer.down else 200)
                self.send_header("Cache-Control", "public, max-age=3600")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/certs"
        self.add("first")

    def add(self, key_id: str, *, serve: bool = True) -> None:
        """A new key, and its certificate where it is published."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        certificate = made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
        self.keys[key_id] = key
        if serve:
            self.served[key_id] = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def token(self, key_id: str = "first", *, signed_by: str | None = None, **changed: Any) -> str:
        """A token as Pub/Sub sends it, some claims changed; None leaves one out."""
        now = datetime.now(UTC)
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": ACCOUNT,
            "email_verified": True,
            "sub": "1",
            "iat": now - timedelta(seconds=5),
            "exp": now + timedelta(hours=1),
            **changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.keys[signed_by or key_id], "RS256", headers={"kid": key_id})


@contextmanager
def serving(issuer: Issuer) -> Iterator[Issuer]:
    """Serve an issuer's certificates during a block."""
    thread = serve(issuer.server)
    try:
        yield issuer
    finally:
        issuer.server.shutdown()
        thread.join()
        issuer.server.server_close()
