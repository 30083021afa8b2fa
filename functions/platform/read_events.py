"""Read a stream of the service in whose host this runs: how another service's consumer fills a gap."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import ReadRequest, ReadResponse


def read_events(request: ReadRequest, work: HostWork) -> ReadResponse:
    """The stream's events from a version on, oldest first."""
    return ReadResponse(events=work.streams.read(request.stream, request.from_version))
