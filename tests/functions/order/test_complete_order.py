"""Completing an order once its claim is redeemed on the chain."""

import pytest

from functions.order.complete_order import complete_order
from shared import ids
from shared.contracts.gen.claim_events_pb2 import ClaimProcessed
from shared.errors import MeridianError, NotFound, Unavailable
from tests.functions.order.scenes import HISTORIES, delivered

DEFECTS = ("failed", "cancelled", "expired", "refunded")


@pytest.mark.parametrize("stage", ["claimed", "completed"])
def test_a_processed_claim_completes_its_order_once(stage: str) -> None:
    """A claimed order is completed once, however often the event arrives."""
    assert delivered(stage, complete_order, ClaimProcessed, claim_id=ids.new("clm", "us")).stage == "completed"


@pytest.mark.parametrize("stage", sorted(set(HISTORIES) - {"claimed", "completed", *DEFECTS}))
def test_it_waits_for_the_claim(stage: str) -> None:
    """Events of two streams overtake each other: before the claim is recorded this one is wanted again."""
    with pytest.raises(Unavailable):
        delivered(stage, complete_order, ClaimProcessed, claim_id=ids.new("clm", "us"))


@pytest.mark.parametrize("stage", DEFECTS)
def test_what_came_to_nothing_is_not_on_the_chain(stage: str) -> None:
    """A defect is never passed over in silence."""
    with pytest.raises(MeridianError) as defect:
        delivered(stage, complete_order, ClaimProcessed, claim_id=ids.new("clm", "us"))
    assert defect.value.code == "INTERNAL"


def test_an_event_of_an_unknown_order_raises() -> None:
    """It is never acknowledged in silence."""
    with pytest.raises(NotFound):
        delivered("none", complete_order, ClaimProcessed)
