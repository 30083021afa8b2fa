"""Calls between services on a real gRPC server: errors are mapped, unknown callers refused, hung calls time out."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from emulators.waiting import until
from shared import errors
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse
from shared.registry import Row, load
from shared.resilience.deadline import time_for
from shared.rpc.channel import CALLER, RpcChannel, rpc_method
from shared.rpc.statuses import STATUS
from shared.runtime.binding import BoundOperation
from shared.runtime.rpc import SINGLE, server
from shared.runtime.rpc_caller import CallerIdentifier, claimed_caller
from shared.telemetry.context import bind, trace_context

Operation = Callable[[DescribeRequest], DescribeResponse]

CALLERS = ["order", "supply"]


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What is to end with the test."""
    with ExitStack() as stack:
        yield stack


@contextmanager
def serving(operation: Any, calling: CallerIdentifier = claimed_caller, gate: Any = None, **how: Any) -> Iterator[int]:
    """A host that answers Wallet.Describe with an operation; the port where it listens. gate: what a grant waits at."""
    row = Row(service="wallet", name="describe_wallets", rpc="Wallet.Describe", callers=CALLERS, transaction="none")
    if gate:
        row.gate = "grant"

    def nothing(*_: object) -> Any:
        raise AssertionError("this operation asks for no work")

    bound = BoundOperation(row, operation, nothing, nothing, gate=lambda: gate)
    running, port = server([bound], 0, "127.0.0.1", calling, **how)
    running.start()
    try:
        yield port
    finally:
        running.stop(grace=0).wait()


@pytest.fixture
def host(ends: ExitStack) -> Callable[[Operation], int]:
    """Starts a host that lives as long as the test."""
    return lambda operation: ends.enter_context(serving(operation))


def call(port: int, caller: str = "order", **options: Any) -> DescribeResponse:
    """Call Wallet.Describe."""
    request = DescribeRequest(wallet_ids=["wal_us_1", "wal_us_2"])
    return RpcChannel(f"127.0.0.1:{port}", caller).call("Wallet.Describe", request, DescribeResponse, **options)


def echo(request: DescribeRequest) -> DescribeResponse:
    """Every requested wallet."""
    return DescribeResponse(wallets=[DescribeResponse.Wallet(wallet_id=each) for each in request.wallet_ids])


def test_a_call_is_answered(host: Callable[[Operation], int]) -> None:
    """The operation gets the request as it was sent, and the caller its answer."""
    assert [wallet.wallet_id for wallet in call(host(echo)).wallets] == ["wal_us_1", "wal_us_2"]


@pytest.mark.parametrize(
    "error",
    [
        errors.Malformed("not a wallet: ключ", field="wallet_id"),
        errors.Unauthenticated(),
        errors.Forbidden("not yours"),
        errors.NotFound("There is no such wallet."),
        errors.Refusal("Less is available.", code="INSUFFICIENT_FUNDS"),
        errors.Contended(),
        errors.Unavailable("The database is not available."),
        errors.Unavailable("later", code="ORDER_PENDING"),
        errors.MeridianError("Something went wrong on our side."),
    ],
    ids=lambda error: error.code,
)
def test_an_error_arrives_as_it_was_raised(error: errors.MeridianError, host: Callable[[Operation], int]) -> None:
    """With its type, stable code and detail, so that a caller can distinguish a refusal from an outage."""

    def fail(_: DescribeRequest) -> DescribeResponse:
        raise error

    def handler(request: DescribeRequest) -> DescribeResponse:
        return fail(request)

    with pytest.raises(errors.MeridianError) as raised:
        call(host(handler))
    assert type(raised.value) is type(error)
    assert (raised.value.code, raised.value.detail) == (error.code, error.detail)


def test_a_limit_arrives_with_its_wait(host: Callable[[Operation], int]) -> None:
    """A limit behind another service arrives with its wait, as if the user had called it directly."""

    def handler(request: DescribeRequest) -> DescribeResponse:
        raise errors.Limited(6.2)

    with pytest.raises(errors.Limited) as raised:
        call(host(handler))
    assert (raised.value.code, raised.value.wait_seconds) == ("RATE_LIMITED", 7)


@pytest.mark.parametrize(
    ("client", "seen"), [("203.0.113.9", "203.0.113.9"), ("2001:db8::", "2001:db8::"), ("é\n", "")]
)
def test_the_network_address_is_passed_on(client: str, seen: str, host: Callable[[Operation], int]) -> None:
    """The network address is passed on, for limits further in; an invalid one, which could break a header, is not."""
    found: list[str] = []

    def handler(request: DescribeRequest) -> DescribeResponse:
        found.append(trace_context().client)
        return echo(request)

    bind("req-1", None, client)
    call(host(handler))
    assert found == [seen]


def test_a_services_own_refusal_arrives_as_a_refusal(host: Callable[[Operation], int]) -> None:
    """A class that the caller does not have arrives as the nearest one that all share, with its code."""

    class BalanceTooLow(errors.Refusal):
        """Too low."""

        code = "BALANCE_TOO_LOW"

    def handler(request: DescribeRequest) -> DescribeResponse:
        raise BalanceTooLow

    with pytest.raises(errors.Refusal) as raised:
        call(host(handler))
    assert (raised.value.code, raised.value.detail) == ("BALANCE_TOO_LOW", "Too low.")


def test_every_error_has_a_status() -> None:
    """Each kind travels under a status of its own, so that it is the same kind on the other side."""
    assert len(set(STATUS.values())) == len(STATUS)


def test_a_defect_tells_nothing(host: Callable[[Operation], int]) -> None:
    """Internal errors stay internal: the caller learns only that it is not at fault."""

    def handler(request: DescribeRequest) -> DescribeResponse:
        raise RuntimeError("the password is 1234")

    with pytest.raises(errors.MeridianError) as raised:
        call(host(handler))
    assert type(raised.value) is errors.MeridianError
    assert (raised.value.code, raised.value.detail) == ("INTERNAL", "Something went wrong on our side.")


@pytest.mark.parametrize("caller", ["claiming", "wallet", "Order", "order ", "platform", ""])
def test_a_caller_that_is_not_in_the_row_is_refused(caller: str, host: Callable[[Operation], int]) -> None:
    """Before the operation is called; only the row's callers may."""
    called: list[object] = []

    def handler(request: DescribeRequest) -> DescribeResponse:
        called.append(request)
        return echo(request)

    port = host(handler)
    with pytest.raises(errors.Forbidden, match=r"Wallet\.Describe is not for"):
        call(port, caller)
    assert called == []
    for allowed in CALLERS:
        assert call(port, allowed).wallets


def test_a_call_for_another_cell_is_refused(ends: ExitStack) -> None:
    """Whoever serves us must not answer for eu, whatever an address says; it does for us and its own cell."""
    port = ends.enter_context(serving(echo, cell="us"))
    request = DescribeRequest(wallet_ids=["wal_us_1"])
    for cell in ("us", ""):
        channel = RpcChannel(f"127.0.0.1:{port}", "order", cell=cell)
        assert channel.call("Wallet.Describe", request, DescribeResponse).wallets
    other = RpcChannel(f"127.0.0.1:{port}", "order", cell="eu")
    with pytest.raises(errors.Unavailable, match="The cell eu cannot be reached") as raised:
        other.call("Wallet.Describe", request, DescribeResponse)
    assert raised.value.code == errors.CellUnreachable.code


def test_an_answer_that_others_act_on_waits_at_the_gate(ends: ExitStack) -> None:
    """What the operation has done stays done; its answer is told only once it is where the cell may be promoted."""
    done: list[str] = []

    class Behind:
        def wait(self, kind: str) -> None:
            done.append(f"{kind} waits")
            raise errors.Unavailable("the standby is behind")

    def grant(request: DescribeRequest) -> DescribeResponse:
        done.append("granted")
        return echo(request)

    port = ends.enter_context(serving(grant, gate=Behind()))
    with pytest.raises(errors.Unavailable, match="the standby is behind"):
        call(port)
    assert done[:2] == ["granted", "grant waits"]


def test_a_caller_without_a_name_is_refused(host: Callable[[Operation], int]) -> None:
    """No metadata, no answer."""
    method = rpc_method("Wallet.Describe")
    with grpc.insecure_channel(f"127.0.0.1:{host(echo)}") as channel:
        ask = channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        with pytest.raises(grpc.RpcError) as refused:
            ask(DescribeRequest(), timeout=5)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_the_trail_goes_along(host: Callable[[Operation], int]) -> None:
    """The request's id and traceparent are at work on the other side too, each call under its own."""
    seen: list[tuple[str, str]] = []

    def handler(request: DescribeRequest) -> DescribeResponse:
        seen.append((trace_context().request_id, trace_context().traceparent))
        return echo(request)

    port = host(handler)
    traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for request_id, traceparent in (("request-1", traced), ("request-2", "")):
        bind(request_id, traceparent)
        call(port)
    assert seen == [("request-1", traced), ("request-2", "")]


# Silence


def test_nobody_is_unavailable(host: Callable[[Operation], int]) -> None:
    """A host that is not there costs its caller a moment; when it is back, the same channel reaches it."""
    with serving(echo) as port:
        channel = RpcChannel(f"127.0.0.1:{port}", "order")
        assert channel.call("Wallet.Describe", DescribeRequest(), DescribeResponse) == DescribeResponse()
    began = time.monotonic()
    with pytest.raises(errors.Unavailable, match=r"Wallet\.Describe did not answer"):
        channel.call("Wallet.Describe", DescribeRequest(), DescribeResponse)
    assert time.monotonic() - began < 5


def test_silence_is_unavailable(host: Callable[[Operation], int]) -> None:
    """A host that does not answer in time is given up; what became of the call is not known."""
    answer = threading.Event()

    def handler(request: DescribeRequest) -> DescribeResponse:
        answer.wait(10)
        return echo(request)

    port = host(handler)
    began = time.monotonic()
    with pytest.raises(errors.Unavailable):
        call(port, timeout_seconds=0.2)
    assert time.monotonic() - began < 5
    answer.set()


def test_a_call_in_a_call_has_no_more_time_than_its_caller(host: Callable[[Operation], int]) -> None:
    """A host calls another: the deadline passed on is that of the first caller, not the default."""
    remaining: list[float] = []

    def inner(request: DescribeRequest) -> DescribeResponse:
        remaining.append(time_for(1000))
        return echo(request)

    behind = host(inner)
    call(host(lambda request: call(behind, timeout_seconds=500)), timeout_seconds=20)
    call(behind, timeout_seconds=30)
    # gRPC rounds timeouts up on the wire, by less than one part in twenty.
    assert 10 < remaining[0] <= 21 < remaining[1] <= 31.5
    assert time_for(1000) == 1000, "what has no caller has all the time"


def test_a_host_that_dies_in_a_call_is_unavailable() -> None:
    """The caller gets the error immediately, and does not wait for its deadline."""
    begun, answer = threading.Event(), threading.Event()

    def handler(request: DescribeRequest) -> DescribeResponse:
        begun.set()
        answer.wait(10)
        return echo(request)

    raised: list[BaseException] = []
    with serving(handler) as port:

        def ask() -> None:
            try:
                call(port, timeout_seconds=30)
            except errors.MeridianError as error:
                raised.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(5)
        threading.Timer(0.2, answer.set).start()
    asking.join(5)
    assert not asking.is_alive()
    assert [type(error) for error in raised] == [errors.Unavailable]


def test_a_method_that_a_host_lacks_is_unavailable(host: Callable[[Operation], int]) -> None:
    """During a release an old host may not know a new call: that is no refusal."""
    from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest, PlaceHoldResponse

    channel = RpcChannel(f"127.0.0.1:{host(echo)}", "order")
    with pytest.raises(errors.Unavailable):
        channel.call("Wallet.PlaceHold", PlaceHoldRequest(), PlaceHoldResponse)


def test_a_host_says_that_it_is_well(host: Callable[[Operation], int]) -> None:
    """The health service responds, which deployments wait for."""
    with grpc.insecure_channel(f"127.0.0.1:{host(echo)}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_host_says_what_it_offers() -> None:
    """Reflection lists the services of the host's rows, so that a tool can call them without our contracts."""
    with serving(echo, reflects=True) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        known = ProtoReflectionDescriptorDatabase(channel)
        assert {"meridian.wallet.v1.Wallet", "grpc.health.v1.Health"} <= set(known.get_services())
        described = known.FindFileContainingSymbol("meridian.wallet.v1.Wallet")
    assert "Describe" in [method.name for method in described.service[0].method]


def test_a_host_tells_strangers_nothing(host: Callable[[Operation], int]) -> None:
    """Reflection is off unless enabled, as on the local stack; the health service is on."""
    with grpc.insecure_channel(f"127.0.0.1:{host(echo)}") as channel:
        with pytest.raises(grpc.RpcError) as raised:
            ProtoReflectionDescriptorDatabase(channel).get_services()
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_who_calls_is_what_the_host_believes(ends: ExitStack) -> None:
    """The authenticated caller, not the one in the metadata, is compared with the row's callers."""
    port = ends.enter_context(serving(echo, lambda sent: sent["account"]))
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = rpc_method("Wallet.Describe")
        ask = channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        assert ask(DescribeRequest(), metadata=((CALLER, "claiming"), ("account", "order")), timeout=5) is not None
        with pytest.raises(grpc.RpcError) as raised:
            ask(DescribeRequest(), metadata=((CALLER, "order"), ("account", "claiming")), timeout=5)
        assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_every_row_has_a_contract(subtests: pytest.Subtests) -> None:
    """Its path, request and response are those of the .proto."""
    for row in [row for row in load().rows.values() if row.rpc]:
        with subtests.test(row=row.name):
            found = rpc_method(row.rpc or "")
            assert found.path.endswith("." + (row.rpc or "").replace(".", "/"))


@pytest.mark.parametrize("rpc", ["Wallet.Steal", "Purse.Describe"])
def test_a_call_without_a_contract_is_a_defect(rpc: str) -> None:
    """There is nothing to call."""
    with pytest.raises((LookupError, ImportError)):
        rpc_method(rpc)


@pytest.mark.parametrize("name", sorted(SINGLE))
@pytest.mark.parametrize("second", ["supply", "order", ""])
def test_metadata_with_one_value_is_sent_once(name: str, second: str, host: Callable[[Operation], int]) -> None:
    """Duplicate caller or request-id metadata is refused: neither the first nor the last counts."""
    sent = {CALLER: "order", **({name: "one"} if name != CALLER else {})}
    with grpc.insecure_channel(f"127.0.0.1:{host(echo)}") as channel:
        method = rpc_method("Wallet.Describe")
        ask = channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        assert ask(DescribeRequest(), metadata=tuple(sent.items()), timeout=5) == DescribeResponse()
        with pytest.raises(grpc.RpcError) as raised:
            ask(DescribeRequest(), metadata=(*sent.items(), (name, second)), timeout=5)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "more than once" in raised.value.details()


def test_a_host_that_drains_says_so_and_finishes(ends: ExitStack) -> None:
    """Its health turns NOT_SERVING at once while calls are still taken; the one in flight is answered."""
    entered, may_end = threading.Event(), threading.Event()

    def slow(request: DescribeRequest) -> DescribeResponse:
        entered.set()
        assert may_end.wait(20)
        return echo(request)

    row = Row(service="wallet", name="describe_wallets", rpc="Wallet.Describe", callers=CALLERS, transaction="none")
    bound = BoundOperation(row, slow, Exception, Exception)  # type: ignore[arg-type]
    running, port = server([bound], 0, "127.0.0.1", claimed_caller)
    running.start()
    ends.callback(lambda: running.stop(grace=0).wait())
    channel = ends.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    with ThreadPoolExecutor(2) as threads:
        answer = threads.submit(call, port, timeout_seconds=20)
        assert entered.wait(20)
        drained = threads.submit(running.drain, 1.0)
        until(
            lambda: health.Check(health_pb2.HealthCheckRequest()).status,
            lambda status: status == health_pb2.HealthCheckResponse.NOT_SERVING,
        )
        assert not drained.done()
        may_end.set()
        assert len(answer.result(20).wallets) == 2
        drained.result(20)
    with pytest.raises(grpc.RpcError):
        health.Check(health_pb2.HealthCheckRequest(), timeout=2)
