"""The table of orders is what their events make of it, whatever has happened to them, and while more happens."""

import json
import threading
from collections.abc import Callable
from unittest.mock import patch

import pytest

from functions import main
from shared.outbox import replay
from shared.outbox import verify as verifying
from shared.outbox.verify import Verified
from tests.island import Island


def verified(island: Island) -> Verified:
    """The projection of orders on an island, made anew and compared."""
    with patch.object(main, "resources", lambda: island.resources):
        (orders,) = (projection for service, projection in main.projections() if service == "order")
        found: Verified = orders.verify(island.resources.database("order"))
        return found


@pytest.fixture
def some_orders(island: Island) -> Callable[[], list[str]]:
    """Orders at every step, by their ids."""

    def make() -> list[str]:
        merchant, buyer = island.islander(), island.islander(USDC=10_000)
        supply = island.sell(merchant, quantity=100)
        placed = island.place(buyer, (supply, 1))
        confirmed = island.confirm(island.place(buyer, (supply, 2)))
        paid = island.buy(buyer, (supply, 1))
        return [placed.id, confirmed.id, paid.id]

    return make


def test_the_live_table_is_the_rebuilt_one(
    island: Island, some_orders: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row, page by page; and the comparison leaves no trace."""
    monkeypatch.setattr(verifying, "PAGE", 2)
    made = some_orders()
    before = island.books.rows("order", "SELECT * FROM orders WHERE id = ANY(:ids::text[]) ORDER BY id", ids=made)
    found = verified(island)
    assert found.differences == []
    assert found.streams >= 3
    after = island.books.rows("order", "SELECT * FROM orders WHERE id = ANY(:ids::text[]) ORDER BY id", ids=made)
    assert after == before


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("total = total + 1", "total"),
        ("status = 'completed'", "status"),
        ("version = version + 1", "version"),
        ("items = '[]'", "items"),
        ("updated_at = updated_at + interval '1 microsecond'", "updated_at"),
    ],
)
def test_a_row_that_is_not_its_events_is_found(
    island: Island, some_orders: Callable[[], list[str]], change: str, column: str
) -> None:
    """With what of it differs."""
    *_, paid = some_orders()
    (row,) = island.books.rows("order", "SELECT * FROM orders WHERE id = :id", id=paid)
    island.books.rows("order", f"UPDATE orders SET {change} WHERE id = :id RETURNING id", id=paid)
    try:
        assert [str(difference) for difference in verified(island).differences] == [f"{paid}: {column}"]
    finally:
        sql = """UPDATE orders SET total = :total, status = :status, version = :version, items = :items::jsonb,
                 updated_at = :updated_at WHERE id = :id RETURNING id"""
        kept = {name: row[name] for name in ("total", "status", "version", "updated_at")}
        items = "[" + ",".join(json.dumps(each) for each in row["items"]) + "]"
        island.books.rows("order", sql, id=paid, **kept, items=items)
    assert verified(island).differences == []


def test_a_missing_row_is_found(island: Island, some_orders: Callable[[], list[str]]) -> None:
    """An order whose row was lost."""
    placed, *_ = some_orders()
    with island.superuser("order") as connection:
        connection.run("CREATE TABLE kept AS SELECT * FROM orders WHERE id = :id", id=placed)
        connection.run("DELETE FROM orders WHERE id = :id", id=placed)
        try:
            (difference,) = verified(island).differences
            assert (difference.subject, difference.live) == (placed, None)
        finally:
            connection.run("INSERT INTO orders SELECT * FROM kept")
            connection.run("DROP TABLE kept")
    assert verified(island).differences == []


@pytest.mark.long
def test_writes_go_on_meanwhile(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders that are confirmed while the comparison runs are never seen half written."""
    monkeypatch.setattr(verifying, "PAGE", 3)
    buyer, supply = island.islander(), island.sell(island.islander(), quantity=100)
    placed = [island.place(buyer, (supply, 1)) for _ in range(8)]

    def go_on() -> None:
        for order in placed:
            island.record(order, order.confirm())

    writing = threading.Thread(target=go_on)
    writing.start()
    found = [verified(island)]
    while writing.is_alive():
        found.append(verified(island))
    found.append(verified(island))
    assert [difference for each in found for difference in each.differences] == []
    assert {island.stream(order.id)[-1].type for order in placed} == {"order.confirmed"}


def test_the_command_line_tells(island: Island, capsys: pytest.CaptureFixture[str]) -> None:
    """python -m functions.main replay --verify; without what composes services it says so."""
    with (
        patch.object(main, "resources", lambda: island.resources),
        patch.object(replay, "resources", lambda: island.resources),
    ):
        assert main.main(["replay", "--verify"]) == 0
    assert capsys.readouterr().out.endswith("streams made anew, 0 rows differ\n")
    for arguments in (["--verify"], [], ["--verify", "--consumer", "record_payment"]):
        with pytest.raises(SystemExit):
            replay.main(arguments)
