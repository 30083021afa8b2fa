"""Marking an order claimed."""

import pytest

from functions.order.record_claim import record_claim
from shared import ids
from shared.contracts.gen.claim_events_pb2 import ClaimClaimed
from shared.errors import MeridianError, NotFound, Unavailable
from tests.functions.order.scenes import HISTORIES, delivered

REDELIVERED = ("pending", "confirmed", "refunding")
DEFECTS = ("failed", "cancelled", "expired", "refunded")


@pytest.mark.parametrize("stage", sorted(set(HISTORIES) - {*REDELIVERED, *DEFECTS}))
def test_a_claim_closes_a_paid_order_once(stage: str) -> None:
    """Paid, matured, or with a refund refused on its account: it is claimed; and stays so, or completed."""
    order = delivered(stage, record_claim, ClaimClaimed, claim_id=ids.new("clm", "us"))
    assert order.stage == ("completed" if stage == "completed" else "claimed")


@pytest.mark.parametrize("stage", REDELIVERED)
def test_a_claim_waits_for_the_payment_and_for_the_refund(stage: str) -> None:
    """Before the payment is recorded, and while a refund is undecided, the event is wanted again."""
    with pytest.raises(Unavailable):
        delivered(stage, record_claim, ClaimClaimed, claim_id=ids.new("clm", "us"))


@pytest.mark.parametrize("stage", DEFECTS)
def test_a_claim_of_what_came_to_nothing_is_a_defect(stage: str) -> None:
    """It is never passed over in silence: something was handed out that nobody paid for."""
    with pytest.raises(MeridianError) as defect:
        delivered(stage, record_claim, ClaimClaimed, claim_id=ids.new("clm", "us"))
    assert defect.value.code == "INTERNAL"


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", record_claim, ClaimClaimed)
