"""Serves a service's RPC operations over gRPC, from their registry rows and .proto contracts."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shared.auth.service_identity import HEADER
from shared.errors import CellUnreachable, Forbidden, MeridianError
from shared.registry import Row
from shared.resilience.deadline import within
from shared.rpc.batching import BatchedOperation
from shared.rpc.channel import CALLER, CELL, CLIENT, REQUEST_ID, TRACEPARENT, rpc_method
from shared.rpc.statuses import failure
from shared.runtime.binding import BoundOperation
from shared.runtime.request_headers import refuse_repeated
from shared.runtime.rpc_caller import AUTHORIZATION, CallerIdentifier
from shared.telemetry.context import bind
from shared.telemetry.metrics import observe
from shared.telemetry.spans import Span

log = logging.getLogger(__name__)

THREADS: Final = 16

LINGER_SECONDS: Final = 2.0
"""How long a host takes calls after its health has turned NOT_SERVING: so long clients and balancers take to notice."""

GRACE_SECONDS: Final = 5.0
"""How long calls in flight may take after that."""

SINGLE: Final = frozenset({CALLER, CELL, REQUEST_ID, CLIENT, HEADER, AUTHORIZATION})
"""The single-valued metadata that is read. gRPC itself sends one traceparent."""


class RpcServer:
    """A gRPC server with the standard health service (grpc.health.v1)."""

    def __init__(self, serving: grpc.Server, health_service: health.HealthServicer) -> None:
        self._serving = serving
        self._health = health_service

    def start(self) -> None:
        """Begin to serve."""
        self._serving.start()

    def stop(self, grace: float) -> threading.Event:
        """Take no more calls. Returns what is set when those in flight have ended, after `grace` seconds at most."""
        ended: threading.Event = self._serving.stop(grace)
        return ended

    def drain(self, linger_seconds: float) -> None:
        """Report NOT_SERVING, take calls for a while yet, then finish those in flight."""
        self._health.enter_graceful_shutdown()
        threading.Event().wait(linger_seconds)
        self.stop(GRACE_SECONDS).wait()


def server(
    bounds: Sequence[BoundOperation],
    port: int,
    host: str,
    identify: CallerIdentifier,
    *,
    cell: str | None = None,
    reflects: bool = False,
) -> tuple[RpcServer, int]:
    """A gRPC server of these operations, with health checks. Returns it, not started, and its port.

    identify: identifies the caller. cell: the one that it serves; calls for others are refused. reflects: whether
    server reflection is enabled.
    """
    serving = grpc.server(futures.ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
    for bound in bounds:
        method = rpc_method(bound.row.rpc or "")
        handler = grpc.unary_unary_rpc_method_handler(
            _handler(bound, identify, cell),
            request_deserializer=method.request.FromString,
            response_serializer=_serialized,
        )
        service, name = method.path.strip("/").split("/")
        serving.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    services = {rpc_method(bound.row.rpc or "").path.split("/")[1] for bound in bounds}
    healthy = health.HealthServicer()
    for service in ("", *services):
        healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, serving)
    if reflects:
        names = [*sorted(services), health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, serving)
    return RpcServer(serving, healthy), serving.add_insecure_port(f"{host}:{port}")


def _serialized(response: Message) -> bytes:
    return response.SerializeToString()


def _handler(
    bound: BoundOperation, identify: CallerIdentifier, cell: str | None
) -> Callable[[Message, grpc.ServicerContext], Any]:
    """A gRPC handler that calls an operation. Errors travel as status details that carry their code."""
    operation = BatchedOperation(bound, bound.row.batch) if bound.row.batch else bound

    def handle(request: Message, context: grpc.ServicerContext) -> Any:
        metadata = [(key, str(value)) for key, value in context.invocation_metadata() or ()]
        sent = dict(metadata)
        bind(sent.get(REQUEST_ID), sent.get(TRACEPARENT), sent.get(CLIENT, ""))
        began, outcome = time.monotonic(), "OK"
        try:
            refuse_repeated(metadata, SINGLE)
            _authorise(bound.row, identify(sent))
            _check_cell(sent.get(CELL), cell)
            with within(context.time_remaining()), Span(bound.row.rpc or "", "server"):
                answer = operation.run(request=request)
                bound.let_out()
                return answer
        except MeridianError as error:
            outcome = error.code
            context.abort_with_status(failure(error))
        except Exception:
            outcome = MeridianError.code
            log.exception("%s failed", bound.row.rpc)
            context.abort_with_status(failure(MeridianError("Something went wrong on our side.")))
        finally:
            observe("rpc", bound.row.name, outcome, time.monotonic() - began)

    return handle


def _check_cell(wanted: str | None, cell: str | None) -> None:
    """Refuse what is for another cell, as after a change of addresses: ids alone do not say whose store is meant."""
    if wanted is not None and cell is not None and wanted != cell:
        raise CellUnreachable(wanted)


def _authorise(row: Row, caller: str) -> None:
    if caller not in row.callers:
        raise Forbidden(f"{row.rpc} is not for {caller or 'an unnamed caller'}.")
