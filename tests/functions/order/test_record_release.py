"""Cancelling an order once its hold is released."""

import pytest

from functions.order.record_release import record_release
from shared.contracts.gen.wallet_events_pb2 import HoldReleased
from shared.errors import NotFound
from tests.functions.order.scenes import HISTORIES, delivered


@pytest.mark.parametrize("stage", HISTORIES)
def test_a_released_hold_cancels_an_order_without_another_outcome(stage: str) -> None:
    """Pending and confirmed orders are cancelled by it, once; whatever else an order has come to, it stays."""
    expected = {"pending": "cancelled", "confirmed": "cancelled"}.get(stage, stage)
    assert delivered(stage, record_release, HoldReleased).stage == expected


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", record_release, HoldReleased)
