"""A simulated PostgreSQL server: a log of transactions, of which standbys have a prefix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.cells.gate import GateRow
from shared.cells.lease import Fenced, LeaseRow, fence
from tests.shared.cells.simulation.world import Clock, Violation, World

Key = Any


class Refused(Exception):
    """A transaction refuses; nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A committed transaction in the log."""

    uid: int
    writes: dict[Key, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a transaction's last message returns."""

    result: Any
    refused: str
    left: float
    position: int
    warned: bool


class Transaction:
    """The state within a transaction, and what it writes."""

    def __init__(self, state: dict[Key, Any]) -> None:
        self._state = state
        self.writes: dict[Key, Any] = {}

    def get(self, key: Key, default: Any = None) -> Any:
        return self.writes[key] if key in self.writes else self._state.get(key, default)

    def put(self, key: Key, value: Any) -> None:
        self.writes[key] = value


class Server:
    """The server of a cell in a region: a primary, or a standby of one."""

    def __init__(self, world: World, cell: str, region: str, *, primary: bool, synchronous: bool) -> None:
        self.world = world
        self.cell = cell
        self.region = region
        self.primary = primary
        self.synchronous = synchronous
        self.clock = Clock(world, world.rng.uniform(0.99, 1.01), world.rng.uniform(0, 1000))
        self.log: list[Entry] = []
        self.state: dict[Key, Any] = {}
        self.origin: dict[Key, int] = {}
        """The transaction that wrote each key last."""
        self.up = True
        self.stuck = False
        """Whether, as a standby, it receives nothing for now."""
        self.started = self.clock()
        self.lease = LeaseRow(1)
        self.chosen: frozenset[str] = frozenset()
        """The standbys that its setting names, of which `waited` are those that commits wait for already."""
        self.waited: frozenset[str] = frozenset()
        self.heeds_late = 0.0
        """After how many seconds it heeds a changed setting."""
        self.flushed: dict[str, tuple[int, float]] = {}
        """What each standby reported to have flushed, and when."""
        self.upstream: Server | None = None
        self.standbys: list[Server] = []
        self._sessions = 0
        self._waiting: list[tuple[int, Callable[[bool], None]]] = []

    # As a primary.

    @property
    def gate_row(self) -> GateRow:
        row: GateRow = self.state.get("gate", GateRow())
        return row

    def connected(self) -> dict[str, int]:
        """What each connected standby has flushed: a row of pg_stat_replication each."""
        return {name: at for name, (at, when) in self.flushed.items() if self.world.now - when < 2.5}

    def writer(self, key: Key, position: int) -> int:
        """The transaction that wrote a key last, as a transaction saw it at a position of the log; 0 for none."""
        return next((entry.uid for entry in reversed(self.log[:position]) if key in entry.writes), 0)

    def commit(
        self, epoch: int, work: Callable[[Transaction], Any], then: Callable[[Reply], None], *, fenced: bool = True
    ) -> None:
        """Run a transaction that ends with `select fence(epoch); commit`. Without a reply its outcome is unknown.

        fenced: whether it is a process's of the shop; those of the control wait for no standby either.
        """
        self.world.at(self.world.pause(), self._fence, self._sessions, epoch, work, then, fenced)

    def _fence(
        self,
        session: int,
        epoch: int,
        work: Callable[[Transaction], Any],
        then: Callable[[Reply], None],
        fenced: bool,
    ) -> None:
        if not self._alive(session):
            return
        left, before = 0.0, len(self.log)
        try:
            if fenced:
                left = fence(self.lease, epoch, self.clock(), self.started)
            elif self.lease.epoch != epoch:
                raise Fenced("epoch")
        except Fenced:
            self.world.at(0.001, then, Reply(None, "fenced", 0, 0, False))
            return
        self.world.at(self.world.pause(), self._commit, session, work, then, left, before, fenced)

    def _commit(
        self,
        session: int,
        work: Callable[[Transaction], Any],
        then: Callable[[Reply], None],
        left: float,
        before: int,
        waits: bool,
    ) -> None:
        if not self._alive(session):
            return
        transaction = Transaction(self.state)
        result, refused = None, ""
        try:
            result = work(transaction)
        except Refused as refusal:
            refused = str(refusal)
        else:
            if transaction.writes:
                self.append(Entry(next(self.world.uids), transaction.writes))
        position = before if self.world.bug == "position before commit" else len(self.log)

        def finish(warned: bool) -> None:
            self.world.at(self.world.pause(), then, Reply(result, refused, left, position, warned))

        # What only reads waits as well: it may see a commit whose own wait was cancelled.
        if self.synchronous and waits and not refused:
            self._waiting.append((len(self.log), finish))
            self.settle()
        else:
            finish(False)

    def choose(self, names: frozenset[str]) -> None:
        """Change the setting of which standbys commits wait for. They do so some time later."""
        if names != self.chosen:
            self.chosen = names
            self.world.at(self.world.pause() + self.heeds_late, self._reload, self._sessions)

    def _reload(self, session: int) -> None:
        if self._alive(session):
            self.waited = self.chosen
            self.settle()

    def settle(self) -> None:
        """Answer the commits that wait for synchronous standbys and need not any more."""
        connected = self.connected()
        passed = min((connected.get(name, 0) for name in self.waited), default=None)
        waiting, self._waiting = self._waiting, []
        for position, finish in waiting:
            if passed is None or position <= passed:
                finish(False)
            else:
                self._waiting.append((position, finish))

    def cancel_waits(self) -> None:
        """An administrator or a timeout cancels the waits: the commits are reported with a warning."""
        waiting, self._waiting = self._waiting, []
        for _, finish in waiting:
            finish(True)

    def append(self, entry: Entry) -> None:
        """Add a transaction to the log, and tell the standbys."""
        self._apply(entry)
        for standby in self.standbys:
            standby.pull_soon()

    def _apply(self, entry: Entry) -> None:
        self.log.append(entry)
        self.state.update(entry.writes)
        for key in entry.writes:
            self.origin[key] = entry.uid

    def _alive(self, session: int) -> bool:
        return self.up and self.primary and session == self._sessions

    # As a standby.

    def follow(self, primary: "Server") -> None:
        """Become a standby of a primary; its own transactions that the primary lacks are cut off (pg_rewind)."""
        self._end_sessions()
        self.primary = False
        common = 0
        for mine, theirs in zip(self.log, primary.log, strict=False):
            if mine.uid != theirs.uid:
                break
            common += 1
        if common < len(self.log):
            self.truncate(common)
        if self.upstream is not None:
            self.upstream.standbys.remove(self)
        self.upstream = primary
        primary.standbys.append(self)
        self.pull_soon()

    def truncate(self, length: int) -> None:
        """Keep a prefix of the log."""
        kept, self.log, self.state, self.origin = self.log[:length], [], {}, {}
        for entry in kept:
            self._apply(entry)

    def pull_soon(self) -> None:
        """Receive what there is, some time later."""
        lag = self.world.rng.choice((0.03, 0.1, 0.4, 1.0, 2.0)) if self.world.faulty else 0.05
        self.world.at(lag, self.pull)

    def pull(self) -> None:
        """Receive and flush some more of the primary's log, and report it."""
        primary = self.upstream
        if primary is None or self.primary or not (self.up and primary.up and primary.primary) or self.stuck:
            return
        if not self.world.reachable(self.region, primary.region):
            return
        if len(self.log) > len(primary.log) or (self.log and self.log[-1].uid != primary.log[len(self.log) - 1].uid):
            raise Violation(f"a standby of {self.cell} in {self.region} follows another timeline")
        for entry in primary.log[len(self.log) :]:
            self._apply(entry)
            if self.world.faulty and self.world.rng.random() < 0.2:
                break
        self.world.at(0.02, primary.report, self, len(self.log), self._sessions)
        if len(self.log) < len(primary.log):
            self.pull_soon()

    def report(self, standby: "Server", flushed: int, session: int) -> None:
        """A standby's report has arrived."""
        if standby.upstream is self and session == standby._sessions and not standby.primary:
            before = self.flushed.get(standby.region, (0, 0.0))[0]
            self.flushed[standby.region] = (max(before, flushed), self.world.now)
            self.settle()

    # As either.

    def promote(self, epoch: int) -> None:
        """Become the primary of a new timeline, fenced."""
        if self.primary:
            return
        self._end_sessions()
        self.primary = True
        if self.upstream is not None:
            self.upstream.standbys.remove(self)
        self.upstream = None
        self.lease = LeaseRow(epoch)
        self.chosen = self.waited = frozenset()
        self.append(Entry(next(self.world.uids), {"gate": GateRow()}))

    def crash(self) -> None:
        """Lose all sessions; the log stays."""
        self._end_sessions()
        self.up = False

    def restart(self) -> None:
        """Start again: the lease row of before does not count."""
        self._end_sessions()
        self.up = True
        self.waited = self.chosen
        self.started = self.clock()
        self.pull_soon()

    def _end_sessions(self) -> None:
        self._sessions += 1
        self._waiting = []
        self.flushed = {}
