"""The project's errors as gRPC statuses with details, and back."""

from math import ceil
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from shared import errors

PUSHBACK: Final = "grpc-retry-pushback-ms"
"""The trailer by which a server says when to retry; a negative number forbids it."""

STATUS: Final[dict[type[errors.MeridianError], int]] = {
    errors.Malformed: code_pb2.INVALID_ARGUMENT,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.Forbidden: code_pb2.PERMISSION_DENIED,
    errors.NotFound: code_pb2.NOT_FOUND,
    errors.Refusal: code_pb2.FAILED_PRECONDITION,
    errors.Contended: code_pb2.ABORTED,
    errors.Limited: code_pb2.RESOURCE_EXHAUSTED,
    errors.Unavailable: code_pb2.UNAVAILABLE,
    errors.MeridianError: code_pb2.INTERNAL,
}
"""The gRPC status of errors; the nearest class in the hierarchy counts."""


def failure(error: errors.MeridianError) -> Any:
    """An error as a gRPC status with its code in the details."""
    code = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.code, domain="meridian"))
    details = [info]
    if isinstance(error, errors.CallNotPermitted | errors.Limited):
        wait = any_pb2.Any()
        wait.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=ceil(error.wait_seconds))))
        details.append(wait)
    status = rpc_status.to_status(status_pb2.Status(code=code, message=error.detail, details=details))
    if isinstance(error, errors.CallNotPermitted):
        status = status._replace(trailing_metadata=(*status.trailing_metadata, (PUSHBACK, "-1")))
    return status


def raised(error: grpc.RpcError, rpc: str) -> errors.MeridianError:
    """The project's error for a failed call; without our details it is Unavailable, with an unknown outcome."""
    status = rpc_status.from_call(error)
    if status is None or not status.details:
        return errors.Unavailable(f"{rpc} did not answer.")
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    kind = next((kind for kind, code in STATUS.items() if code == status.code), errors.Unavailable)
    wait = error_details_pb2.RetryInfo()
    has_wait = len(status.details) > 1 and status.details[1].Unpack(wait)
    if kind is errors.Limited:
        return errors.Limited(wait.retry_delay.seconds)
    found = kind(status.message, code=info.reason)
    if isinstance(found, errors.Unavailable) and has_wait:
        found.wait_seconds = wait.retry_delay.seconds
    return found
