"""Asks other cells for units: shared/cells/asker.py, driven by the threads of requests that wait.

A process remembers what waits in it, whom it has asked, and who is dry. Asks are hints: another process of the cell
asks for its own requests, and nothing breaks.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from shared.cells.asker import WAIT_SECONDS, Asker
from shared.cells.quota import Ask
from shared.errors import MeridianError

if TYPE_CHECKING:
    from functions.supply.adapters.peers import GrpcPeers
    from functions.supply.adapters.quotas import Holding

log = logging.getLogger(__name__)

WAITING_AT_MOST: Final = 8
"""How many requests of a process wait at once: half of a host's threads, so that sales never wait for those."""

KEPT: Final = 1000
"""How many supplies a process remembers its asks of."""


class SupplyAsks:
    """The asks of a process for units of one supply, and the threads that wait for them."""

    def __init__(self, supply_id: str, cell: str, peers: Sequence[str], clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        self._asker = Asker(supply_id, cell, peers)
        self._clock = clock
        self._changed = threading.Condition()
        self._news = 0
        self._ended: set[str] = set()

    def demand(self, phase: str) -> int:
        """How many units are waited for in a phase."""
        with self._changed:
            return self._asker.demand(phase, self._clock())

    def idle(self) -> bool:
        """Whether nothing waits."""
        with self._changed:
            return not self._asker.requests()

    def join(self, request: str, units: int, holding: "Holding") -> list[tuple[str, Ask]]:
        """A request waits, if it lacks units or rights here. Returns whom to ask for what."""
        with self._changed:
            if holding.account.sellable(holding.phase) < units:
                self._asker.wait(request, units, holding.phase, self._clock())
            return self._asker.asks(holding.account, self._clock())

    def leave(self, request: str) -> None:
        """A request waits no longer."""
        with self._changed:
            self._asker.served(request)
            self._ended.discard(request)

    def answered(self, peer: str, ask: Ask, *, granted: bool) -> None:
        """A peer has given something, or has nothing to spare, or does not answer, which counts as the same."""
        with self._changed:
            if granted:
                self._asker.on_grant(peer)
            else:
                self._asker.on_dry(peer, ask.id, self._clock())
            self._tell()

    def over(self, request: str, seen: int, until: float) -> tuple[bool, int]:
        """Wait until there is news for a request, until a time at most.

        Returns whether it has waited in vain, and what it has seen by now. seen: as it was returned last; 0 at first.
        """
        with self._changed:
            self._end()
            self._changed.wait_for(
                lambda: request in self._ended or self._news != seen, timeout=max(0.0, until - self._clock())
            )
            self._end()
            return request in self._ended, self._news

    def _tell(self) -> None:
        self._news += 1
        self._end()
        self._changed.notify_all()

    def _end(self) -> None:
        ended = self._asker.sold_out(self._clock())
        self._ended.update(ended)
        if ended:
            self._changed.notify_all()


class Askers:
    """The asks of a process, by supply."""

    def __init__(self, cell: str, peers: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._cell = cell
        self._peers = tuple(peers)
        self._clock = clock
        self._lock = threading.Lock()
        self._asks: dict[str, SupplyAsks] = {}
        self._places = threading.BoundedSemaphore(WAITING_AT_MOST)
        self._pool = ThreadPoolExecutor(max(1, 2 * len(self._peers)), "asks")

    def demand(self, supply_id: str, phase: str) -> int:
        """How many units of a supply are waited for in a phase."""
        with self._lock:
            found = self._asks.get(supply_id)
        return found.demand(phase) if found else 0

    def gather(self, request: str, wanted: Mapping[str, int], peers: "GrpcPeers") -> bool:
        """Wait for the units that a request lacks, by supply, asking other cells for them; for WAIT_SECONDS at most.

        Returns whether this cell has them all by now. It does not wait while WAITING_AT_MOST others do.
        """
        if not self._places.acquire(blocking=False):
            return False
        asks = {supply_id: self._of(supply_id) for supply_id in wanted}
        try:
            until = self._clock() + WAIT_SECONDS
            holdings = {supply_id: peers.holding(supply_id) for supply_id in wanted}
            if any(holding.hopeless(wanted[supply_id]) for supply_id, holding in holdings.items()):
                return False
            for supply_id, holding in holdings.items():
                self._send(asks[supply_id], asks[supply_id].join(request, wanted[supply_id], holding), peers)
            return all(self._wait(asks[each], request, each, wanted[each], until, peers) for each in wanted)
        finally:
            for each in asks.values():
                each.leave(request)
            self._places.release()

    def _wait(
        self, asks: SupplyAsks, request: str, supply_id: str, units: int, until: float, peers: "GrpcPeers"
    ) -> bool:
        seen, ended = 0, False
        while True:
            holding = peers.holding(supply_id)
            if holding.account.sellable(holding.phase) >= units:
                asks.leave(request)
                return True
            if ended or self._clock() >= until:
                return False
            self._send(asks, asks.join(request, units, holding), peers)
            ended, seen = asks.over(request, seen, until)

    def _send(self, asks: SupplyAsks, wanted: Sequence[tuple[str, Ask]], peers: "GrpcPeers") -> None:
        for peer, ask in wanted:
            self._pool.submit(contextvars.copy_context().run, self._ask, asks, peer, ask, peers)

    def _ask(self, asks: SupplyAsks, peer: str, ask: Ask, peers: "GrpcPeers") -> None:
        granted = False
        try:
            granted = peers.request_grants(peer, ask)
        except MeridianError as error:
            log.info("%s was asked for %s, and did not answer: %s", peer, ask.supply, error)
        except Exception:
            log.exception("%s was asked for %s", peer, ask.supply)
        finally:
            asks.answered(peer, ask, granted=granted)

    def _of(self, supply_id: str) -> SupplyAsks:
        with self._lock:
            if supply_id not in self._asks:
                if len(self._asks) >= KEPT:
                    self._asks = {name: each for name, each in self._asks.items() if not each.idle()}
                self._asks[supply_id] = SupplyAsks(supply_id, self._cell, self._peers, self._clock)
            return self._asks[supply_id]
