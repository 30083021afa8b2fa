"""Let a consumer of the service in whose host this runs try again what it could not apply."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import RedriveRequest, RedriveResponse


def release_parked(request: RedriveRequest, work: HostWork) -> RedriveResponse:
    """What was released for the consumer's worker. Raises NotFound for no consumer of this service."""
    released = work.parked.redrive(request.consumer, request.streams, request.dry_run)
    return RedriveResponse(streams=released.streams, events=released.events, left=released.left)
