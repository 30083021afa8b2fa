"""A cell's processes in a region: those that keep its lease, gate and designation, and those that promote it."""

from collections.abc import Callable
from typing import Any

from shared.cells import gate, lease, promotion
from shared.cells.record import CellRecord, designated, opened, promoted, renewed
from shared.cells.words import Kind, Mode
from tests.shared.cells.simulation.checks import Checks, audit_cell
from tests.shared.cells.simulation.server import Entry, Refused, Reply, Server, Transaction
from tests.shared.cells.simulation.world import World


class Site:
    """The control of a cell in one region. A crash of the region loses all of it."""

    def __init__(self, world: World, checks: Checks, server: Server, mode: Mode) -> None:
        self.world = world
        self.checks = checks
        self.server = server
        self.cell = server.cell
        self.region = server.region
        self.mode = mode
        self.mono = world.regions[self.region].clock
        self.sites: dict[tuple[str, str], Any] = {}
        self.paused_until = 0.0
        self._life = 0
        self.reset()
        if server.primary or checks.has_standbys(self.cell):
            self.world.at(self.world.rng.uniform(0, 0.5), self._tick)

    def reset(self) -> None:
        """Begin without any memory."""
        self._life += 1
        self.keeper: lease.Keeper | None = None
        self.designation: gate.Designation | None = None
        self.watcher = lease.Watcher()
        self.promotion: promotion.Promotion | None = None
        self._designating: tuple[str, float] | None = None
        self._leaving: list[tuple[Kind, int, list[int], Callable[[bool], None]]] = []
        self.paused_until = 0.0

    # Time.

    def later(self, delay: float, what: Callable[..., None], *arguments: Any) -> None:
        """Have this process do something later, if it still lives then; when it is paused, after the pause."""
        self.world.at(delay, self._run, self._life, what, arguments)

    def _run(self, life: int, what: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if life != self._life or not self.world.regions[self.region].alive:
            return
        if self.world.now < self.paused_until:
            self.world.at(self.paused_until - self.world.now, self._run, life, what, arguments)
            return
        what(*arguments)

    def _tick(self) -> None:
        busy = self.server.primary or self.world.records[self.cell].standby == self.region
        self.world.at(0.5 if busy else 1.2, self._tick)  # for the simulation's speed; others have next to nothing to do
        if self.world.regions[self.region].alive and self.world.now >= self.paused_until:
            self.server.pull()
            self.world.firestore(self.region, self.cell, None, self._hear(self._on_record))

    def _hear(self, what: Callable[..., None]) -> Callable[..., None]:
        """A callback of this life."""
        life = self._life
        return lambda *arguments: self._run(life, what, arguments)

    # What the record says.

    @property
    def serving(self) -> bool:
        """Whether it believes that it serves the cell."""
        return self.keeper is not None and not self.keeper.lost and self.server.up

    @property
    def epoch(self) -> int:
        return self.server.lease.epoch

    def _on_record(self, _: bool, record: CellRecord) -> None:
        if not self.server.up:
            return
        mine = record.region == self.region
        if mine and record.opening:
            self._promote(record)
        elif mine and self.server.primary and record.epoch == self.epoch:
            self._serve(record)
        elif self.server.primary and record.epoch > self.epoch:
            self._rejoin(record)
        elif not self.server.primary:
            self._stand_by(record)

    def _serve(self, record: CellRecord) -> None:
        if self.keeper is None:
            self.keeper, self.designation = lease.Keeper(self.epoch), gate.Designation(self.epoch)
            self.later(0, self._tick_lease)
            self.activated()
        assert self.designation is not None
        if self._designating is not None:
            kind, since = self._designating
            if kind == "row" or self.mono() - since < 2:
                return
        server = self.server
        row, flushed = server.gate_row, server.connected()
        waited = None
        if server.synchronous:
            server.choose(row.names)
            waited = server.waited if self.world.bug != "designated before commits wait" else server.chosen
        switch = self.checks.take_switch(self.cell, row.standby, list(flushed))
        effects = (
            self.designation.switch(row, switch)
            if switch
            else self.designation.tick(self.mono(), record, row, flushed, len(server.log), waited)
        )
        for effect in effects:
            self._designate(effect)

    def _designate(self, effect: gate.Effect) -> None:
        def done(*_: Any) -> None:
            self._designating = None

        if isinstance(effect, gate.WriteRow):
            before, row = effect.before, effect.row

            def write(transaction: Transaction) -> None:
                if transaction.get("gate", gate.GateRow()) != before:
                    raise Refused("changed")
                transaction.put("gate", row)

            self._designating = ("row", self.mono())
            self.server.commit(self.epoch, write, self._hear(done), fenced=False)
        else:
            epoch, generation, standby = effect.epoch, effect.generation, effect.standby
            self._designating = ("record", self.mono())
            self.world.firestore(
                self.region, self.cell, lambda r: designated(r, epoch, generation, standby), self._hear(done)
            )

    def database_restarted(self) -> None:
        """Its server has lost all sessions: what was sent has either happened, or never will."""
        self._designating = None

    def _rejoin(self, record: CellRecord) -> None:
        primary: Server = self.sites[self.cell, record.region].server
        if not self._reaches(primary) or primary.lease.epoch != record.epoch:
            return
        survivors = {entry.uid for entry in primary.log}
        tail: list[Entry] = promotion.lost_tail(self.server.log, lambda entry: entry.uid in survivors)
        self.checks.lost(self.cell, tail)
        if self.world.bug == "tail re-applied":
            for entry in tail:
                writes = {key: value for key, value in entry.writes.items() if key != "gate"}
                primary.append(Entry(next(self.world.uids), writes))
        self.server.follow(primary)
        self.reset()

    def _stand_by(self, record: CellRecord) -> None:
        primary: Server = self.sites[self.cell, record.region].server
        if self.server.upstream is not primary and self._reaches(primary) and primary.lease.epoch == record.epoch:
            self.server.follow(primary)
        self.watcher.observe(record, self.mono())
        seen = self.watcher.expired(self.mono())
        allowed = record.standby == self.region or (self.world.bug == "stale standby" and record.standby)
        if seen is not None and allowed:
            self._promote(record)

    def _reaches(self, server: Server) -> bool:
        return server.primary and server.up and self.world.reachable(self.region, server.region)

    # The lease.

    def _tick_lease(self) -> None:
        self.later(lease.RENEW_EVERY_SECONDS, self._tick_lease)
        if self.keeper is not None and self.server.up:
            self._keep(self.keeper.tick(self.mono()))

    def _keep(self, effects: list[lease.Effect]) -> None:
        keeper, server = self.keeper, self.server
        assert keeper is not None
        for effect in effects:
            match effect:
                case lease.ReadClock(number):
                    self.later(self.world.pause(), self._read_clock, keeper, number)
                case lease.Renew(number, epoch):
                    self.world.firestore(
                        self.region,
                        self.cell,
                        lambda r, epoch=epoch: renewed(r, self.region, epoch, self.region),  # type: ignore[misc]
                        self._hear(
                            lambda done, record, number=number: self._keep(
                                keeper.on_renewed(number, record if done else None)
                            )
                        ),
                    )
                case lease.WriteLease(row):
                    if self.world.bug == "until after renewal" and row.until > server.clock():
                        until = server.clock() + lease.LEASE_SECONDS - lease.MARGIN_SECONDS
                        row = lease.LeaseRow(row.epoch, until, row.started)
                    self.world.at(self.world.pause(), self._write_lease, server.started, row)

    def _read_clock(self, keeper: lease.Keeper, number: int) -> None:
        if self.server.up and keeper is self.keeper:
            clock, started = self.server.clock(), self.server.started
            self.later(
                self.world.pause(),
                lambda: self._keep(keeper.on_clock(number, clock, started, self.mono())),
            )

    def _write_lease(self, started: float, row: lease.LeaseRow) -> None:
        server = self.server
        if server.up and server.primary and server.started == started and server.lease.epoch == row.epoch:
            server.lease = row

    # The gate.

    def leave(
        self, kind: Kind, position: int, uids: list[int], then: Callable[[bool], None], *, skip: bool = False
    ) -> None:
        """Let something out once it may leave. uids: the transactions that it tells of. then: whether it may."""
        if skip:
            self._let_out(kind, uids, then)
            return
        if not self._leaving:
            self.later(self.world.pause(), self._poll_gate)
        self._leaving.append((kind, position, uids, then))

    def _poll_gate(self) -> None:
        leaving, self._leaving = self._leaving, []
        server = self.server
        if not server.up or not server.primary:
            return
        row, flushed = server.gate_row, server.connected()
        for each in leaving:
            kind, position, uids, then = each
            match gate.passage(kind, position, row, flushed, self.mode):
                case "leave":
                    self.later(self.world.pause(), self._let_out, kind, uids, then)
                case "refuse":
                    then(False)
                case "wait":
                    self._leaving.append(each)
        if self._leaving:
            self.later(0.08, self._poll_gate)

    def _let_out(self, kind: Kind, uids: list[int], then: Callable[[bool], None]) -> None:
        self.checks.left(self.cell, kind, uids)
        then(True)

    # Promotion.

    def _promote(self, record: CellRecord) -> None:
        if self.promotion is None or self.promotion.step in {"stopped", "serving"}:
            peers = [cell for cell in self.world.records if cell != self.cell]
            self.promotion = promotion.Promotion(self.region, peers, record)
            if self.world.bug == "stale standby" and self.promotion.step == "epoch":
                self._take_epoch(record, record.standby)
                return
        for effect in self.promotion.tick(self.mono()):
            self._do(self.promotion, effect)

    def _do(self, machine: promotion.Promotion, effect: promotion.Effect) -> None:
        match effect:
            case promotion.TakeEpoch(seen, standby):
                self._take_epoch(seen, standby)
            case promotion.PromoteServer(epoch):
                self.later(self.world.pause(), self._promote_server, machine, epoch)
            case promotion.Compare(source):
                self.compare(source, self._hear(lambda: machine.on_compared(source)), fenced=False)
            case promotion.AskKnown(peer):
                self.ask_known(peer, self._hear(lambda known: machine.on_known(peer, known, self.stored())))
            case promotion.Audit():
                violations = audit_cell(self.server.state, self.cell, self.checks.quantity)
                self.later(0.05, lambda: machine.on_audited(violations, self.mono()))
            case promotion.Open(epoch):
                self.world.firestore(
                    self.region,
                    self.cell,
                    lambda r: opened(r, epoch),
                    self._hear(lambda _, r: self._opened(machine, r)),
                )

    def _take_epoch(self, seen: CellRecord, standby: str) -> None:
        machine = self.promotion
        assert machine is not None

        def change(record: CellRecord) -> CellRecord | None:
            after = promoted(record, seen, standby, self.region)
            if after is not None:
                after = type(after)(**{**_fields(after), "region": self.region})
            return after

        self.world.firestore(self.region, self.cell, change, self._hear(lambda _, r: machine.on_record(r, self.mono())))

    def _promote_server(self, machine: promotion.Promotion, epoch: int) -> None:
        if not self.server.primary:
            self.server.promote(epoch)
            self.checks.promoted(self.cell, self.server)
        if self.world.bug == "no comparison":
            machine.step = "known"
        else:
            machine.on_promoted(self.mono())

    def _opened(self, machine: promotion.Promotion, record: CellRecord) -> None:
        before = machine.step
        machine.on_opened(record)
        if before == "open" and machine.step == "serving":
            self.checks.opened(self.cell, self.server, machine.unchecked)

    # What the shop adds.

    def activated(self) -> None:
        """It begins to serve."""

    def stored(self) -> dict[Any, int]:
        """How far the store goes, by stream."""
        return {
            key[1]: value for key, value in self.server.state.items() if isinstance(key, tuple) and key[0] == "last"
        }

    def compare(self, source: str, then: Callable[[], None], *, fenced: bool) -> None:
        raise NotImplementedError

    def ask_known(self, peer: str, then: Callable[[dict[Any, int]], None]) -> None:
        raise NotImplementedError


def _fields(record: CellRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in CellRecord.__dataclass_fields__}


def acknowledges(site: Site, sent_at: float, reply: Reply) -> bool:
    """The verdict on a reply, as the shop's processes reach it."""
    now = sent_at if site.world.bug == "no check after commit" else site.mono()
    warned = reply.warned and site.world.bug != "warning taken for success"
    return lease.verdict(sent_at, reply.left, now, warned=warned) == "acknowledged"
