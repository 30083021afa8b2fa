"""What tracing costs: requests a second of a function whose requests are all traced, as a share of those of one that
traces nothing.

Both are one function in a process of its own, as the image runs it, of the same stack, in turns, under the same load
generator and without an edge. All is sampled, as on the local stack; in the cloud one request in a
hundred is, so this is a hundred times what is paid there. What a traced request makes others trace (RPC hosts, relays,
consumers, on the same cores) counts too.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tests.bench.comparison import Comparison, in_turns
from tests.bench.goals import Measurement
from tests.bench.load import Load
from tests.bench.served import Served, served
from tests.bench.shop import Shop

READ_SECONDS: Final = 0.5
READ_ROUNDS: Final = 41
ORDER_SECONDS: Final = 1.0
ORDER_ROUNDS: Final = 11
"""Many short rounds: a tenth is looked for, and a busy machine changes by more from one moment to the next."""

ORDERS: Final = 200
"""The most orders of a round."""

TRACES: Final = "TRACES"


def cost_of_tracing(shop: Shop) -> Iterator[Measurement]:
    """tracing_cached_read and tracing_create_order: the first of a supply that is in the cache, by 32 users; the second
    until it is confirmed, in short bursts, whose events are handled before the next one.
    """
    yield _compared(shop, "get_supply", "tracing_cached_read", shop.reads()[0], _reads, READ_ROUNDS)
    yield _compared(shop, "create_order", "tracing_create_order", shop.orders(1)[0], _orders, ORDER_ROUNDS)


def _compared(
    shop: Shop, target: str, name: str, first: bytes, rate: Callable[[Shop, Served], float], rounds: int
) -> Measurement:
    traced = shop.stack.environment
    untraced = {variable: value for variable, value in traced.items() if variable != TRACES}
    with (
        served(target, traced, first, contained=True) as ours,
        served(target, untraced, first, contained=True) as other,
    ):
        found = in_turns({"ours": lambda: rate(shop, ours), "other": lambda: rate(shop, other)}, rounds)
    return Comparison(name, "untraced", found["ours"], found["other"]).measurement


def _reads(shop: Shop, function: Served) -> float:
    return shop.generator.play(Load(function.port, shop.reads(), READ_SECONDS)).only(200).rate


def _orders(shop: Shop, function: Served) -> float:
    after = shop.newest()
    played = shop.generator.play(Load(function.port, shop.orders(ORDERS), ORDER_SECONDS, once=True)).only(201)
    shop.drain(after)
    return played.rate
