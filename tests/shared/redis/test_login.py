"""In the cloud Redis is reached over TLS, with the service account's token as the password."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.auth.exceptions import RefreshError
from msgspec.structs import replace
from redis import Redis

from shared import google_account
from shared.config import Settings
from shared.errors import Unavailable
from shared.redis.login import login
from shared.resources import Resources
from tests.valkey import Valkey, valkey


def authority(folder: Path, name: str) -> tuple[Path, Path]:
    """Files with an authority's certificate, and with a key and a certificate of a node that it has signed."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, "node")]
    now = datetime.now(UTC)
    signed = []
    for key, subject, is_authority in ((keys[0], names[0], True), (keys[1], names[1], False)):
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(names[0]).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        made = made.not_valid_after(now + timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        signed.append(made.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate, node = folder / f"{name}.pem", folder / f"{name}-node.pem"
    certificate.write_bytes(signed[0])
    node.write_bytes(private + signed[1])
    return certificate, node


@contextmanager
def behind_tls(server: Valkey, node: Path) -> Iterator[int]:
    """A port where a server is reached over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(node)
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, to: socket.socket) -> None:
        with ExitStack() as ending:
            ending.callback(to.close)
            ending.enter_context(source)
            try:
                while data := source.recv(65536):
                    to.sendall(data)
            except OSError:
                return  # either side has closed it

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                secured = context.wrap_socket(client, server_side=True)
            except OSError:
                client.close()  # the client refuses the certificate
                continue
            onward = socket.create_connection(("127.0.0.1", server.port))
            for ends in ((secured, onward), (onward, secured)):
                threading.Thread(target=copy, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with closing(listener):
        yield listener.getsockname()[1]


class Account:
    """A service account whose tokens a test decides on."""

    valid = True

    def __init__(self) -> None:
        self.token = "the first token"

    def refresh(self, _: object) -> None:
        raise RefreshError("the metadata server is down")  # type: ignore[no-untyped-call]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """The process's account."""
    account = Account()
    monkeypatch.setattr(google_account, "_credentials", lambda: account)
    return account


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server that asks for a password."""
    with valkey() as server:
        yield server


def cloud(settings: Settings, port: int, certificate: Path) -> Resources:
    """The resources of a process in the cloud, whose authorities are mounted as Cloud Run does."""
    mounted = certificate.parent / "secrets" / "redis_ca"
    mounted.mkdir(parents=True, exist_ok=True)
    (mounted / "value").write_bytes(certificate.read_bytes())
    url = f"rediss://127.0.0.1:{port}"
    return Resources(replace(settings, environment="production", redis_url=url, secrets_dir=mounted.parent))


def test_a_connection_brings_the_token_of_its_time(
    settings: Settings, server: Valkey, account: Account, tmp_path: Path
) -> None:
    """A later connection logs in with a later token; without a token there is no connection."""
    certificate, node = authority(tmp_path, "ours")
    with behind_tls(server, node) as port, Redis(port=server.port) as direct:
        direct.config_set("requirepass", account.token)
        pipeline = cloud(settings, port, certificate).pipeline()
        assert pipeline.execute([("SET", "key", "value"), ("GET", "key")]) == [b"OK", b"value"]
        direct.execute_command("AUTH", account.token)
        account.token = "the second token"
        direct.config_set("requirepass", account.token)
        direct.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert pipeline.execute([("GET", "key")]) == [b"value"]
        account.valid = False
        direct.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(Unavailable):
            pipeline.execute([("GET", "key")])


def test_a_node_of_another_authority_is_not_trusted(
    settings: Settings, server: Valkey, account: Account, tmp_path: Path
) -> None:
    """Whoever answers in its place gets no token."""
    certificate, _ = authority(tmp_path, "ours")
    _, foreign = authority(tmp_path, "theirs")
    with behind_tls(server, foreign) as port, pytest.raises(Unavailable):
        cloud(settings, port, certificate).pipeline().execute([("GET", "key")])


def test_the_local_stack_has_no_users() -> None:
    """Its Redis takes neither a token nor TLS."""
    local: Settings = SimpleNamespace(local=True)  # type: ignore[assignment]
    assert login(local) == {}
