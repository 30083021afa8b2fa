"""What a cell waits for of a supply, and whom it has asked; in memory, since asks are hints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.cells.quota import Account, Ask

WAIT_SECONDS: Final = 0.3
"""How long a request waits for units from other cells before it is told SOLD_OUT."""

DRY_SECONDS: Final = 1.0
"""How long a peer that had nothing is not asked again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for units. `until`: by the own monotonic clock."""

    units: int
    phase: str
    until: float


class Asker:
    """The requests for units of one supply that wait in a cell, and its asks of other cells."""

    def __init__(self, supply: str, cell: str, peers: Sequence[str]) -> None:
        self.supply = supply
        self.cell = cell
        self._peers = tuple(peers)
        self._asks = 0
        self._waiting: dict[str, Waiting] = {}
        self._asked: dict[str, tuple[int, float]] = {}
        self._dry: dict[str, float] = {}

    def wait(self, request: str, units: int, phase: str, at: float) -> None:
        """A request waits, for WAIT_SECONDS at most, however often it is told to."""
        self._waiting.setdefault(request, Waiting(units, phase, at + WAIT_SECONDS))

    def served(self, request: str) -> None:
        """A request waits no longer."""
        self._waiting.pop(request, None)

    def requests(self) -> list[str]:
        """The requests that wait, in order: to be tried again after each credit."""
        return list(self._waiting)

    def demand(self, phase: str, at: float) -> int:
        """How many units are waited for in a phase."""
        return sum(each.units for each in self._waiting.values() if each.phase == phase and at < each.until)

    def asks(self, account: Account, at: float) -> list[tuple[str, Ask]]:
        """The asks to send now: (peer, ask). One at a time for each peer, for what waits and is not here."""
        phases = {each.phase for each in self._waiting.values() if at < each.until}
        found: list[tuple[str, Ask]] = []
        for phase in sorted(phases):
            demand = self.demand(phase, at)
            units = max(0, demand - account.available)
            rights = max(0, demand - account.rights.get(phase, 0)) if phase else 0
            if units or rights:
                found += [self._ask(peer, units, phase, rights, at) for peer in self._peers if self._free(peer, at)]
        return found

    def on_dry(self, peer: str, ask: int, at: float) -> None:
        """A peer has nothing to spare."""
        if self._asked.get(peer, (0, 0.0))[0] == ask:
            del self._asked[peer]
        self._dry[peer] = at + DRY_SECONDS

    def on_grant(self, peer: str) -> None:
        """A peer has given something."""
        self._asked.pop(peer, None)
        self._dry.pop(peer, None)

    def sold_out(self, at: float) -> list[str]:
        """The requests to be told SOLD_OUT: those that waited long enough, or all if every peer has nothing."""
        dry = all(at < self._dry.get(peer, at) for peer in self._peers)
        ended = [request for request, each in self._waiting.items() if dry or at >= each.until]
        for request in ended:
            del self._waiting[request]
        return ended

    def _free(self, peer: str, at: float) -> bool:
        """Whether a peer may be asked: not dry, and not asked already. An ask that was lost is forgotten in time."""
        pending = self._asked.get(peer)
        return at >= self._dry.get(peer, at) and (pending is None or at - pending[1] >= WAIT_SECONDS)

    def _ask(self, peer: str, units: int, phase: str, rights: int, at: float) -> tuple[str, Ask]:
        self._asks += 1
        self._asked[peer] = (self._asks, at)
        return peer, Ask(self._asks, self.supply, self.cell, units, phase, rights)
