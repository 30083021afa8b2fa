"""List how far a consumer of the service whose host this runs in knows another cell's streams, to promote that."""

from functions.platform.ports import HostWork
from shared.contracts.gen.events_pb2 import KnownRequest, KnownResponse


def list_known_streams(request: KnownRequest, work: HostWork) -> KnownResponse:
    """Streams in the order of their names. Raises NotFound if the service has no such consumer."""
    found = work.known.browse(request.consumer, request.cell, request.after)
    return KnownResponse(
        streams=[KnownResponse.Stream(stream=stream, version=version) for stream, version in found.streams],
        more=found.more,
    )
