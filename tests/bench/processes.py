"""One function in a process of its own, as Cloud Run starts it: how soon it answers, and how much memory it takes."""

import base64
import time
from collections.abc import Iterator
from typing import Final

from pg8000.native import Connection

from shared.config import read
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from tests.bench.comparison import ROUNDS, in_turns
from tests.bench.goals import Measurement
from tests.bench.load import HOST, Load, request
from tests.bench.served import first_answer, served, start, stop
from tests.bench.shop import Shop

REQUESTS: Final = 1_000
HELLO: Final = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

CONFIRMED: Final = """
    SELECT stream, version, id, type, data, metadata_of(metadata, trace) AS metadata, recorded_at AS at FROM events
    WHERE type = 'order.confirmed' ORDER BY position DESC LIMIT 1"""


def cold_starts(shop: Shop) -> Iterator[Measurement]:
    """cold_start_vs_hello of create_order and of capture_hold, an event row.

    From the start of a fresh process to its first response, bytecode compiled and files in the page cache on all sides.
    Ours does real work in it: an order that is confirmed, with connections to PostgreSQL, Valkey, Firestore and two RPC
    hosts; and a delivery of an event, through its inbox. Hello does nothing. All three on functions-framework's default
    server, which takes most of hello's time.
    """
    environment = shop.stack.environment
    delivery = _delivery(shop)
    rounds = in_turns(
        {
            "hello": lambda: _seconds("hello", None, HELLO, 200),
            "create_order": lambda: _seconds("create_order", environment, shop.orders(1)[0], 201),
            "capture_hold": lambda: _seconds("capture_hold", environment, delivery, 200),
        }
    )
    hellos = rounds.pop("hello")
    for name, ours in rounds.items():
        ratios = [mine / hello for mine, hello in zip(ours, hellos, strict=True)]
        middle = (1000 * sorted(values)[ROUNDS // 2] for values in (ours, hellos))
        yield Measurement(f"cold_start_vs_hello_{name}", ratios, "{:.0f} ms, hello {:.0f} ms".format(*middle))


def _seconds(target: str, environment: dict[str, str] | None, message: bytes, status: int) -> float:
    """From the start of a process to its first response."""
    began = time.perf_counter()
    process, port = start(target, environment)
    try:
        answered = first_answer(port, message, process)
        took = time.perf_counter() - began
    finally:
        stop(process)
    if answered != status:
        raise RuntimeError(f"{target} answered {answered}, not {status}")
    return took


def _delivery(shop: Shop) -> bytes:
    """A push of an order.confirmed that its consumer has applied already, and so only looks up in its inbox."""
    connection: Connection = shop.databases["order"]
    (row,) = connection.run(CONFIRMED)
    names = [column["name"] for column in connection.columns or ()]
    event = StoredEvent(**dict(zip(names, row, strict=True)))
    message = {"attributes": event.attributes(), "data": base64.b64encode(event.body()).decode(), "messageId": event.id}
    token = read(shop.stack.environment).secret("push_token").decode()
    return request("POST", f"/?token={token}", body=to_json({"message": message}))


def memory(shop: Shop) -> Measurement:
    """function_rss_mb: the resident memory of create_order's worker after 1,000 orders by 16 connections.

    One function in one process, on functions-framework's default server, as a container of Cloud Run holds it. There is
    no other side: the goal is in MB.
    """
    after = shop.newest()
    with served("create_order", shop.stack.environment, shop.orders(1)[0]) as function:
        cold = function.rss_mb()
        shop.generator.play(Load(function.port, shop.orders(REQUESTS), 100, once=True)).only(201)
        found = function.rss_mb()
    shop.drain(after)
    return Measurement("function_rss_mb", [found], f"after the first order {cold:.0f} MB")
