"""The `orders` table equals the projection of its events, also while more events are appended."""

import json
import threading
from collections.abc import Callable
from unittest.mock import patch

import pytest

from functions import main
from shared.outbox import replay
from shared.outbox import verify as verifying
from shared.outbox.verify import VerificationReport
from tests.isolated_services import IsolatedServices


def verified(isolated: IsolatedServices) -> VerificationReport:
    """The projection of orders on isolated services, rebuilt and compared."""
    with patch.object(main, "resources", lambda: isolated.resources):
        (orders,) = (projection for service, projection in main.projections() if service == "order")
        found: VerificationReport = orders.verify(isolated.resources.database("order"))
        return found


@pytest.fixture
def some_orders(isolated: IsolatedServices) -> Callable[[], list[str]]:
    """Orders at every step, by their ids."""

    def make() -> list[str]:
        merchant, buyer = isolated.new_user(), isolated.new_user(USDC=10_000)
        supply = isolated.sell(merchant, quantity=100)
        placed = isolated.place(buyer, (supply, 1))
        confirmed = isolated.confirm(isolated.place(buyer, (supply, 2)))
        paid = isolated.buy(buyer, (supply, 1))
        return [placed.id, confirmed.id, paid.id]

    return make


def test_the_live_table_is_the_rebuilt_one(
    isolated: IsolatedServices, some_orders: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row, page by page; and the comparison leaves no trace."""
    monkeypatch.setattr(verifying, "PAGE", 2)
    made = some_orders()
    before = isolated.probe.rows("order", "SELECT * FROM orders WHERE id = ANY(:ids::text[]) ORDER BY id", ids=made)
    found = verified(isolated)
    assert found.differences == []
    assert found.streams >= 3
    after = isolated.probe.rows("order", "SELECT * FROM orders WHERE id = ANY(:ids::text[]) ORDER BY id", ids=made)
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
    isolated: IsolatedServices, some_orders: Callable[[], list[str]], change: str, column: str
) -> None:
    """With what of it differs."""
    *_, paid = some_orders()
    (row,) = isolated.probe.rows("order", "SELECT * FROM orders WHERE id = :id", id=paid)
    isolated.probe.rows("order", f"UPDATE orders SET {change} WHERE id = :id RETURNING id", id=paid)
    try:
        assert [str(difference) for difference in verified(isolated).differences] == [f"{paid}: {column}"]
    finally:
        sql = """UPDATE orders SET total = :total, status = :status, version = :version, items = :items::jsonb,
                 updated_at = :updated_at WHERE id = :id RETURNING id"""
        kept = {name: row[name] for name in ("total", "status", "version", "updated_at")}
        items = "[" + ",".join(json.dumps(each) for each in row["items"]) + "]"
        isolated.probe.rows("order", sql, id=paid, **kept, items=items)
    assert verified(isolated).differences == []


def test_a_missing_row_is_found(isolated: IsolatedServices, some_orders: Callable[[], list[str]]) -> None:
    """An order whose row was lost."""
    placed, *_ = some_orders()
    with isolated.superuser("order") as connection:
        connection.run("CREATE TABLE kept AS SELECT * FROM orders WHERE id = :id", id=placed)
        connection.run("DELETE FROM orders WHERE id = :id", id=placed)
        try:
            (difference,) = verified(isolated).differences
            assert (difference.subject, difference.live) == (placed, None)
        finally:
            connection.run("INSERT INTO orders SELECT * FROM kept")
            connection.run("DROP TABLE kept")
    assert verified(isolated).differences == []


@pytest.mark.long
def test_writes_go_on_meanwhile(isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders that are confirmed while the comparison runs are never seen half written."""
    monkeypatch.setattr(verifying, "PAGE", 3)
    buyer, supply = isolated.new_user(), isolated.sell(isolated.new_user(), quantity=100)
    placed = [isolated.place(buyer, (supply, 1)) for _ in range(8)]

    def go_on() -> None:
        for order in placed:
            isolated.record(order, order.confirm())

    writing = threading.Thread(target=go_on)
    writing.start()
    found = [verified(isolated)]
    while writing.is_alive():
        found.append(verified(isolated))
    found.append(verified(isolated))
    assert [difference for each in found for difference in each.differences] == []
    assert {isolated.stream(order.id)[-1].type for order in placed} == {"order.confirmed"}


def test_the_command_line_tells(isolated: IsolatedServices, capsys: pytest.CaptureFixture[str]) -> None:
    """python -m functions.main replay --verify; without what composes services it says so."""
    with (
        patch.object(main, "resources", lambda: isolated.resources),
        patch.object(replay, "resources", lambda: isolated.resources),
    ):
        assert main.main(["replay", "--verify"]) == 0
    assert capsys.readouterr().out.endswith("streams made anew, 0 rows differ\n")
    for arguments in (["--verify"], [], ["--verify", "--consumer", "record_payment"]):
        with pytest.raises(SystemExit):
            replay.main(arguments)
