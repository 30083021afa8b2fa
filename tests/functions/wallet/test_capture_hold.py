"""Paying a confirmed order: the pivot of a purchase."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from emulators.demo.api_user import ApiUser
from functions.order.domain.order import Order
from shared import ids
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.money import Amount
from tests.database_probe import DatabaseProbe
from tests.isolated_services import IsolatedServices, IsolatedUser, traced
from tests.races import all_at_once
from tests.triggers import Triggers


def confirmed(isolated: IsolatedServices, somebody: IsolatedUser, units: int = 1, price: int = 1000) -> Order:
    """A confirmed order of so many units, not captured."""
    supply = isolated.sell(isolated.new_user(), unit_price=Amount(price), quantity=1000)
    return isolated.confirm(isolated.place(somebody, (supply, units)))


def confirmation(isolated: IsolatedServices, order: Order) -> StoredEvent:
    return next(event for event in isolated.stream(order.id) if event.type == "order.confirmed")


def escrow(isolated: IsolatedServices, order: Order) -> list[tuple[str, int, str]]:
    sql = "SELECT currency, amount, status FROM escrows WHERE order_id = :order_id"
    return [(r["currency"], r["amount"], r["status"]) for r in isolated.probe.rows("wallet", sql, order_id=order.id)]


def test_a_capture_moves_the_held_funds_into_escrow(isolated: IsolatedServices) -> None:
    """The buyer pays exactly what was held, the order has its escrow, and the event names the transfer."""
    somebody = isolated.new_user(USDC=5000)
    order = confirmed(isolated, somebody, 3)
    assert isolated.probe.money(somebody.wallet_id) == (5000, 3000)
    assert isolated.deliver("capture_hold", order.id) == ["applied"]
    assert isolated.probe.money(somebody.wallet_id) == (2000, 0)
    assert sorted(isolated.probe.postings(order.id)) == sorted(
        [("capture", "escrow", "USDC", 3000), ("capture", somebody.wallet_id, "USDC", -3000)]
    )
    assert escrow(isolated, order) == [("USDC", 3000, "captured")]
    placed, captured = isolated.stream(order.hold_id)
    assert (placed.type, captured.type, captured.version) == ("hold.placed", "hold.captured", 2)
    (posted,) = isolated.stream(captured.data["transfer_id"])
    assert (posted.type, posted.data["kind"], posted.data["reference"]) == ("transfer.posted", "capture", order.id)
    assert posted.data["user_ids"] == [somebody.user_id]


def test_money_moves_once_under_repeats(isolated: IsolatedServices) -> None:
    """The same event again and again, and twenty times at once, is known and without effect."""
    somebody = isolated.new_user(USDC=5000)
    order = confirmed(isolated, somebody)
    isolated.deliver("capture_hold", order.id)
    assert isolated.deliver("capture_hold", order.id) == ["known"]
    event = confirmation(isolated, order)
    assert set(all_at_once([lambda: isolated.receive("capture_hold", event)] * 20)) == {"known"}
    assert isolated.probe.money(somebody.wallet_id) == (4000, 0)
    assert len(isolated.probe.postings(order.id)) == 2


def test_money_moves_once_when_all_deliveries_come_at_once(isolated: IsolatedServices) -> None:
    """Of twenty first deliveries at the same moment one is applied; five orders of one wallet meanwhile."""
    somebody = isolated.new_user(USDC=5000)
    orders = [confirmed(isolated, somebody) for _ in range(5)]
    for order in orders:
        isolated.receive("capture_hold", isolated.stream(order.id)[0])
    events = [confirmation(isolated, order) for order in orders]
    received = all_at_once([partial(isolated.receive, "capture_hold", event) for event in events for _ in range(4)])
    assert sorted(received) == ["applied"] * 5 + ["known"] * 15
    assert isolated.probe.money(somebody.wallet_id) == (0, 0)
    assert [len(isolated.probe.postings(order.id)) for order in orders] == [2] * 5


def test_a_captured_hold_stays_captured(isolated: IsolatedServices) -> None:
    """A repeated event finds it captured, even if the inbox has forgotten it."""
    somebody = isolated.new_user(USDC=5000)
    event = confirmation(isolated, order := confirmed(isolated, somebody))
    for _ in range(3):
        isolated.handle("capture_hold", event)
    assert isolated.probe.money(somebody.wallet_id) == (4000, 0)
    assert len(isolated.probe.postings(order.id)) == 2


def test_a_capture_waits_for_its_hold(isolated: IsolatedServices) -> None:
    """When the hold does not exist yet the event is delivered again, and the attempt leaves no trace."""
    somebody = isolated.new_user(USDC=5000)
    supply = isolated.sell(isolated.new_user())
    order = isolated.place(somebody, (supply, 1))
    order = isolated.record(order, order.confirm())
    placed, event = isolated.stream(order.id)
    isolated.receive("capture_hold", placed)
    for _ in range(2):
        with pytest.raises(Unavailable):
            isolated.receive("capture_hold", event)
    assert isolated.orders.wallet.hold([order])[0] is None
    assert isolated.receive("capture_hold", event) == "applied"
    assert isolated.probe.money(somebody.wallet_id) == (4000, 0)


def test_a_hold_that_was_released_first_is_not_captured(isolated: IsolatedServices) -> None:
    """A cancellation that came before it keeps the funds with the buyer, and the event is done with."""
    somebody = isolated.new_user(USDC=5000)
    order = confirmed(isolated, somebody)
    assert isolated.orders.wallet.release(order)
    assert isolated.deliver("capture_hold", order.id) == ["applied"]
    assert isolated.probe.money(somebody.wallet_id) == (5000, 0)
    assert (isolated.probe.postings(order.id), escrow(isolated, order)) == ([], [])


def test_a_free_order_moves_nothing(isolated: IsolatedServices) -> None:
    """There is no hold to wait for."""
    somebody = isolated.new_user()
    order = confirmed(isolated, somebody, price=0)
    assert set(isolated.deliver("capture_hold", order.id)) == {"applied"}
    assert (isolated.probe.postings(order.id), escrow(isolated, order)) == ([], [])


def test_capture_and_release_exclude_each_other(isolated: IsolatedServices) -> None:
    """Thirty races: either the buyer has paid and the release says CAPTURED, or has not and the hold is released."""
    somebody = isolated.new_user(USDC=30_000)
    paid = 0
    supply = isolated.sell(isolated.new_user(), quantity=1000)
    for _ in range(30):
        order = isolated.confirm(isolated.place(somebody, (supply, 1)))
        isolated.receive("capture_hold", isolated.stream(order.id)[0])
        event = confirmation(isolated, order)

        calls: list[Callable[[], object]] = [
            partial(isolated.orders.wallet.release, order),
            partial(isolated.receive, "capture_hold", event),
        ]
        released, received = all_at_once(calls)
        assert received == "applied"
        kept = "hold.released" if released else "hold.captured"
        assert [event.type for event in isolated.stream(order.hold_id)] == ["hold.placed", kept]
        assert len(escrow(isolated, order)) == (not released)
        paid += released is False
    assert isolated.probe.money(somebody.wallet_id) == (30_000 - paid * 1000, 0)


# Several at once


def test_holds_are_captured_at_once_each_in_its_own_trace(isolated: IsolatedServices) -> None:
    """Of one wallet and of others, with a hold that was released first; each order has its escrow and its transfer."""
    one, two = isolated.new_user(USDC=5000), isolated.new_user(USDC=5000)
    orders = [confirmed(isolated, somebody) for somebody in (one, two, one)]
    released = confirmed(isolated, two)
    assert isolated.orders.wallet.release(released)
    captures = [traced(confirmation(isolated, order), number) for number, order in enumerate([*orders, released], 1)]
    assert isolated.receive_together("capture_hold", captures) == ["applied"] * 4
    assert isolated.probe.money(one.wallet_id) == (3000, 0)
    assert isolated.probe.money(two.wallet_id) == (4000, 0)
    for number, order in enumerate(orders, 1):
        assert escrow(isolated, order) == [("USDC", 1000, "captured")]
        captured = isolated.stream(order.hold_id)[-1]
        (posted,) = isolated.stream(captured.data["transfer_id"])
        assert posted.data["reference"] == order.id
        assert [each.metadata["request_id"] for each in (captured, posted)] == [f"request-{number}"] * 2
    assert escrow(isolated, released) == []
    assert isolated.receive_together("capture_hold", captures) == ["known"] * 4


def test_an_unknown_hold_touches_no_other(isolated: IsolatedServices) -> None:
    """The batch does nothing, and each event has its own outcome then."""
    somebody = isolated.new_user(USDC=5000)
    known = confirmation(isolated, confirmed(isolated, somebody))
    other = confirmation(isolated, confirmed(isolated, somebody))
    unknown = msgspec.structs.replace(other, data={**other.data, "hold_id": ids.new("hld", "us")})
    assert isolated.receive_together("capture_hold", [known, unknown]) is None
    assert isolated.probe.money(somebody.wallet_id) == (5000, 2000)
    assert isolated.receive("capture_hold", known) == "applied"
    with pytest.raises(Unavailable, match="is not known yet"):
        isolated.receive("capture_hold", unknown)
    assert isolated.probe.money(somebody.wallet_id) == (4000, 1000)


def test_a_batch_locks_accounts_in_one_order(isolated: IsolatedServices) -> None:
    """Whatever the order of its events: while it waits for one account it holds none that others lock after that."""
    first, second = sorted([isolated.new_user(USDC=5000) for _ in range(2)], key=lambda user: user.wallet_id)
    captures = [confirmation(isolated, confirmed(isolated, somebody)) for somebody in (second, first)]
    lock = "SELECT FROM accounts WHERE wallet_id = :id FOR UPDATE"
    received = isolated.receive_while_locked("capture_hold", captures, lock, first.wallet_id, second.wallet_id)
    assert received == ["applied", "applied"]


def test_a_pushed_repeat_is_acknowledged(
    buyer: ApiUser,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """Pub/Sub may push each event of a paid order again: every time 200, and the buyer has paid once."""
    order = paid_order(buyer, on_sale())
    before = probe.money(buyer.wallet_id)
    story = probe.delivered("capture_hold", order["id"])
    for event in story:  # the last of them may not have come by itself yet
        triggers.deliver("capture_hold", event).raise_for_status()
    for event in story * 2:
        assert triggers.received("capture_hold", event) == "known"
    assert probe.money(buyer.wallet_id) == before
    assert len(probe.postings(order["id"])) == 2
