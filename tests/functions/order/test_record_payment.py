"""Marking an order paid once its hold is captured."""

import pytest

from functions.order.record_payment import record_payment
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured
from shared.errors import MeridianError, NotFound
from tests.functions.order.scenes import HISTORIES, delivered


@pytest.mark.parametrize("stage", HISTORIES)
def test_a_captured_hold_pays_a_confirmed_order_once(stage: str) -> None:
    """What is paid stays paid; a payment of an order that was not confirmed is a defect, and raises."""
    if stage in ("pending", "failed", "cancelled", "expired"):
        with pytest.raises(MeridianError, match=f"is {stage}, but its hold was captured"):
            delivered(stage, record_payment, HoldCaptured)
    else:
        assert delivered(stage, record_payment, HoldCaptured).stage == {"confirmed": "paid"}.get(stage, stage)


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", record_payment, HoldCaptured)
