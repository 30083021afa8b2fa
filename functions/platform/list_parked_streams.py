"""List what a consumer of the service whose host this runs in could not apply."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import ListParkedRequest, ListParkedResponse


def list_parked_streams(request: ListParkedRequest, work: HostWork) -> ListParkedResponse:
    """Streams with parked events, newest first. Raises NotFound if the service has no such consumer."""
    found = work.parked.browse(request.consumer, request.after or None, request.most)
    return ListParkedResponse(
        streams=[
            ListParkedResponse.Stream(
                stream=parked.stream,
                events=parked.events,
                version=parked.version,
                type=parked.type,
                event_id=parked.event_id,
                reason=parked.reason,
                error=parked.error,
                attempts=parked.attempts,
                since=parked.since,
                retry_at=parked.retry_at,
            )
            for parked in found
        ]
    )
