"""The supply service of other cells over gRPC, and what it grants to this one.

A grant that comes as an answer is credited as one that the bus brings: by the inbox of the row that handles its event.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.supply.adapters.asking import Askers
from functions.supply.adapters.quotas import Holding
from functions.supply.domain.quota import GrantStream, GrantSum
from shared.cells.asker import WAIT_SECONDS
from shared.cells.quota import Ask
from shared.contracts.events import Event, StoredEvent
from shared.contracts.gen.supply_pb2 import (
    CloseQuotaRequest,
    CloseQuotaResponse,
    GrantUnitsRequest,
    GrantUnitsResponse,
    SumGrantsRequest,
    SumGrantsResponse,
)
from shared.decoding import ready
from shared.outbox.inbox import Inbox
from shared.registry import load

if TYPE_CHECKING:
    from functions.supply.adapters.work import Work
    from shared.postgres.database import Transaction
    from shared.rpc.channel import RpcChannel

CREDITING: Final = "credit_units"
"""The row that credits grants, whose inbox says how far they have come."""


class GrpcPeers:
    """The supply service of the other cells."""

    def __init__(self, work: "Work", askers: Callable[[], Askers]) -> None:
        """askers: what waits in this process, and whom it has asked."""
        self._work = work
        self._askers = askers
        self._cell = work.settings.cell

    @property
    def names(self) -> Sequence[str]:
        return self._work.settings.other_cells

    def gather(self, request: str, wanted: Mapping[str, int]) -> bool:
        return bool(self.names) and self._askers().gather(request, wanted, self)

    def close(self, cell: str, supply_id: str, version: int) -> bool:
        request = CloseQuotaRequest(supply_id=supply_id, version=version, received=self._received(supply_id, cell))
        if gate := self._work.resources.gate(self._work.service):
            gate.wait("request")  # the other cell stays closed, even if a failover undid the pause here
        response = self._channel(cell).call("Supply.CloseQuota", request, CloseQuotaResponse)
        self._credit(response.grants)
        return response.closed

    def given(self, cell: str, received: Sequence[GrantSum]) -> list[GrantSum]:
        streams = [SumGrantsRequest.Stream(supply_id=each.stream.supply_id, version=each.version) for each in received]
        request = SumGrantsRequest(receiver=self._cell, streams=streams)
        response = self._channel(cell).call("Supply.SumGrants", request, SumGrantsResponse)
        return [
            GrantSum(GrantStream(each.supply_id, cell), each.version, each.units, dict(each.rights))
            for each in response.sums
        ]

    def holding(self, supply_id: str) -> Holding:
        """What this cell has of a supply at the moment."""
        with self._work.transaction() as reading:
            return reading.quotas.holding(supply_id)

    def request_grants(self, cell: str, ask: Ask) -> bool:
        """Ask another cell, and credit what it has given and had not arrived. Returns whether there was anything.

        Raises Unavailable and others if it does not answer within the time that a request waits.
        """
        request = GrantUnitsRequest(
            ask=ask.id,
            supply_id=ask.supply,
            asker=ask.asker,
            units=ask.units,
            phase=ask.phase,
            rights=ask.rights,
            received=self._received(ask.supply, cell),
        )
        response = self._channel(cell).call("Supply.GrantUnits", request, GrantUnitsResponse, WAIT_SECONDS)
        self._credit(response.grants)
        return bool(response.grants)

    def _credit(self, grants: Sequence[bytes]) -> None:
        parts, service = self._work.resources, self._work.service

        def handle(event: Event[Any], transaction: "Transaction") -> None:
            type(self._work)(parts, service, transaction).quotas.credit(event)

        inbox = Inbox(load().rows[CREDITING], parts.database(service), handle, parts.clock, self._cell)
        for grant in grants:
            inbox.receive(msgspec.json.decode(grant, type=ready(StoredEvent)))

    def _received(self, supply_id: str, giver: str) -> int:
        with self._work.transaction() as reading:
            return reading.quotas.received(supply_id, giver)

    def _channel(self, cell: str) -> "RpcChannel":
        return self._work.resources.channel("supply", "supply", cell)
