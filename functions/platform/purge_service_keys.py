"""Purge the expired idempotency keys of the service whose host this runs in."""

from functions.platform.ports import HostWork
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse


def purge_service_keys(request: ForgetRequest, work: HostWork) -> ForgetResponse:
    """Delete at most `at_most` keys. Returns how many."""
    return ForgetResponse(forgotten=work.keys.purge(request.at_most))
