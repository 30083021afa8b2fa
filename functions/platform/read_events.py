"""Read a stream of the service whose host this runs in, so that another service's consumer can fill a gap."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import ReadRequest, ReadResponse


def read_events(request: ReadRequest, work: HostWork) -> ReadResponse:
    """The stream's events from a version on, of some types or all, oldest first."""
    part = work.streams.read(request.stream, request.from_version, list(request.types))
    return ReadResponse(events=part.events, through=part.through)
