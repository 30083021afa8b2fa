"""What the database itself enforces, whatever the code does."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from functions.order.domain.order import Order
from shared import ids
from shared.config import Settings
from shared.errors import MeridianError
from shared.money import Amount
from shared.postgres.connect import connector
from tests.functions.wallet.holds import a_hold, place, release
from tests.isolated_services import SERVICES, IsolatedServices, IsolatedUser
from tests.races import all_at_once

DENIED = "42501"
BROKEN = "23514"

POST = """
    SELECT post_transfers(:transfers::text[], array_fill('test'::text, ARRAY[n]), array_fill(''::text, ARRAY[n]),
        array_fill(NULL::text, ARRAY[n]), now(), :places::integer[], :accounts::text[], :currencies::text[],
        :amounts::numeric[], array_fill(0::numeric, ARRAY[cardinality(:accounts::text[])]), :transfers::text[],
        array_fill('{}'::jsonb, ARRAY[n]), array_fill('{}'::jsonb, ARRAY[n]))
    FROM cardinality(:transfers::text[]) AS n"""


def refused_with(state: str, isolated: IsolatedServices, sql: str, **parameters: Any) -> None:
    """The wallet's role is refused a statement."""
    with pytest.raises(DatabaseError) as error, isolated.resources.database("wallet").transaction() as transaction:
        transaction.run(sql, parameters)
    assert error.value.args[0]["C"] == state, error.value


@pytest.mark.parametrize("table", ["entries", "transfers"])
def test_history_cannot_be_changed(isolated: IsolatedServices, table: str) -> None:
    """PostgreSQL refuses the service's own role to update, delete or empty what was posted."""
    isolated.new_user(USDC=1)
    before = isolated.probe.rows("wallet", f"SELECT * FROM {table} ORDER BY created_at LIMIT 5")
    assert before
    for statement in (
        f"UPDATE {table} SET created_at = created_at",
        f"UPDATE {table} SET created_at = now()",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
    ):
        refused_with(DENIED, isolated, statement)
    assert isolated.probe.rows("wallet", f"SELECT * FROM {table} ORDER BY created_at LIMIT 5") == before


def test_facts_cannot_be_changed(isolated: IsolatedServices) -> None:
    """Of an event the service may change only whether it was published."""
    for statement in ("UPDATE events SET data = '{}'", "UPDATE events SET version = 1", "DELETE FROM events"):
        refused_with(DENIED, isolated, statement)


def test_nothing_that_counts_can_be_deleted(isolated: IsolatedServices) -> None:
    """Wallets, balances, holds and escrows end; they do not vanish."""
    for table in ("wallets", "accounts", "holds", "escrows"):
        refused_with(DENIED, isolated, f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "legs",
    [
        [(1, "escrow", "USDC", 1)],
        [(1, "fees", "USDC", 1), (1, "escrow", "USDC", -2)],
        [(1, "external", "ETH", -1), (1, "escrow", "USDC", 1)],
        [(1, "fees", "USDC", 0), (1, "escrow", "USDC", 0)],
        [(1, "escrow", "USDC", 0)],
        [],
        [(1, "fees", "USDC", 1), (2, "escrow", "USDC", -1)],
        [(1, "fees", "USDC", 1), (1, "escrow", "USDC", -1), (2, "fees", "USDC", 1), (2, "escrow", "USDC", -2)],
        [(1, "fees", "USDC", 1), (1, "escrow", "USDC", -2), (2, "fees", "USDC", 2), (2, "escrow", "USDC", -1)],
    ],
)
def test_a_transfer_that_does_not_sum_to_zero_is_refused(
    isolated: IsolatedServices, legs: list[tuple[int, str, str, int]]
) -> None:
    """By the database itself: the postings of a transfer sum to zero in each currency, and none is nothing."""
    places, accounts, currencies, amounts = (list(column) for column in zip(*legs, strict=True)) if legs else ([],) * 4
    transfers = [ids.new("trf", "us") for _ in range(max(places, default=1))]
    legs_of = {"places": places, "accounts": accounts, "currencies": currencies, "amounts": amounts}
    refused_with(BROKEN, isolated, POST, transfers=transfers, **legs_of)
    assert isolated.probe.rows("wallet", "SELECT id FROM transfers WHERE id = ANY(:ids::text[])", ids=transfers) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO transfers (id, kind, reference, created_at) VALUES ('trf_us_x', 'test', '', now())",
        "INSERT INTO entries (transfer_id, account, currency, amount, created_at) VALUES ('x', 'x', 'ETH', 1, now())",
        "INSERT INTO accounts (wallet_id, currency, posted, held, version) SELECT id, 'ETH', 1, 0, 1 FROM wallets",
        "UPDATE accounts SET posted = posted + 1",
    ],
)
def test_money_moves_by_transfers_alone(isolated: IsolatedServices, statement: str) -> None:
    """The service's role cannot write entries or balances except through post_transfers."""
    refused_with(DENIED, isolated, statement)


@pytest.mark.parametrize("change", ["held = posted + 1", "held = -1", "held = 11", "held = held - 5"])
def test_an_account_is_covered_always(isolated: IsolatedServices, change: str) -> None:
    """No statement can hold more than the balance, or less than zero."""
    somebody = isolated.new_user(USDC=10)
    place(isolated, a_hold(somebody, 4))
    refused_with(BROKEN, isolated, f"UPDATE accounts SET {change} WHERE wallet_id = :id", id=somebody.wallet_id)
    assert isolated.probe.money(somebody.wallet_id) == (10, 4)


@pytest.mark.parametrize("other", [service for service in SERVICES if service != "wallet"])
def test_services_cannot_reach_each_others_databases(settings: Settings, other: str) -> None:
    """Neither as the wallet's role, nor as that of its migrations; nor can the other reach the wallet's."""
    for user in ("wallet", "wallet_owner"):
        with pytest.raises(DatabaseError) as error:
            connector(settings, other, user=user)()
        assert error.value.args[0]["C"] == DENIED
    with pytest.raises(DatabaseError) as error:
        connector(settings, "wallet", user=other)()
    assert error.value.args[0]["C"] == DENIED


class Chaos:
    """A thread that moves the money of isolated services at random."""

    def __init__(self, isolated: IsolatedServices, seed: int, people: list[IsolatedUser], orders: list[Order]) -> None:
        self._isolated = isolated
        self._random = random.Random(seed)
        self._people = people
        self._orders = orders

    def act(self, times: int) -> None:
        """So many random steps; refusals and waits are part of it."""
        steps: list[Callable[[], object]] = [
            self._gift, self._hold, self._capture, self._capture, self._release, self._settle, self._settle
        ]  # fmt: skip
        for _ in range(times):
            try:
                self._random.choice(steps)()
            except MeridianError:
                continue

    def _gift(self) -> None:
        amount, currency = self._random.randint(1, 500), self._random.choice(["USDC", "ETH"])
        self._isolated.fund(self._random.choice(self._people), amount, currency)

    def _hold(self) -> None:
        somebody = self._random.choice(self._people)
        holds = [a_hold(somebody, self._random.randint(1, 300)) for _ in range(3)]
        place(self._isolated, *holds)
        release(self._isolated, *self._random.sample(holds, 2))

    def _capture(self) -> None:
        self._isolated.deliver("capture_hold", self._random.choice(self._orders).id)

    def _release(self) -> None:
        self._isolated.orders.wallet.release(self._random.choice(self._orders))

    def _settle(self) -> None:
        self._isolated.deliver("settle_order", self._random.choice(self._orders).id)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_money_is_neither_made_nor_lost(isolated: IsolatedServices, seed: int) -> None:
    """After any mix of gifts, holds, captures, releases and settlements at once, every sum of the ledger is right.

    All entries sum to zero per currency, each balance is the sum of its entries, what is set aside that of the holds,
    and the escrow account that of unsettled orders.
    """
    merchant = isolated.new_user()
    people = [isolated.new_user(USDC=5000) for _ in range(4)]
    prices = random.Random(seed)
    orders = []
    for somebody in people * 2:
        supply = isolated.sell(merchant, unit_price=Amount(prices.randint(1, 999)), quantity=100)
        order = isolated.confirm(isolated.place(somebody, (supply, prices.randint(1, 2))))
        order = isolated.record(order, order.pay())
        orders.append(isolated.record(order, order.claim(ids.sibling(order.id, "clm"))))
    chaos = [Chaos(isolated, seed * 100 + number, people, orders) for number in range(8)]
    all_at_once([partial(one.act, 12) for one in chaos])
    sums = isolated.probe.rows("wallet", "SELECT currency, sum(amount) AS total FROM entries GROUP BY currency")
    assert {row["currency"]: row["total"] for row in sums} == {row["currency"]: 0 for row in sums}
    assert {"USDC", "ETH", "MATIC"} >= {row["currency"] for row in sums} >= {"USDC"}
    assert isolated.violations() == []
