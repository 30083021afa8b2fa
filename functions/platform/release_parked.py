"""Release parked events of a consumer of the service whose host this runs in, to be applied again."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import RedriveRequest, RedriveResponse


def release_parked(request: RedriveRequest, work: HostWork) -> RedriveResponse:
    """What was released for the consumer's worker. Raises NotFound if the service has no such consumer."""
    released = work.parked.redrive(request.consumer, request.streams, request.dry_run)
    return RedriveResponse(streams=released.streams, events=released.events, left=released.left)
