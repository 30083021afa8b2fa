"""Several cells as sets of isolated services on one server, whose events a test hands over: late, twice, or never.

Their hosts reach each other over gRPC.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from emulators.stack.stack import Stack
from functions.supply.adapters.work import Work
from functions.supply.views import SupplyView
from shared import ids
from shared.cells.quota import Account
from shared.contracts.events import StoredEvent
from shared.contracts.gen.supply_pb2 import AuditQuotasRequest, GrantUnitsRequest, GrantUnitsResponse
from tests.isolated_services import IsolatedServices

NOWHERE: Final = "127.0.0.1:9"
"""An address that refuses connections."""

CREDITED: Final = {"supply.quota.moved": "credit_units", "supply.counted": "count_sales"}


class Cells:
    """Cells by name, each with all services."""

    def __init__(self, cells: dict[str, IsolatedServices]) -> None:
        self._cells = cells
        self._carried: dict[str, int] = {}
        for name in cells:
            self.link(name)

    def __getitem__(self, name: str) -> IsolatedServices:
        return self._cells[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def link(self, name: str, address: str | None = None) -> None:
        """Have the other cells reach a cell's supply service where it is, or at another address."""
        found = address or self[name].settings.rpc_addresses["supply"]
        for each in self:
            if each != name:
                self[each].route(f"supply@{name}", found)

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """A block in which no other cell reaches a cell. Calls from it are not cut."""
        self.link(name, NOWHERE)
        try:
            yield
        finally:
            self.link(name)

    def warm_up(self) -> None:
        """Open what a first call opens, which takes longer than a request waits: clients, channels, the cell map."""
        for name in self:
            for peer in self:
                if peer != name:
                    request = GrantUnitsRequest(supply_id=ids.new("sup", peer), asker=name, units=1)
                    channel = self[name].resources.channel("supply", "supply", peer)
                    assert not channel.call("Supply.GrantUnits", request, GrantUnitsResponse, 30).grants

    # Terms

    def publish(self, supply_id: str) -> None:
        """Bring what a supply's home says of it to the other cells."""
        home = ids.parse(supply_id, "sup").cell
        for event in self[home].stream(supply_id):
            for name in self:
                if name != home:
                    self[name].receive("replicate_supply", event)

    # Events

    def events(self, source: str, kinds: Sequence[str] = tuple(CREDITED)) -> list[StoredEvent]:
        """What a cell has for other cells, in the order of its store."""
        sql = (
            "SELECT id, type, stream, version, recorded_at AS at, data, metadata_of(metadata, trace) AS metadata "
            "FROM events WHERE type = ANY(:kinds::text[]) ORDER BY position"
        )
        return [StoredEvent(**row) for row in self[source].probe.rows("supply", sql, kinds=list(kinds))]

    def carry(self, chance: random.Random | None = None) -> None:
        """Hand everything over that was not, to whom it is for; with a chance each time: shuffled, and some twice.

        What arrives early is parked, and applied as soon as what lacks has come.
        """
        waiting = [event for name in self for event in self.events(name)]
        fresh = [event for event in waiting if event.version > self._carried.get(event.stream, 0)]
        if chance:
            fresh += chance.choices(waiting, k=min(3, len(waiting))) if waiting else []
            chance.shuffle(fresh)
        for event in fresh:
            self.hand(event)
        for event in fresh:
            self._carried[event.stream] = max(event.version, self._carried.get(event.stream, 0))

    def hand(self, event: StoredEvent) -> str:
        """Hand one event over to the cell that it is for. Returns what became of it."""
        receiver = ids.receiver_of(event.stream)
        assert receiver is not None
        return self[receiver].receive(CREDITED[event.type], event)

    # What they have

    def account(self, name: str, supply_id: str) -> Account:
        """What a cell has of a supply."""
        services = self[name]
        with services.resources.database("supply").transaction() as transaction:
            return Work(services.resources, "supply", transaction).quotas.holding(supply_id).account

    def under_way(self, supply_id: str) -> int:
        """The units that were given and have not arrived."""
        units = "coalesce(sum(units_given - units_received), 0)::bigint AS units"
        sql = f"SELECT {units} FROM quota_streams WHERE supply_id = :id"
        return sum(self[name].probe.rows("supply", sql, id=supply_id)[0]["units"] for name in self)

    def total(self, supply_id: str) -> int:
        """All units of a supply: what the cells have, and what is under way; seen at one moment.

        An ask that nobody waits for any more may still be answered meanwhile: then it looks again.
        """
        while True:
            before = self._changes(supply_id)
            found = sum(self.account(name, supply_id).quota for name in self) + self.under_way(supply_id)
            if self._changes(supply_id) == before:
                return found

    def _changes(self, supply_id: str) -> list[int]:
        return [self.account(name, supply_id).changes for name in self]

    def left(self, supply: SupplyView) -> dict[str, tuple[int, int, int]]:
        """By cell: the available, reserved and sold units of a supply."""
        accounts = {name: self.account(name, supply.id) for name in self}
        return {name: (each.available, each.reserved, each.sold) for name, each in accounts.items()}

    def contradictions(self) -> list[Any]:
        """What the cells' audits of what moved between them find, and what they could not compare."""
        found: list[Any] = []
        for name in self:
            answer = self[name].run("audit_quotas", request=AuditQuotasRequest())
            found += [*answer.violations, *answer.unchecked]
        return found

    def violations(self) -> list[str]:
        """Every invariant that does not hold, in any cell or between two."""
        return [each for name in self for each in self[name].violations()] + self.contradictions()


@contextmanager
def cells(stack: Stack, *names: str) -> Iterator[Cells]:
    """Cells in a running stack, for a block."""
    with ExitStack() as opened:
        yield Cells({name: opened.enter_context(IsolatedServices.within(stack, name)) for name in names})
