"""Voiding the claim of an order: Claiming.VoidClaim, which ensures that a refunded order never gets a voucher."""

from collections.abc import Callable

import pytest

from functions.claiming.domain.errors import NotClaimable
from shared import ids
from shared.contracts.gen.claiming_pb2 import VoidClaimRequest, VoidClaimResponse
from shared.errors import Malformed, NotFound
from tests.functions.claiming.conftest import Bought
from tests.isolated_services import IsolatedServices
from tests.races import at_once
from tests.samples import sample_id

Buy = Callable[..., Bought]


def void(bought: Bought) -> bool:
    """Void the claim, as the order service. Returns whether it is voided."""
    order = bought.order
    request = VoidClaimRequest(order_id=order.id, user_id=order.user_id, address=bought.buyer.address)
    return bought.isolated.rpc("claiming", "order").call("Claiming.VoidClaim", request, VoidClaimResponse).voided


def statuses(bought: Bought) -> list[str]:
    """Of the claims of an order, of which there is one at most."""
    return [row["status"] for row in bought.rows()]


def test_an_open_claim_is_voided(buy: Buy) -> None:
    """However often it is requested, there is one event; the order is no longer claimable."""
    bought = buy()
    bought.isolated.deliver("open_claim", bought.order.id)
    assert [void(bought) for _ in range(3)] == [True] * 3
    assert statuses(bought) == ["voided"]
    assert bought.story() == ["claim.opened", "claim.voided"]
    event = bought.isolated.stream(ids.sibling(bought.order.id, "clm"))[-1]
    assert event.data == {"claim_id": event.stream, "order_id": bought.order.id, "user_id": bought.buyer.user_id}
    with pytest.raises(NotClaimable):
        bought.claim()
    assert bought.rows()[0]["voucher"] is None


def test_a_claim_that_is_not_there_is_voided_before_it_is(buy: Buy) -> None:
    """The row is made void; the event of the payment that comes after it, and the buyer, find it taken."""
    bought = buy()
    assert void(bought)
    assert void(bought)
    before = bought.rows()
    assert (before[0]["id"], before[0]["status"]) == (ids.sibling(bought.order.id, "clm"), "voided")
    assert set(bought.isolated.deliver("open_claim", bought.order.id)) == {"applied"}
    with pytest.raises(NotClaimable):
        bought.claim()
    assert bought.rows() == before
    assert bought.story() == ["claim.voided"]


def test_a_voided_claim_is_its_buyers(buy: Buy) -> None:
    """Somebody else does not even learn that there was an order."""
    bought = buy()
    void(bought)
    with pytest.raises(NotFound):
        Bought(bought.isolated, bought.isolated.new_user(), bought.order).claim()


@pytest.mark.parametrize("status", ["claimed", "processing", "processed", "failed"])
def test_what_has_a_voucher_stays_claimed(buy: Buy, status: str) -> None:
    """However far it got, it is not voided, and no event is appended."""
    bought = buy()
    bought.claim()
    at = {"processed": "'0x00', processed_at = now()"}.get(status, "NULL")
    changed = f"UPDATE claims SET status = :status, transaction_hash = {at} WHERE order_id = :id RETURNING id"
    bought.isolated.probe.rows("claiming", changed, status=status, id=bought.order.id)
    try:
        assert [void(bought) for _ in range(2)] == [False] * 2
        assert statuses(bought) == [status]
        assert bought.story() == ["claim.opened", "claim.claimed"]
    finally:
        back = "UPDATE claims SET status = 'claimed', transaction_hash = NULL, processed_at = NULL WHERE order_id = :id"
        bought.isolated.probe.rows("claiming", f"{back} RETURNING id", id=bought.order.id)


@pytest.mark.parametrize("opened", [False, True])
def test_either_the_buyer_or_the_refund_is_first(buy: Buy, opened: bool) -> None:
    """Twenty-five claims and as many refunds at the same moment: all agree on one outcome, which has one event."""
    bought = buy()
    if opened:
        bought.isolated.deliver("open_claim", bought.order.id)
    answers = at_once([lambda: void(bought), lambda: bought.claim()[0].id] * 25)
    voided, claimed = set(answers[::2]), answers[1::2]
    if voided == {True}:
        assert {getattr(answer, "code", answer) for answer in claimed} == {"NOT_CLAIMABLE"}
        assert statuses(bought) == ["voided"]
    else:
        assert voided == {False}
        assert set(claimed) == {ids.sibling(bought.order.id, "clm")}
        assert statuses(bought) == ["claimed"]
    assert bought.story()[-1] == ("claim.voided" if voided == {True} else "claim.claimed")
    assert len(bought.story()) <= 2


@pytest.mark.parametrize("order_id", ["", "nonsense", sample_id("clm"), "ord_us_1"])
def test_what_is_no_order_is_refused(isolated: IsolatedServices, order_id: str) -> None:
    """No row is made for it."""
    request = VoidClaimRequest(order_id=order_id, user_id=ids.new("usr", "us"))
    with pytest.raises(Malformed):
        isolated.rpc("claiming", "order").call("Claiming.VoidClaim", request, VoidClaimResponse)
    assert isolated.probe.rows("claiming", "SELECT id FROM claims WHERE order_id = :id", id=order_id) == []


def test_only_the_order_service_voids(only_for_callers: Callable[[str], None]) -> None:
    """No other service may call it."""
    only_for_callers("void_claim")
