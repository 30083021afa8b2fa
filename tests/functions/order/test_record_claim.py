"""What a claim does to its order."""

import pytest

from functions.order.record_claim import record_claim
from shared import ids
from shared.contracts.gen.claim_events_pb2 import ClaimClaimed
from shared.errors import NotFound, Unavailable
from tests.functions.order.scenes import HISTORIES, delivered


@pytest.mark.parametrize("status", HISTORIES)
def test_a_claim_closes_a_paid_order_once(status: str) -> None:
    """Before the payment is recorded the event is wanted again; an order that came to nothing is left alone."""
    claimed = {"claim_id": ids.new("clm", "us")}
    if status in ("pending", "confirmed"):
        with pytest.raises(Unavailable):
            delivered(status, record_claim, ClaimClaimed, **claimed)
    else:
        assert delivered(status, record_claim, ClaimClaimed, **claimed).status == {"paid": "claimed"}.get(
            status, status
        )


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", record_claim, ClaimClaimed)
