"""Marking an order paid once its hold is captured."""

import pytest

from functions.order.ports import OrderWork
from functions.order.record_payment import record_payment
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured
from shared.errors import MeridianError, NotFound
from tests.functions.order.scenes import HISTORIES, delivered
from tests.isolated_services import IsolatedServices, traced


def record_one(event: Event[HoldCaptured], work: OrderWork) -> None:
    """An event alone."""
    record_payment([event], work)


@pytest.mark.parametrize("stage", HISTORIES)
def test_a_captured_hold_pays_a_confirmed_order_once(stage: str) -> None:
    """What is paid stays paid; a payment of an order that was not confirmed is a defect, and raises."""
    if stage in ("pending", "failed", "cancelled", "expired"):
        with pytest.raises(MeridianError, match=f"is {stage}, but its hold was captured"):
            delivered(stage, record_one, HoldCaptured)
    else:
        assert delivered(stage, record_one, HoldCaptured).stage == {"confirmed": "paid"}.get(stage, stage)


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", record_one, HoldCaptured)


def test_payments_are_recorded_at_once_each_in_its_own_trace(isolated: IsolatedServices) -> None:
    """One that was recorded before stays so; what is recorded of each carries the trace of its capture."""
    merchant = isolated.new_user()
    supply = isolated.sell(merchant)
    orders = [isolated.confirm(isolated.place(isolated.new_user(USDC=1_000_000), (supply, 1))) for _ in range(4)]
    for order in orders:
        assert isolated.deliver("capture_hold", order.id) == ["applied"]
    captures = [traced(isolated.stream(order.hold_id)[-1], number) for number, order in enumerate(orders, 1)]
    isolated.handle("record_payment", captures[1])
    assert isolated.receive_together("record_payment", captures) == ["applied"] * 4
    for number, order in enumerate(orders, 1):
        *before, paid = isolated.stream(order.id)
        assert (paid.type, "order.paid" in [each.type for each in before]) == ("order.paid", False)
        if number != 2:
            assert paid.metadata["request_id"] == f"request-{number}"
    assert isolated.receive_together("record_payment", captures) == ["known"] * 4


def test_a_batch_locks_all_orders_in_one_order(isolated: IsolatedServices) -> None:
    """Whatever the order of its events: while it waits for one order it holds none that others lock after that."""
    supply = isolated.sell(isolated.new_user())
    orders = [isolated.confirm(isolated.place(isolated.new_user(USDC=1_000_000), (supply, 1))) for _ in range(2)]
    first, second = sorted(orders, key=lambda order: order.id)
    for order in orders:
        isolated.deliver("capture_hold", order.id)
    captures = [isolated.stream(order.hold_id)[-1] for order in (second, first)]
    lock = "SELECT FROM orders WHERE id = :id FOR UPDATE"
    received = isolated.receive_while_locked("record_payment", captures, lock, first.id, second.id)
    assert received == ["applied", "applied"]
