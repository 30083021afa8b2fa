"""Calls to other services over gRPC: contracts by name, errors both ways, one channel a service and process."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from shared import errors
from shared.resilience.deadline import time_for
from shared.telemetry.context import trail

CALLER: Final = "meridian-caller"
REQUEST_ID: Final = "x-request-id"
TRACEPARENT: Final = "traceparent"

TIMEOUT_SECONDS: Final = 2.0

R = TypeVar("R", bound=Message)

STATUS: Final[dict[type[errors.MeridianError], int]] = {
    errors.Malformed: code_pb2.INVALID_ARGUMENT,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.Forbidden: code_pb2.PERMISSION_DENIED,
    errors.NotFound: code_pb2.NOT_FOUND,
    errors.Refusal: code_pb2.FAILED_PRECONDITION,
    errors.Contended: code_pb2.ABORTED,
    errors.Unavailable: code_pb2.UNAVAILABLE,
    errors.MeridianError: code_pb2.INTERNAL,
}
"""How errors travel; the most special class that fits."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A method of a contract: its path, and the types of its request and response."""

    path: str
    request: type[Message]
    response: type[Message]


def contract(rpc: str) -> Contract:
    """The contract of `Wallet.PlaceHold`, from shared/contracts/wallet.proto. Raises LookupError."""
    service_name, method_name = rpc.split(".")
    module = import_module(f"shared.contracts.gen.{service_name.lower()}_pb2")
    service = module.DESCRIPTOR.services_by_name[service_name]
    method = service.methods_by_name[method_name]
    path = f"/{service.full_name}/{method_name}"
    return Contract(path, GetMessageClass(method.input_type), GetMessageClass(method.output_type))


class RpcChannel:
    """A channel to one service's RPC host, on behalf of another service."""

    def __init__(self, address: str, caller: str) -> None:
        self._channel = grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)])
        self._caller = caller
        self._methods: dict[str, Callable[..., Any]] = {}

    def call(self, rpc: str, request: Message, answer: type[R], timeout_seconds: float = TIMEOUT_SECONDS) -> R:
        """Call a method by its row's name, such as `Wallet.PlaceHold`, for no longer than one's own caller waits.

        Raises the error that the other side raised, or Unavailable when it is not known what became of the call.
        """
        if rpc not in self._methods:
            method = contract(rpc)
            self._methods[rpc] = self._channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        followed = trail()
        metadata = [(CALLER, self._caller), (REQUEST_ID, followed.request_id)]
        if followed.traceparent:
            metadata.append((TRACEPARENT, followed.traceparent))
        try:
            response = self._methods[rpc](request, timeout=time_for(timeout_seconds), metadata=metadata)
        except grpc.RpcError as error:
            raise _raised(error, rpc) from error
        assert isinstance(response, answer)
        return response


def failure(error: errors.MeridianError) -> Any:
    """An error as a gRPC status whose details carry its code."""
    code = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.code, domain="meridian"))
    return rpc_status.to_status(status_pb2.Status(code=code, message=error.detail, details=[info]))


def _raised(error: grpc.RpcError, rpc: str) -> errors.MeridianError:
    """The project's error for a failed call; without our details it is Unavailable, its outcome unknown."""
    status = rpc_status.from_call(error)
    if status is None or not status.details:
        return errors.Unavailable(f"{rpc} did not answer.")
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    kinds = {code: kind for kind, code in STATUS.items()}
    return kinds.get(status.code, errors.Unavailable)(status.message, code=info.reason)
