"""Purchases while PostgreSQL repeatedly drops every connection of the services."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pg8000.native import Connection

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.parts.postgres import SUPERUSER
from shared.config import Settings
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock

BUYERS, ORDERS_EACH = 4, 5
CUTS = 40
AT_MOST_SECONDS = 0.3
"""Between two cuts: about the duration of an order that has to reconnect."""

AGAIN_SECONDS = 0.1


@pytest.fixture
def cut(settings: Settings) -> Iterator[Callable[[], int]]:
    """Terminates every connection of Meridian to PostgreSQL, and returns how many there were."""
    connection = Connection(
        SUPERUSER,
        host=settings.database_host,
        port=settings.database_port,
        database="postgres",
        password=settings.secret("postgres.password").decode(),
    )

    def terminate() -> int:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian'"
        return len(connection.run(sql))

    yield terminate
    connection.close()


def buy(person: ApiUser, body: dict[str, Any], _: int) -> tuple[str, list[str]]:
    """Order with one key until a final response; returns the order's id, and all responses on the way."""
    key, answers = fresh_key(), []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = person.request("POST", "/v1/orders", body, key)
        answers.append(f"{answer.status_code} {answer.json().get('code', '')}".strip())
        if answer.status_code == 201:
            return str(answer.json()["id"]), answers
        time.sleep(AGAIN_SECONDS)
    raise TimeoutError(f"no order after {answers}")


def test_orders_survive_lost_connections(
    anyone: Callable[[], ApiUser],
    on_sale: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    audit: Callable[[], list[str]],
    cut: Callable[[], int],
) -> None:
    """20 orders of 4 buyers: each key ends with one order, paid once; on the way there are only 503s and 409s."""
    buyers, supply = [anyone() for _ in range(BUYERS)], on_sale(quantity=100)
    for person in buyers:
        person.post("/v1/local/faucet", {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(FUNDS)})
    bodies = [{"wallet_id": p.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]} for p in buyers]
    with ThreadPoolExecutor(BUYERS) as pool:
        running = [
            pool.submit(lambda work: [work(number) for number in range(ORDERS_EACH)], partial(buy, person, body))
            for person, body in zip(buyers, bodies, strict=True)
        ]
        lost: list[int] = []
        while len(lost) < CUTS and not all(future.done() for future in running):
            lost.append(cut())
            time.sleep(random.uniform(0, AT_MOST_SECONDS))
        done = [result for future in running for result in future.result()]
    assert sum(lost[1:]) > 0, f"nothing was cut while orders were on their way: {lost}"
    orders = [order_id for order_id, _ in done]
    assert {answer for _, answers in done for answer in answers} <= {
        *("201", "503 UNAVAILABLE", "503 CONTENDED", "503 ORDER_PENDING", "503 OUTCOME_UNKNOWN"),
        "409 IDEMPOTENCY_IN_PROGRESS",
    }
    assert sorted(orders) == sorted(order_id for person in buyers for order_id in probe.orders_of(person.user_id))
    assert len(set(orders)) == BUYERS * ORDERS_EACH
    assert {account.status for account in probe.all_settled(orders).values()} == {"paid"}
    assert probe.stock(supply["id"]) == Stock(100, 100 - len(orders), 0, len(orders))
    assert [probe.money(person.wallet_id) for person in buyers] == [(FUNDS - 1000 * ORDERS_EACH, 0)] * BUYERS
    assert audit() == []
