"""Reads other services' event stores over gRPC: a stream's events by Events.Read, lists of streams by Events.List."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from shared.contracts.events import StoredEvent
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse, ReadRequest, ReadResponse
from shared.decoding import ready
from shared.outbox.log import StreamPart
from shared.registry import load
from shared.resources import Resources

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel


class Sources:
    """The services whose events a service consumes."""

    def __init__(self, service: str, resources: Resources, cell: str | None = None) -> None:
        """service: the calling service. cell: whose stores; this process's by default."""
        self._service = service
        self._cell = cell
        self._resources = resources

    def read(self, event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        """A stream's events of some types from the service that owns it. Raises Unavailable.

        event_type: one of that service's types.
        """
        request = ReadRequest(stream=stream, from_version=from_version, types=types)
        owner = load().owner_of(event_type)
        response = self._channel(owner).call("Events.Read", request, ReadResponse)
        events = [msgspec.json.decode(event, type=ready(StoredEvent)) for event in response.events]
        return StreamPart(events, response.through)

    def list(self, owner: str, request: ListRequest) -> ListResponse:
        """A page of a service's streams, in the order of their newest events. Raises Unavailable."""
        return self._channel(owner).call("Events.List", request, ListResponse)

    def _channel(self, owner: str) -> "RpcChannel":
        return self._resources.channel(owner, self._service, self._cell)
