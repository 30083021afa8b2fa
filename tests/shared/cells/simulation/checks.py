"""What must hold, whatever happens, checked against the histories that survive."""

from collections import Counter
from typing import Any

from shared.cells.quota import Account
from tests.shared.cells.simulation.server import Entry, Server
from tests.shared.cells.simulation.world import Violation, World


def audit_cell(state: dict[Any, Any], cell: str, quantity: dict[str, int]) -> int:
    """The equations of one cell, from its own store alone. Returns how many are violated."""
    account: Account = state["account"]
    got = [value for key, value in state.items() if isinstance(key, tuple) and key[0] == "got" and key[1][0] == "quota"]
    gave = [
        value for key, value in state.items() if isinstance(key, tuple) and key[0] == "event" and key[1][0] == "quota"
    ]
    units = quantity[cell] + sum(each.units for each in got) - sum(each.units for each in gave)
    orders = [value for key, value in state.items() if isinstance(key, tuple) and key[0] == "order"]
    sold = sum(each.status != "cancelled" for each in orders)
    return [account.quota != units, account.sold != sold, account.available < 0].count(True)


class Checks:
    """Observes a run, and raises Violation as soon as a rule is broken."""

    def __init__(self, world: World, units: int, cap: int, limit: int) -> None:
        self.world = world
        self.units = units
        self.cap = cap
        self.limit = limit
        self.quantity = dict.fromkeys(world.records, 0)
        self.kinds: dict[str, str] = {}
        self.money = 0
        self.lineage: dict[str, Server] = {}
        self.switches: list[str] = []
        self.effects: dict[str, list[tuple[str, int]]] = {cell: [] for cell in world.records}
        self.acked: dict[str, list[tuple[str, int]]] = {cell: [] for cell in world.records}
        self.applied: dict[str, dict[Any, int]] = {cell: {} for cell in world.records}
        self.vouchers: dict[str, tuple[str, str]] = {}
        self.counts: Counter[str] = Counter()

    def fail(self, text: str) -> None:
        raise Violation(text)

    def has_standbys(self, cell: str) -> bool:
        return self.kinds[cell] != "alone"

    def take_switch(self, cell: str, standby: str, others: list[str]) -> str:
        """A standby that an operator wants designated instead, if any."""
        if cell in self.switches and standby:
            found = [name for name in others if name != standby]
            if found:
                self.switches.remove(cell)
                self.counts["switches"] += 1
                return found[0]
        return ""

    # As it happens.

    def left(self, cell: str, kind: str, uids: list[int]) -> None:
        """Something has left a cell, which tells of these transactions."""
        self.counts[f"left: {kind}"] += 1
        self.effects[cell] += [(kind, uid) for uid in uids]

    def acknowledged(self, cell: str, epoch: int, order: str, uid: int) -> None:
        """A write was acknowledged, or a strong read answered (uid 0), under an epoch."""
        self.counts["acknowledged"] += 1
        if self.world.records[cell].epoch != epoch and not self.world.wild:
            self.fail(f"{cell} acknowledged {order} under epoch {epoch} of {self.world.records[cell].epoch}")
        if uid:
            self.acked[cell].append((order, uid))

    def consumed(self, cell: str, stream: Any, version: int) -> None:
        """A cell has told the bus that it applied an event."""
        applied = self.applied[cell]
        applied[stream] = max(applied.get(stream, 0), version)

    def voucher(self, order: str, buyer: str, nonce: str) -> None:
        """A voucher was handed out."""
        if self.vouchers.setdefault(order, (buyer, nonce)) != (buyer, nonce):
            self.fail(f"two vouchers for {order}")
        if Counter(each for each, _ in self.vouchers.values())[buyer] > self.limit:
            self.fail(f"{buyer} has more vouchers than the limit")
        if len(self.vouchers) > self.units:
            self.fail("more vouchers than units")

    def lost(self, cell: str, tail: list[Entry]) -> None:
        self.counts["lost transactions"] += len(tail)

    def promoted(self, cell: str, server: Server) -> None:
        """A standby was promoted: its history is the cell's from now on."""
        self.counts["promotions"] += 1
        self.lineage[cell] = server
        self.outward(cell)
        self.conserved()

    def opened(self, cell: str, server: Server, unchecked: set[str]) -> None:
        """A promoted cell opens: it knows all that it had told the bus to have applied, as far as sources have it."""
        self.counts["openings"] += 1
        for stream, version in self.applied[cell].items():
            source = self.lineage[stream[1]].state.get(("last", stream), 0)
            if stream[1] not in unchecked and server.state.get(("inbox", stream), 0) < min(version, source):
                self.fail(f"{cell} opened without {stream} {version}, which it had acknowledged")

    # Against the histories.

    def outward(self, cell: str) -> None:
        """Nothing outward is of a state that a failover undid; what a synchronous cell acknowledged is there."""
        survived = {entry.uid for entry in self.lineage[cell].log}
        undone = [kind for kind, uid in self.effects[cell] if uid not in survived]
        if undone:
            self.fail(f"{cell} let out {undone[0]} of a state that was undone")
        forgotten = [order for order, uid in self.acked[cell] if uid not in survived]
        self.counts["undone acknowledgements"] += len(forgotten)
        if forgotten and self.kinds[cell] == "synchronous":
            self.fail(f"{cell} has lost {forgotten[0]}, acknowledged with a synchronous standby")
        if forgotten:
            self.acked[cell] = [each for each in self.acked[cell] if each[1] in survived]

    def conserved(self) -> tuple[int, int]:
        """Units, rights and money are conserved, at any time. Returns the units sold, and what is under way."""
        units = sold = money = flight = early = rights = 0
        for cell, server in self.lineage.items():
            account: Account = server.state["account"]
            if account.available < 0 or account.rights.get("early", 0) < 0:
                self.fail(f"{cell} has a negative balance")
            units += account.quota
            sold += account.sold
            rights += account.rights.get("early", 0)
            for key, value in server.state.items():
                if not isinstance(key, tuple):
                    continue
                if key[0] == "order" and value.status != "cancelled" and value.phase == "early":
                    early += 1
                elif key[0] in {"wallet", "withdrawal"}:
                    money += value
                elif key[0] == "bought" and value > self.limit:
                    self.fail(f"{key[1]} has bought {value}")
                elif key[0] == "last":
                    under_way = self._under_way(key[1], value)
                    if key[1][0] == "quota":
                        units += sum(each.units for each in under_way)
                        rights += sum(each.rights.get("early", 0) for each in under_way)
                    else:
                        money += sum(each.amount for each in under_way)
                    flight += len(under_way)
        if units != self.units:
            self.fail(f"{units} units in cells and under way, of {self.units}")
        if rights + early != self.cap:
            self.fail(f"{rights} rights left and {early} used, of {self.cap}")
        if money != self.money:
            self.fail(f"{money} of money, of {self.money}")
        return sold, flight

    def _under_way(self, stream: Any, last: int) -> list[Any]:
        giver, receiver = self.lineage[stream[1]].state, self.lineage[stream[2]].state
        have = receiver.get(("inbox", stream), 0)
        if have > last:
            self.fail(f"{stream[2]} knows {stream} {have}, and its store {last}")
        for version in range(1, have + 1):
            if receiver[("got", stream, version)] != giver[("event", stream, version)]:
                self.fail(f"{stream} {version} is not what was received")
        return [giver[("event", stream, version)] for version in range(have + 1, last + 1)]

    def everything(self) -> tuple[int, int]:
        """All rules; returns as `conserved`."""
        for cell, server in self.lineage.items():
            self.outward(cell)
            if audit_cell(server.state, cell, self.quantity):
                self.fail(f"the audit of {cell} fails")
        return self.conserved()
