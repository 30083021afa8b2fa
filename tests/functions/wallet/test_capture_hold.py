"""Paying a confirmed order: the pivot of a purchase."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from emulators.buyer import Person
from functions.order.domain.order import Order
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.money import Amount
from tests.books import Books
from tests.island import Island, Islander
from tests.races import all_at_once
from tests.triggers import Triggers


def confirmed(island: Island, somebody: Islander, units: int = 1, price: int = 1000) -> Order:
    """A confirmed order of so many units, not captured."""
    supply = island.sell(island.islander(), unit_price=Amount(price), quantity=1000)
    return island.confirm(island.place(somebody, (supply, units)))


def confirmation(island: Island, order: Order) -> StoredEvent:
    return next(event for event in island.stream(order.id) if event.type == "order.confirmed")


def escrow(island: Island, order: Order) -> list[tuple[str, int, str]]:
    sql = "SELECT currency, amount, status FROM escrows WHERE order_id = :order_id"
    return [(r["currency"], r["amount"], r["status"]) for r in island.books.rows("wallet", sql, order_id=order.id)]


def test_a_capture_moves_the_held_funds_into_escrow(island: Island) -> None:
    """The buyer pays exactly what was held, the order has its escrow, and the event names the transfer."""
    somebody = island.islander(USDC=5000)
    order = confirmed(island, somebody, 3)
    assert island.books.money(somebody.wallet_id) == (5000, 3000)
    assert island.deliver("capture_hold", order.id) == ["applied", "applied"]
    assert island.books.money(somebody.wallet_id) == (2000, 0)
    assert sorted(island.books.postings(order.id)) == sorted(
        [("capture", "escrow", "USDC", 3000), ("capture", somebody.wallet_id, "USDC", -3000)]
    )
    assert escrow(island, order) == [("USDC", 3000, "captured")]
    placed, captured = island.stream(order.hold_id)
    assert (placed.type, captured.type, captured.version) == ("hold.placed", "hold.captured", 2)
    (posted,) = island.stream(captured.data["transfer_id"])
    assert (posted.type, posted.data["kind"], posted.data["reference"]) == ("transfer.posted", "capture", order.id)
    assert posted.data["user_ids"] == [somebody.user_id]


def test_money_moves_once_under_repeats(island: Island) -> None:
    """The same event again and again, and twenty times at once, is known and without effect."""
    somebody = island.islander(USDC=5000)
    order = confirmed(island, somebody)
    island.deliver("capture_hold", order.id)
    assert island.deliver("capture_hold", order.id) == ["known", "known"]
    event = confirmation(island, order)
    assert set(all_at_once([lambda: island.receive("capture_hold", event)] * 20)) == {"known"}
    assert island.books.money(somebody.wallet_id) == (4000, 0)
    assert len(island.books.postings(order.id)) == 2


def test_money_moves_once_when_all_deliveries_come_at_once(island: Island) -> None:
    """Of twenty first deliveries at the same moment one is applied; five orders of one wallet meanwhile."""
    somebody = island.islander(USDC=5000)
    orders = [confirmed(island, somebody) for _ in range(5)]
    for order in orders:
        island.receive("capture_hold", island.stream(order.id)[0])
    events = [confirmation(island, order) for order in orders]
    received = all_at_once([partial(island.receive, "capture_hold", event) for event in events for _ in range(4)])
    assert sorted(received) == ["applied"] * 5 + ["known"] * 15
    assert island.books.money(somebody.wallet_id) == (0, 0)
    assert [len(island.books.postings(order.id)) for order in orders] == [2] * 5


def test_a_captured_hold_stays_captured(island: Island) -> None:
    """Whatever asks for it again, an inbox without memory too, finds it paid."""
    somebody = island.islander(USDC=5000)
    event = confirmation(island, order := confirmed(island, somebody))
    for _ in range(3):
        island.handle("capture_hold", event)
    assert island.books.money(somebody.wallet_id) == (4000, 0)
    assert len(island.books.postings(order.id)) == 2


def test_a_capture_waits_for_its_hold(island: Island) -> None:
    """When the hold is not known yet the event is asked for again, and nothing is remembered of the try."""
    somebody = island.islander(USDC=5000)
    supply = island.sell(island.islander())
    order = island.place(somebody, (supply, 1))
    order = island.record(order, order.confirm())
    placed, event = island.stream(order.id)
    island.receive("capture_hold", placed)
    for _ in range(2):
        with pytest.raises(Unavailable):
            island.receive("capture_hold", event)
    assert island.orders.wallet.hold(order) is None
    assert island.receive("capture_hold", event) == "applied"
    assert island.books.money(somebody.wallet_id) == (4000, 0)


def test_a_hold_that_was_released_first_is_not_captured(island: Island) -> None:
    """A cancellation that came before it keeps the funds with the buyer, and the event is done with."""
    somebody = island.islander(USDC=5000)
    order = confirmed(island, somebody)
    assert island.orders.wallet.release(order)
    assert island.deliver("capture_hold", order.id) == ["applied", "applied"]
    assert island.books.money(somebody.wallet_id) == (5000, 0)
    assert (island.books.postings(order.id), escrow(island, order)) == ([], [])


def test_a_free_order_moves_nothing(island: Island) -> None:
    """There is no hold to wait for."""
    somebody = island.islander()
    order = confirmed(island, somebody, price=0)
    assert set(island.deliver("capture_hold", order.id)) == {"applied"}
    assert (island.books.postings(order.id), escrow(island, order)) == ([], [])


def test_capture_and_release_exclude_each_other(island: Island) -> None:
    """Thirty races: either the buyer has paid and the release says CAPTURED, or has not and the hold is released."""
    somebody = island.islander(USDC=30_000)
    paid = 0
    supply = island.sell(island.islander(), quantity=1000)
    for _ in range(30):
        order = island.confirm(island.place(somebody, (supply, 1)))
        island.receive("capture_hold", island.stream(order.id)[0])
        event = confirmation(island, order)

        calls: list[Callable[[], object]] = [
            partial(island.orders.wallet.release, order),
            partial(island.receive, "capture_hold", event),
        ]
        released, received = all_at_once(calls)
        assert received == "applied"
        kept = "hold.released" if released else "hold.captured"
        assert [event.type for event in island.stream(order.hold_id)] == ["hold.placed", kept]
        assert len(escrow(island, order)) == (not released)
        paid += released is False
    assert island.books.money(somebody.wallet_id) == (30_000 - paid * 1000, 0)


def test_a_pushed_repeat_is_acknowledged(
    buyer: Person,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    books: Books,
    triggers: Triggers,
) -> None:
    """Pub/Sub may push each event of a paid order again: every time 200, and the buyer has paid once."""
    order = paid_order(buyer, on_sale())
    before = books.money(buyer.wallet_id)
    story = books.stream("order", order["id"])
    for event in story:  # the last of them may not have come by itself yet
        triggers.deliver("capture_hold", event).raise_for_status()
    for event in story * 2:
        assert triggers.received("capture_hold", event) == "known"
    assert books.money(buyer.wallet_id) == before
    assert len(books.postings(order["id"])) == 2
