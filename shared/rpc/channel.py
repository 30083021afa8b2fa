"""gRPC calls to other services: methods by name, errors in both directions, one channel per service and process.

gRPC itself retries methods that their contract marks as idempotent (`option idempotency_level`) after UNAVAILABLE:
at most twice, with full-jitter backoff, within the call's deadline, and only while few calls fail (gRFC A6). A
server can forbid retries in its response. Nothing else is ever sent twice.
"""

import json
import re
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any, Final, TypeVar

import grpc
import msgspec
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from shared import errors
from shared.registry import load
from shared.resilience.breaker import Breaker
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES
from shared.telemetry.context import trace_context

CALLER: Final = "meridian-caller"
CELL: Final = "meridian-cell"
"""The cell that a call from another cell is for; a host of any other one refuses it."""
REQUEST_ID: Final = "x-request-id"
TRACEPARENT: Final = "traceparent"
CLIENT: Final = "x-client-address"
"""The network address of the original client, for rate limits."""

_ADDRESS: Final = re.compile(r"[0-9a-fA-F:.]+", re.ASCII)

TIMEOUT_SECONDS: Final = POLICIES["rpc"].timeout_seconds

RETRIES: Final = {
    "maxAttempts": 3,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
RECONNECTING: Final = (("grpc.initial_reconnect_backoff_ms", 250), ("grpc.max_reconnect_backoff_ms", 1000))
"""How soon another cell is dialled again; by default gRPC waits for up to two minutes, long after a link is back."""

BUDGET: Final = {"maxTokens": 10, "tokenRatio": 0.1}
"""A failure costs a token, a success earns a tenth; below half of the tokens nothing is retried."""

R = TypeVar("R", bound=Message)


class RpcMethod(msgspec.Struct, frozen=True):
    """A method of a contract: its path, request and response types, and whether it may be retried."""

    path: str
    request: type[Message]
    response: type[Message]
    repeatable: bool


def rpc_method(rpc: str) -> RpcMethod:
    """The method of a name such as `Wallet.PlaceHold`, from shared/contracts/wallet.proto. Raises LookupError."""
    service_name, method_name = rpc.split(".")
    module = import_module(f"shared.contracts.gen.{service_name.lower()}_pb2")
    service = module.DESCRIPTOR.services_by_name[service_name]
    method = service.methods_by_name[method_name]
    path = f"/{service.full_name}/{method_name}"
    repeatable = method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    return RpcMethod(path, GetMessageClass(method.input_type), GetMessageClass(method.output_type), repeatable)


@cache
def service_config(caller: str) -> str:
    """The retry configuration of gRPC (its service config, in JSON) for the methods that a service may call."""
    methods = [rpc_method(row.rpc) for row in load().rows.values() if row.rpc and caller in row.callers]
    known = [method.path for method in methods if method.repeatable]
    names = [dict(zip(("service", "method"), path.strip("/").split("/"), strict=True)) for path in known]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": RETRIES}], "retryThrottling": BUDGET})


class RpcChannel:
    """A channel to one service's RPC host, on behalf of another service."""

    def __init__(
        self,
        address: str,
        caller: str,
        breaker: Breaker | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        cell: str = "",
    ) -> None:
        """
        address: host:port.
        breaker: the service's.
        credentials: TLS and the caller's identity (service_identity.py); plaintext without them.
        cell: that of the host, if it is not the caller's own.
        """
        options = [("grpc.service_config", service_config(caller)), *(RECONNECTING if cell else ())]
        dial = partial(grpc.secure_channel, credentials=credentials) if credentials else grpc.insecure_channel
        self._channel = dial(address, options=options)
        self._breaker = breaker or Breaker(f"rpc {address}", POLICIES["rpc"])
        self._caller = caller
        self._cell = cell
        self._methods: dict[str, Callable[..., Any]] = {}

    def call(self, rpc: str, request: Message, answer: type[R], timeout_seconds: float = TIMEOUT_SECONDS) -> R:
        """Call a method by name, such as `Wallet.PlaceHold`, for no longer than one's own caller waits.

        Raises the error that the other side raised; CircuitOpen or Overloaded if it was not called at all; or
        Unavailable if the outcome is unknown.
        """
        with self._breaker.guard((), what=rpc) as guarded:
            seconds = time_for(timeout_seconds)
            try:
                return self._call(rpc, request, answer, seconds)
            except errors.MeridianError as error:
                if _failed(error, seconds):
                    guarded.mark_failed()
                raise
            finally:
                if timeout_seconds > TIMEOUT_SECONDS:
                    guarded.since = None  # a longer timeout means that the call is expected to be slow

    def _call(self, rpc: str, request: Message, answer: type[R], seconds: float) -> R:
        if rpc not in self._methods:
            method = rpc_method(rpc)
            self._methods[rpc] = self._channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        followed = trace_context()
        metadata = [(CALLER, self._caller), (REQUEST_ID, followed.request_id)]
        if followed.traceparent:
            metadata.append((TRACEPARENT, followed.traceparent))
        if self._cell:
            metadata.append((CELL, self._cell))
        if _ADDRESS.fullmatch(followed.client):
            metadata.append((CLIENT, followed.client))
        try:
            response = self._methods[rpc](request, timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            from shared.rpc.statuses import raised  # only a call that failed needs it

            raise raised(error, rpc) from error
        assert isinstance(response, answer)
        return response


def _failed(error: errors.MeridianError, seconds: float) -> bool:
    """Whether an error is the service's failure: not a refusal, nor the fault of a caller with hardly any time left.

    seconds: the call's timeout.
    """
    if isinstance(error.__cause__, grpc.RpcError) and error.__cause__.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return seconds >= POLICIES["rpc"].slow_seconds
    return isinstance(error, errors.Unavailable) or type(error) is errors.MeridianError
