"""Forget the idempotency keys of the service in whose host this runs that are past their time."""

from functions.platform.ports import HostWork
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse


def forget_keys(request: ForgetRequest, work: HostWork) -> ForgetResponse:
    """At most so many, and how many those were."""
    return ForgetResponse(forgotten=work.keys.forget(request.at_most))
