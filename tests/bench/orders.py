"""Orders and reads through the edge, beside hello: what a client with 16 connections gets.

Hello is a function that does nothing, on functions-framework's default server (gunicorn), as a newcomer would deploy
it; no edge, database or other process stands behind it. The same load generator, with the same number of connections,
measures it between the rounds of ours, on the same machine. So a ratio says which share of the speed of doing nothing
is left when everything is done that an order or a read needs, with all the stack's processes on the same cores.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import psutil

from emulators.stack.ports import relay
from shared.registry import load
from tests.bench.comparison import ROUNDS, in_turns
from tests.bench.goals import Measurement
from tests.bench.load import CONNECTIONS, Load, Played, request
from tests.bench.served import served
from tests.bench.shop import SUPPLIES, Shop

BURST: Final = 1_000
"""The most orders of a burst: more would measure how fast the events are handled too."""

BURST_SECONDS: Final = 3.0
LAG_SECONDS: Final = 1.8
"""Less than the 2 s after which new orders wait for payments (PAYMENT_LAG_SECONDS)."""

HELLO_SECONDS: Final = 1.0
HELLO: Final = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
HEALTH: Final = request("GET", "/health")

SHARE: Final = 0.7
"""The share of the sustainable rate at which paid and confirmed orders are compared."""

SUSTAIN_SECONDS: Final = 8.0
WINDOW_SECONDS: Final = 3.0
AHEAD_SECONDS: Final = 3.0
"""How long the load lasts before the first window, so that payments are under way at its begin."""

RATES: Final = """
    SELECT count(*) FILTER (WHERE type = 'order.paid'), count(*) FILTER (WHERE type = 'order.confirmed')
    FROM events WHERE recorded_at >= :since::timestamptz + :from * interval '1 second'
                  AND recorded_at < :since::timestamptz + :to * interval '1 second'"""


def over_http(shop: Shop) -> Iterator[Measurement]:
    """create_order_http_vs_hello, with one hot supply and with 16, get_supply_http_vs_hello, and two bounds.

    Ours: requests through the edge, 16 connections at once; orders in bursts of at most 1,000, each answered 201
    confirmed (stock reserved, funds held), after which the stack has time to handle the events; it is not measured.
    The read is of one cached supply, by 32 users. Other: hello, see above.

    The bounds say what limits the rows above: no read can be faster than a health check, which goes the same way and
    does nothing; nor orders, while their events are handled on the same cores, as fast as with nobody who handles them.
    """
    with served("hello") as hello:
        rates = in_turns(
            {
                "hello": lambda: shop.generator.play(Load(hello.port, [HELLO], HELLO_SECONDS)).only(200).rate,
                "create_order_http_vs_hello": lambda: burst(shop, 1).rate,
                "create_order_http_vs_hello_16_supplies": lambda: burst(shop, SUPPLIES).rate,
                "get_supply_http_vs_hello": lambda: reads(shop).rate,
                "bound_health_http_vs_hello": lambda: health(shop).rate,
                "bound_create_order_http_vs_hello": lambda: burst_without_events(shop).rate,
            }
        )
    others = rates.pop("hello")
    for name, ours in rates.items():
        ratios = [mine / other for mine, other in zip(ours, others, strict=True)]
        yield Measurement(name, ratios, f"{_median(ours):,.0f}/s, hello {_median(others):,.0f}/s")


def burst(shop: Shop, supplies: int) -> Played:
    """Orders for a few seconds, at most BURST; afterwards the stack drains."""
    after = shop.newest()
    requests = shop.orders(BURST, supplies)
    played = shop.burst(requests, BURST_SECONDS)
    shop.drain(after)
    return played


def burst_without_events(shop: Shop) -> Played:
    """Orders until their payments begin to lag, while no relay publishes an event; afterwards the stack drains."""
    after, requests = shop.newest(), shop.orders(BURST)
    site = shop.stack.layout.regions[0]
    relays = {relay(name, site) for name, service in load().services.items() if service.outbox == "postgres"}
    stopped = [psutil.Process(each.pid) for each in shop.stack.status() if each.pid and each.name in relays]
    for process in stopped:
        process.suspend()
    try:
        played = shop.burst(requests, LAG_SECONDS)
    finally:
        for process in stopped:
            process.resume()
    shop.drain(after)
    return played


def health(shop: Shop) -> Played:
    """Health checks of the platform's function."""
    return shop.generator.play(Load(shop.port, [HEALTH], HELLO_SECONDS)).only(200)


def reads(shop: Shop) -> Played:
    """Reads of one supply, cached after the first."""
    return shop.generator.play(Load(shop.port, shop.reads(), HELLO_SECONDS)).only(200)


def paid_vs_confirmed(shop: Shop) -> Measurement:
    """Paid orders per second as a share of confirmed orders per second, at 70 % of the sustainable rate.

    The sustainable rate is what 16 connections get in a closed loop while the events of their orders are handled on the
    same cores, in the second half of 8 seconds. Then orders arrive at 70 % of it, however slow the responses are. Both
    sides are counted from the events in the order service's store, in the same windows of 3 seconds, so that clients'
    polling slows nothing down. A share below 1 means that payments fall behind, and wait longer and longer.
    """
    after = shop.newest()
    sustainable = _sustainable(shop)
    shop.drain(after)
    after, since = shop.newest(), str(shop.ask("order", "SELECT now()")[0][0])
    rate, seconds = sustainable * SHARE, AHEAD_SECONDS + ROUNDS * WINDOW_SECONDS
    shop.burst(shop.orders(int(rate * seconds) + 1), seconds + 1, rate=rate, connections=4 * CONNECTIONS)
    shop.drain(after)
    windows = [_window(shop, since, AHEAD_SECONDS + number * WINDOW_SECONDS) for number in range(ROUNDS)]
    detail = f"{_median([paid for paid, _ in windows]):,.0f} paid/s of {_median([c for _, c in windows]):,.0f}/s"
    return Measurement("paid_vs_confirmed", [paid / max(confirmed, 1e-9) for paid, confirmed in windows], detail)


def _sustainable(shop: Shop) -> float:
    """Confirmed orders per second in the second half of a closed loop."""
    requests = shop.orders(int(SUSTAIN_SECONDS * 600))
    since = str(shop.ask("order", "SELECT now()")[0][0])
    shop.burst(requests, SUSTAIN_SECONDS)
    _, confirmed = shop.ask("order", RATES, since=since, **{"from": SUSTAIN_SECONDS / 2, "to": SUSTAIN_SECONDS})[0]
    return float(confirmed) / (SUSTAIN_SECONDS / 2)


def _window(shop: Shop, since: str, begin: float) -> tuple[float, float]:
    """Paid and confirmed orders per second in a window."""
    found = shop.ask("order", RATES, since=since, **{"from": begin, "to": begin + WINDOW_SECONDS})[0]
    return float(found[0]) / WINDOW_SECONDS, float(found[1]) / WINDOW_SECONDS


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
