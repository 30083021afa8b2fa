"""Transient failures of idempotent calls are retried; in the cloud, calls carry the caller's token."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.auth.service_identity import HEADER, channel_credentials
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse
from shared.errors import MeridianError, NotFound, Refusal, Unavailable
from shared.registry import Row, load
from shared.resilience.breaker import CALLS_AT_LEAST
from shared.resilience.not_permitted import CircuitOpen
from shared.rpc.channel import CALLER, RpcChannel, rpc_method
from shared.runtime.binding import BoundOperation
from shared.runtime.rpc import server
from shared.runtime.rpc_caller import claimed_caller

ONCE = {"Identity.VerifyLink", "Events.Redrive", "Supply.GrantUnits", "Supply.RequestUnits"}
"""What may not be sent twice: a nonce is used up by the first, the second would tell of nothing released, and a hint
that is repeated could be answered twice."""


class Failing:
    """A host whose operation fails some times before it answers."""

    def __init__(self, times: int, error: MeridianError) -> None:
        self.attempts = 0
        self._times = times
        self._error = error

    def describe(self, request: DescribeRequest) -> DescribeResponse:
        self._answer()
        return DescribeResponse()

    def verify(self, request: VerifyLinkRequest) -> VerifyLinkResponse:
        self._answer()
        return VerifyLinkResponse()

    def _answer(self) -> None:
        self.attempts += 1
        if self.attempts <= self._times:
            raise self._error


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What is to end with the test."""
    with ExitStack() as stack:
        yield stack


@contextmanager
def serving(rpc: str, operation: Any) -> Iterator[RpcChannel]:
    """A host of one operation, and a channel to it."""
    known = next(row for row in load().rows.values() if row.rpc == rpc)
    row = Row(service=known.service, name=known.name, rpc=rpc, callers=["order"], transaction="none")

    def nothing(*_: object) -> Any:
        raise AssertionError("this operation asks for no work")

    running, port = server([BoundOperation(row, operation, nothing, nothing)], 0, "127.0.0.1", claimed_caller)
    running.start()
    try:
        yield RpcChannel(f"127.0.0.1:{port}", "order")
    finally:
        running.stop(grace=0).wait()


def describe(channel: RpcChannel, seconds: float = 20) -> DescribeResponse:
    return channel.call("Wallet.Describe", DescribeRequest(), DescribeResponse, seconds)


def test_what_may_be_repeated_is(ends: ExitStack) -> None:
    """A host that is unavailable twice, as during its start, is called three times; the caller gets a response."""
    host = Failing(2, Unavailable("not yet"))
    assert describe(ends.enter_context(serving("Wallet.Describe", host.describe))) == DescribeResponse()
    assert host.attempts == 3


@pytest.mark.parametrize("error", [NotFound(), Refusal(code="SOLD_OUT"), MeridianError()], ids=lambda e: e.code)
def test_a_refusal_and_a_defect_are_answers(error: MeridianError, ends: ExitStack) -> None:
    """They would be the same the next time."""
    host = Failing(100, error)
    with pytest.raises(type(error)):
        describe(ends.enter_context(serving("Wallet.Describe", host.describe)))
    assert host.attempts == 1


def test_what_may_happen_once_is_sent_once(ends: ExitStack) -> None:
    """Its contract calls it neither free of effects nor idempotent."""
    host = Failing(100, Unavailable())
    channel = ends.enter_context(serving("Identity.VerifyLink", host.verify))
    with pytest.raises(Unavailable):
        channel.call("Identity.VerifyLink", VerifyLinkRequest(), VerifyLinkResponse)
    assert host.attempts == 1


def test_contracts_say_what_may_be_repeated() -> None:
    """Every RPC but these few is a read, or a command that carries an id."""
    rpcs = {row.rpc for row in load().rows.values() if row.rpc}
    assert {rpc for rpc in rpcs if not rpc_method(rpc).repeatable} == ONCE


def test_repeats_have_a_budget(ends: ExitStack) -> None:
    """A host that keeps failing does not get three times the calls."""
    host = Failing(10_000, Unavailable())
    channel = ends.enter_context(serving("Wallet.Describe", host.describe))
    calls = CALLS_AT_LEAST - 1
    for _ in range(calls):
        with pytest.raises(Unavailable):
            describe(channel)
    assert calls < host.attempts <= calls + 5


def test_a_retry_after_is_honoured(ends: ExitStack) -> None:
    """A host whose dependency's breaker is open is called once, and the caller gets the wait."""
    host = Failing(100, CircuitOpen("The database is left alone.", wait_seconds=4.2))
    with pytest.raises(Unavailable) as raised:
        describe(ends.enter_context(serving("Wallet.Describe", host.describe)))
    assert (host.attempts, raised.value.wait_seconds) == (1, 5)


def test_failures_open_the_breaker_and_refusals_do_not(ends: ExitStack) -> None:
    """After 20 calls that failed nothing is sent; 20 refusals are 20 answers."""
    refusing = Failing(10_000, NotFound())
    channel = ends.enter_context(serving("Wallet.Describe", refusing.describe))
    for _ in range(2 * CALLS_AT_LEAST):
        with pytest.raises(NotFound):
            describe(channel)
    failing = Failing(10_000, Unavailable())
    channel = ends.enter_context(serving("Wallet.Describe", failing.describe))
    for _ in range(CALLS_AT_LEAST):
        with pytest.raises(Unavailable):
            describe(channel)
    attempts = failing.attempts
    with pytest.raises(CircuitOpen):
        describe(channel)
    assert failing.attempts == attempts


# In the cloud


class Token:
    """An ID token as google-auth keeps it."""

    def __init__(self) -> None:
        self.valid = False
        self.token = ""
        self.refreshed = 0

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.valid, self.token = True, f"token-{self.refreshed}"


def certificate() -> tuple[bytes, bytes]:
    """A key and a certificate of localhost that nobody else has signed, in PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), made.public_bytes(Encoding.PEM)


@pytest.fixture
def secure() -> Iterator[tuple[str, bytes, list[dict[str, str]]]]:
    """A host behind TLS: its address, its certificate, and the metadata of the calls that it had."""
    key, own = certificate()
    seen: list[dict[str, str]] = []

    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append({name: str(value) for name, value in context.invocation_metadata()})
        return b""

    path = rpc_method("Wallet.Describe").path.strip("/").split("/")
    handlers = {path[1]: grpc.unary_unary_rpc_method_handler(answer)}
    running = grpc.server(futures.ThreadPoolExecutor(2))
    running.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(path[0], handlers),))
    port = running.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, own)]))
    running.start()
    yield f"localhost:{port}", own, seen
    running.stop(grace=0).wait()


def test_a_call_carries_a_fresh_token(secure: tuple[str, bytes, list[dict[str, str]]]) -> None:
    """Over TLS, beside the caller's name; issued for the host, cached while valid, then refreshed."""
    address, trusted, seen = secure
    token, audiences = Token(), []

    def fetch(audience: str) -> Token:
        audiences.append(audience)
        return token

    channel = RpcChannel(address, "order", credentials=channel_credentials(address, fetch, trusted))
    describe(channel)
    describe(channel)
    token.valid = False
    describe(channel)
    assert [each[HEADER] for each in seen] == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert {each[CALLER] for each in seen} == {"order"}
    assert audiences == ["https://localhost"]


def test_without_a_token_nothing_is_called(secure: tuple[str, bytes, list[dict[str, str]]]) -> None:
    """Where the token is not to be had for the moment the call is Unavailable, and was not made."""
    address, trusted, seen = secure

    def fetch(_: str) -> Token:
        raise OSError("no metadata server")

    channel = RpcChannel(address, "order", credentials=channel_credentials(address, fetch, trusted))
    with pytest.raises(Unavailable):
        describe(channel)
    assert seen == []


def test_a_host_that_nobody_vouches_for_is_not_called(secure: tuple[str, bytes, list[dict[str, str]]]) -> None:
    """A certificate of another authority ends the connection before the token is sent."""
    address, _, seen = secure
    channel = RpcChannel(address, "order", credentials=channel_credentials(address, lambda _: Token()))
    with pytest.raises(Unavailable):
        describe(channel, seconds=5)
    assert seen == []
