"""What an order costs over the whole stack: CPU, WAL, commits, pushes.

A play is a fixed number of orders through the edge by 16 connections, measured until each is settled: paid, its units
sold, its claim open. What an idle stack uses in as long a time (schedules, polls, checkpoints) is subtracted. CPU is
that of all the stack's processes, the emulators among them, and not that of the load generator.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Final

from shared.registry import load
from tests.bench.comparison import ROUNDS
from tests.bench.counters import STATISTICS_SECONDS, Cost, Reading, difference, pushes
from tests.bench.goals import Measurement
from tests.bench.load import CONNECTIONS, Load
from tests.bench.orders import HELLO
from tests.bench.served import served
from tests.bench.shop import COUNT_PAID, Shop

ORDERS: Final = 96
"""Of a play: six for each connection."""

ALONE: Final = 24
"""How many orders are placed alone, each after the one before it is settled."""

HELLO_SECONDS: Final = 1.0


def play(shop: Shop, count: int = ORDERS, connections: int = CONNECTIONS) -> Cost:
    """What an order costs, of a number that are placed and settled. PostgreSQL's counters (`pg`) are incomplete."""
    after, requests = shop.newest(), shop.orders(count)
    before = shop.counters.read()
    placed = shop.burst(requests, connections=connections).count
    shop.until_settled(after, placed)
    return difference(before, shop.counters.read()).per(placed)


def idle(shop: Shop, seconds: float = STATISTICS_SECONDS) -> Cost:
    """What the stack uses while nobody does anything."""
    before = shop.counters.read()
    time.sleep(seconds)
    return difference(before, shop.counters.read())


def idle_and_reported(shop: Shop) -> Cost:
    """The same, once PostgreSQL has counted all that was done before: else that would count as what idleness costs."""
    time.sleep(STATISTICS_SECONDS)
    return idle(shop)


def cpu_and_wal(shop: Shop, name: str = "cpu_paid_order_vs_hello") -> Iterator[Measurement]:
    """cpu_paid_order_vs_hello and wal_kb_per_paid_order.

    Ours: the CPU time of a settled order, over the whole stack. Other: the CPU time of a request to hello on
    functions-framework's default server, measured in turns with the plays, under the same load generator. CPU time is
    fair where wall time is not: it counts every process, and depends little on what else runs. WAL is by its position,
    with the full pages after a checkpoint in it, if there is one.
    """
    resting, plays, hellos = idle(shop), [], []
    with served("hello") as hello:
        for _ in range(ROUNDS):
            plays.append(play(shop).without(resting))
            began = hello.cpu_seconds()
            played = shop.generator.play(Load(hello.port, [HELLO], HELLO_SECONDS)).only(200)
            hellos.append((hello.cpu_seconds() - began) / played.count)
    orders = [each.total("cpu") for each in plays]
    ratios = [order / hello for order, hello in zip(orders, hellos, strict=True)]
    milliseconds = (1000 * statistics.median(orders), 1000 * statistics.median(hellos))
    yield Measurement(name, ratios, f"{milliseconds[0]:.1f} ms, hello {milliseconds[1]:.2f} ms")
    if name == "cpu_paid_order_vs_hello":
        yield Measurement("wal_kb_per_paid_order", [each.total("lsn") / 1000 for each in plays])


def commits(shop: Shop) -> Iterator[Measurement]:
    """commits_per_order, alone and in batches: of all services' databases, until the order is settled.

    Alone: one order after the other, each settled before the next, so that nothing can share a commit. In batches: a
    play. PostgreSQL counts a read in a transaction of its own as a commit too, and so do these. Its counters are
    complete only seconds later: one round, of many orders.
    """
    resting = idle_and_reported(shop)
    for name, count, connections in (("alone", ALONE, 1), ("in_batches", 2 * ORDERS, CONNECTIONS)):
        after, before, polled = shop.newest(), shop.counters.read(), shop.polls
        for _ in range(count if connections == 1 else 1):
            play(shop, 1 if connections == 1 else count, connections)
        placed = shop.ask("order", COUNT_PAID, after=after)[0][0]
        time.sleep(STATISTICS_SECONDS)
        cost = difference(before, shop.counters.read()).without(resting)
        of_ours = cost.counts["pg commits"] - (shop.polls - polled)
        detail = f"{placed} orders, {cost.counts['xid writes'] / placed:.1f} transactions that wrote"
        yield Measurement(f"commits_per_order_{name}", [of_ours / placed], detail)


def pushes_to_completed(shop: Shop) -> Measurement:
    """pushes_per_claimed_order: deliveries by Pub/Sub to the events host, from the order to `completed`.

    Counted by the events host's own metric of its event rows, acknowledged ones only: what is answered otherwise is
    delivered again, and would count twice. The buyers were funded before, so that no push is the faucet's. The stack's
    relayer redeems a claim on the local chain at once.
    """
    after = shop.newest()
    before = shop.counters.read()
    placed = shop.burst(shop.orders(ORDERS)).count
    shop.until_settled(after, placed)
    shop.burst(shop.claims(after))
    shop.until_completed(after, placed)
    count = _pushes_until_quiet(shop, before)
    return Measurement("pushes_per_claimed_order", [count / placed], f"{placed} orders")


def _pushes_until_quiet(shop: Shop, before: Reading) -> float:
    """The pushes since a reading, once none has come for a second."""
    registry, count = load(), -1.0
    while count < (found := pushes(difference(before, shop.counters.read()), registry)):
        count = found
        time.sleep(1)
    return count
