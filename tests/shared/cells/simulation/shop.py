"""What a cell does for its users and for other cells: sales, vouchers, quotas, money, events."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from shared.cells.asker import Asker
from shared.cells.quota import Account, Ask, Grant, Short
from shared.cells.streams import step
from shared.cells.transit import Transfer, credit, debit
from tests.shared.cells.simulation.server import Refused, Reply, Transaction
from tests.shared.cells.simulation.site import Site, acknowledges

Told = Callable[[str, str], None]
"""(key, outcome): what a buyer is told."""

COMPARE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Order:
    """A sale of one unit."""

    buyer: str
    phase: str
    status: str = "sold"
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An event of a stream between two cells."""

    stream: tuple[str, str, str]
    version: int
    event: Grant | Transfer


class Shop(Site):
    """A cell's site with all that it serves."""

    phase_ends = 0.0

    def reset(self) -> None:
        super().reset()
        peers = [cell for cell in self.world.records if cell != self.cell]
        self.asker = Asker("supply", self.cell, peers)
        self._told: dict[str, tuple[str, Told]] = {}
        self._answered: set[tuple[str, str, int]] = set()
        self._published: dict[Any, int] = {}
        self._compare: dict[int, tuple[Callable[[], None], bool]] = {}

    def activated(self) -> None:
        self._published = {}
        self._relay()
        self._compare_all()

    @property
    def account(self) -> Account:
        account: Account = self.server.state["account"]
        return account

    def _peer(self, cell: str) -> "Shop":
        shop: Shop = self.sites[cell, self.world.serving(self.region, cell)]
        return shop

    def _call(self, shop: "Shop", what: Callable[..., None], *arguments: Any) -> None:
        """A call of another site; it is lost if that one is not there."""
        self.world.send(self.region, shop.region, shop._run, shop._life, what, arguments)

    # Buyers.

    def buy(self, buyer: str, limit: int, key: str, tell: Told) -> None:
        """Sell one unit, once for a key."""
        if not self.serving:
            return
        sent_at, epoch = self.mono(), self.epoch
        phase = "early" if self.world.now < self.phase_ends else ""

        def work(transaction: Transaction) -> str:
            order = transaction.get(("order", key))
            if order is not None:
                return str(order.status)
            bought = transaction.get(("bought", buyer), 0)
            if bought >= limit:
                raise Refused("LIMIT")
            try:
                account = transaction.get("account").reserve(1, phase).commit(1)
            except Short as short:
                raise Refused("SHORT") from short
            transaction.put("account", account)
            transaction.put(("order", key), Order(buyer, phase))
            transaction.put(("bought", buyer), bought + 1)
            return "sold"

        def done(reply: Reply) -> None:
            if reply.refused == "SHORT":
                self._told[key] = (buyer, tell)
                self.asker.wait(key, 1, phase, self.mono())
                self._ask()
                self.later(0.31, self._sweep)
                self.later(0.0, self._sweep)
                return
            self.asker.served(key)
            self._told.pop(key, None)
            self._acknowledge(reply, sent_at, epoch, key, tell)

        self.server.commit(epoch, work, self._hear(done))

    def _acknowledge(self, reply: Reply, sent_at: float, epoch: int, key: str, tell: Told) -> None:
        if reply.refused == "fenced":
            return
        if not acknowledges(self, sent_at, reply):
            self.checks.counts["outcome unknown"] += 1
            return
        uid = 0 if reply.refused else self.server.writer(("order", key), reply.position)
        self.checks.acknowledged(self.cell, epoch, key, uid)
        tell(key, reply.refused or reply.result)

    def look(self) -> None:
        """A strong read."""
        if self.serving:
            sent_at, epoch = self.mono(), self.epoch
            done = self._hear(
                lambda reply: self._acknowledge(reply, sent_at, epoch, "a read", lambda key, outcome: None)
            )
            self.server.commit(epoch, lambda transaction: None, done)

    def cancel(self, key: str, tell: Told) -> None:
        """Take a sold unit back, unless it was claimed."""
        if not self.serving:
            return
        sent_at, epoch = self.mono(), self.epoch

        def work(transaction: Transaction) -> str:
            order: Order | None = transaction.get(("order", key))
            if order is None:
                raise Refused("MISSING")
            if order.status == "sold":
                transaction.put("account", transaction.get("account").take_back(1, order.phase))
                transaction.put(("order", key), replace(order, status="cancelled"))
                transaction.put(("bought", order.buyer), transaction.get(("bought", order.buyer)) - 1)
                return "cancelled"
            return order.status

        def done(reply: Reply) -> None:
            self._acknowledge(reply, sent_at, epoch, key, tell)

        self.server.commit(epoch, work, self._hear(done))

    def claim(self, key: str, tell: Told) -> None:
        """Store a voucher for an order, once, and hand it out once it may leave."""
        if not self.serving:
            return
        sent_at, epoch, nonce = self.mono(), self.epoch, str(next(self.world.uids))

        def work(transaction: Transaction) -> Order:
            order: Order | None = transaction.get(("order", key))
            if order is None or order.status == "cancelled":
                raise Refused("MISSING")
            if order.status == "sold":
                order = replace(order, status="claimed", nonce=nonce)
                transaction.put(("order", key), order)
            return order

        def done(reply: Reply) -> None:
            if reply.refused:
                self._acknowledge(reply, sent_at, epoch, key, tell)
                return
            order, uid = reply.result, self.server.origin.get(("order", key), 0)

            def hand_out(allowed: bool) -> None:
                if allowed:
                    self.checks.voucher(key, order.buyer, order.nonce)
                    tell(key, "voucher")

            skip = self.world.bug == "gate skipped for vouchers"
            self.leave("voucher", reply.position, [uid], hand_out, skip=skip)

        self.server.commit(epoch, work, self._hear(done))

    # Units from other cells.

    def _ask(self) -> None:
        for peer, ask in self.asker.asks(self.account, self.mono()):
            shop = self._peer(peer)
            self._call(shop, shop.on_ask, ask, self)

    def _sweep(self) -> None:
        for key in self.asker.sold_out(self.mono()):
            _, tell = self._told.pop(key, ("", None))
            if tell is not None:
                self.checks.counts["sold out"] += 1
                tell(key, "SOLD_OUT")

    def _retry(self) -> None:
        for key in self.asker.requests():
            if key in self._told:
                buyer, tell = self._told[key]
                self.buy(buyer, self.checks.limit, key, tell)

    def on_ask(self, ask: Ask, asker: "Shop") -> None:
        """Give what can be spared; the answer carries the grant, once it may leave."""
        known = (ask.asker, asker.region, ask.id)
        if not self.serving or known in self._answered:
            return
        self._answered.add(known)
        waiting = self.asker.demand(ask.phase, self.mono())

        def work(transaction: Transaction) -> Grant | None:
            held: Account = transaction.get("account")
            given = held.give(ask, waiting)
            if given is None:
                return None
            account, grant = given
            transaction.put("account", account)
            _append(transaction, ("quota", self.cell, ask.asker), grant.version, grant)
            return grant

        def done(reply: Reply) -> None:
            grant = reply.result
            if grant is None:
                if not reply.refused:
                    self._call(asker, asker.on_dry, self.cell, ask.id)
                return
            message = Message(("quota", self.cell, ask.asker), grant.version, grant)
            self._send_grant(message, reply.position, asker)
            self._relay()

        self.server.commit(self.epoch, work, self._hear(done))

    def _send_grant(self, message: Message, position: int, asker: "Shop") -> None:
        uid = self.server.origin.get(("event", message.stream, message.version), 0)
        self.leave(
            "grant", position, [uid], lambda allowed: self._call(asker, asker.receive, message, 0) if allowed else None
        )

    def on_dry(self, peer: str, ask: int) -> None:
        """A peer has nothing to spare."""
        self.asker.on_dry(peer, ask, self.mono())
        self._sweep()

    # Money.

    def transfer(self, rng: random.Random) -> None:
        """Move money to another cell, or out of the system."""
        if not self.serving:
            return
        wallet = ("wallet", self.cell, rng.randrange(2))
        amount = rng.randint(1, 40)
        identity = f"trf-{next(self.world.uids)}"
        if rng.random() < 0.3:
            self._withdraw(wallet, amount, identity)
            return
        receiver = rng.choice([cell for cell in self.world.records if cell != self.cell])
        target = rng.randrange(2)

        def work(transaction: Transaction) -> None:
            if transaction.get(wallet) < amount:
                raise Refused("FUNDS")
            stream = ("transit", self.cell, receiver)
            version = transaction.get(("last", stream), 0) + 1
            event = Transfer(
                identity, self.cell, receiver, version, "USDC", amount, f"{receiver}/{target}", f"{receiver}/0"
            )
            _post(transaction, self.cell, debit(f"{self.cell}/{wallet[2]}", event, "transfer"))
            _append(transaction, stream, version, event)

        self.server.commit(self.epoch, work, self._hear(lambda reply: self._relay()))

    def _withdraw(self, wallet: Any, amount: int, identity: str) -> None:
        def work(transaction: Transaction) -> None:
            if transaction.get(wallet) < amount:
                raise Refused("FUNDS")
            transaction.put(wallet, transaction.get(wallet) - amount)
            transaction.put(("withdrawal", identity), amount)

        def done(reply: Reply) -> None:
            if not reply.refused:
                uid = self.server.origin.get(("withdrawal", identity), 0)
                self.leave("withdrawal", reply.position, [uid], lambda allowed: None)

        self.server.commit(self.epoch, work, self._hear(done))

    # Events between cells.

    def _relay(self) -> None:
        """Publish what was appended, each event once it may leave."""
        state = self.server.state
        for key in [key for key in state if isinstance(key, tuple) and key[0] == "last"]:
            stream = key[1]
            for version in range(self._published.get(stream, 0) + 1, state[key] + 1):
                message = Message(stream, version, state["event", stream, version])
                uid = self.server.origin["event", stream, version]
                self.leave("event", len(self.server.log), [uid], self._publishing(message))
            self._published[stream] = state[key]

    def _publishing(self, message: Message) -> Callable[[bool], None]:
        return lambda allowed: self.world.publish(message) if allowed else None

    def receive(
        self, message: Message, number: int, then: Callable[[], None] | None = None, fenced: bool = True
    ) -> None:
        """Apply an event and advance the inbox in one transaction. number: the bus's, to acknowledge; 0 for none."""
        if fenced and not self.serving:
            return
        stream, version = message.stream, message.version
        split = self.world.bug == "credit outside the inbox transaction"

        def work(transaction: Transaction) -> str:
            found = step(transaction.get(("inbox", stream), 0), version)
            if found == "apply":
                transaction.put(("inbox", stream), version)
                transaction.put(("got", stream, version), message.event)
                if not split:
                    _apply(transaction, self.cell, message.event)
            return found

        def done(reply: Reply) -> None:
            if reply.refused:
                return
            if reply.result == "gap":
                self._read(stream[1], fenced=fenced)
                return
            if split and reply.result == "apply":
                self.server.commit(
                    self.epoch, lambda transaction: _apply(transaction, self.cell, message.event), lambda _: None
                )
            if number:
                self.world.acknowledge(number)
                self.checks.consumed(self.cell, stream, version)
            if stream[0] == "quota" and reply.result == "apply":
                self.asker.on_grant(stream[1])
                self._retry()
            if then is not None:
                then()

        self.server.commit(self.epoch, work, self._hear(done), fenced=fenced)

    # Reading what lacks.

    def _compare_all(self) -> None:
        self.later(COMPARE_SECONDS, self._compare_all)
        if self.serving:
            for source in self.world.records:
                if source != self.cell:
                    self._read(source, fenced=True)

    def compare(self, source: str, then: Callable[[], None], *, fenced: bool) -> None:
        self._read(source, fenced=fenced, then=then)

    def _read(self, source: str, *, fenced: bool, then: Callable[[], None] | None = None) -> None:
        state = self.server.state
        have = {
            key[1]: state[key] for key in state if isinstance(key, tuple) and key[0] == "inbox" and key[1][1] == source
        }
        shop = self._peer(source)

        def answered(messages: list[Message]) -> None:
            """Apply them one after the other."""
            if not messages:
                if then is not None:
                    then()
                return
            self.receive(messages[0], 0, lambda: answered(messages[1:]), fenced)

        self._call(shop, shop.read_events, self, have, self._hear(answered))

    def read_events(self, reader: "Shop", have: dict[Any, int], then: Callable[[list[Message]], None]) -> None:
        """Events.Read and Events.List: what a cell lacks of this one's streams, once it may leave."""
        server = self.server
        if not (server.up and server.primary):
            return
        messages = [
            Message(key[1], version, server.state["event", key[1], version])
            for key in server.state
            if isinstance(key, tuple) and key[0] == "last" and key[1][2] == reader.cell
            for version in range(have.get(key[1], 0) + 1, server.state[key] + 1)
        ]
        uids = [server.origin["event", each.stream, each.version] for each in messages]
        self.leave(
            "read",
            len(server.log),
            uids,
            lambda allowed: self.world.send(self.region, reader.region, then, messages) if allowed else None,
            skip=self.world.bug == "gate skipped for gap reads",
        )

    def ask_known(self, peer: str, then: Callable[[dict[Any, int]], None]) -> None:
        shop = self._peer(peer)
        self._call(shop, shop.tell_known, self, then)

    def tell_known(self, asker: "Shop", then: Callable[[dict[Any, int]], None]) -> None:
        """How far the inboxes here know a cell's streams."""
        if self.server.up and self.server.primary:
            state = self.server.state
            known = {
                key[1]: value
                for key, value in state.items()
                if isinstance(key, tuple) and key[0] == "inbox" and key[1][1] == asker.cell
            }
            self.world.send(self.region, asker.region, then, known)


def _append(transaction: Transaction, stream: tuple[str, str, str], version: int, event: Grant | Transfer) -> None:
    transaction.put(("last", stream), version)
    transaction.put(("event", stream, version), event)


def _apply(transaction: Transaction, cell: str, event: Grant | Transfer) -> None:
    if isinstance(event, Grant):
        transaction.put("account", transaction.get("account").credit(event))
    else:
        _post(transaction, cell, credit(event, target_open=not event.target.endswith("1")))


def _post(transaction: Transaction, cell: str, postings: Any) -> None:
    for posting in postings:
        if posting.account.startswith("transit:"):
            key: Any = ("transit", posting.account)
        else:
            key = ("wallet", cell, int(posting.account.partition("/")[2]))
        transaction.put(key, transaction.get(key, 0) + posting.amount)
