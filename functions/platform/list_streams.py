"""List the streams of the service whose host this runs in, so that another service's consumer finds missing events."""

from datetime import UTC

from functions.platform.ports import HostWork, StreamQuery
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse


def list_streams(request: ListRequest, work: HostWork) -> ListResponse:
    """Streams in the order of their latest events, after a position."""
    query = StreamQuery(
        after=request.after,
        until=request.until if request.HasField("until") else None,
        types=list(request.types),
        since=request.since.ToDatetime(UTC) if request.HasField("since") else None,
        before=request.before.ToDatetime(UTC) if request.HasField("before") else None,
        receiver_field=request.receiver_field,
        receiver=request.receiver,
    )
    found = work.streams.browse(query)
    streams = [ListResponse.Stream(stream=name, type=kind, version=version) for name, kind, version in found.streams]
    return ListResponse(streams=streams, position=found.position, more=found.more, last=found.last)
