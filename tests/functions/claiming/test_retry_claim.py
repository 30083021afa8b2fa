"""Having a failed claim tried again, as an operator. What comes of it: test_process_claims.py."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.claiming.domain.errors import NotFailed
from functions.claiming.retry_claim import RetryClaim
from functions.claiming.views import ClaimView
from shared import ids
from shared.errors import NotFound
from tests.functions.claiming.conftest import Bought
from tests.problems import absent, refused
from tests.races import at_once
from tests.samples import sample_id

Buy = Callable[..., Bought]


def retry(bought: Bought, claim_id: str | None = None) -> ClaimView:
    request = RetryClaim(claim_id or ids.sibling(bought.order.id, "clm"))
    answer: ClaimView = bought.isolated.run("retry_claim", request=request, caller=bought.buyer.caller)
    return answer


def failed(buy: Buy) -> Bought:
    """A claim that could not be redeemed."""
    bought = buy()
    bought.claim()
    sql = "UPDATE claims SET status = 'failed', failures = 8, due_at = NULL, failure = 'x' WHERE order_id = :id"
    bought.isolated.probe.rows("claiming", f"{sql} RETURNING id", id=bought.order.id)
    return bought


def test_a_failed_claim_is_due_again(buy: Buy) -> None:
    """With its voucher as it was; of fifty retries at once one finds it failed."""
    bought = failed(buy)
    voucher = bought.view().voucher
    answers = at_once([lambda: retry(bought)] * 50)
    (again,) = [answer for answer in answers if isinstance(answer, ClaimView)]
    assert sum(isinstance(answer, NotFailed) for answer in answers) == 49
    assert (again.status, again.voucher) == ("claimed", voucher)
    sql = "SELECT status, failures, failure, due_at <= now() AS due FROM claims WHERE order_id = :id"
    (row,) = bought.isolated.probe.rows("claiming", sql, id=bought.order.id)
    assert row == {"status": "claimed", "failures": 0, "failure": "", "due": True}


def test_what_has_not_failed_is_left_alone(buy: Buy) -> None:
    """Open, claimed, voided: nothing changes."""
    opened, claimed = buy(), buy()
    opened.isolated.deliver("open_claim", opened.order.id)
    claimed.claim()
    for bought in (opened, claimed):
        before = bought.rows()
        with pytest.raises(NotFailed):
            retry(bought)
        assert bought.rows() == before


@pytest.mark.parametrize("claim_id", [sample_id("clm"), sample_id("ord"), "nonsense"])
def test_what_is_not_there_is_not_found(buy: Buy, claim_id: str) -> None:
    """Unknown and malformed ids alike."""
    with pytest.raises(NotFound):
        retry(buy(), claim_id)


def test_it_is_for_operators(
    buyer: ApiUser,
    operator: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    guarded: Callable[..., None],
) -> None:
    """The scope `operator`; the claim's owner has no more right than a stranger."""
    claim = buyer.post("/v1/claims", {"order_id": paid_order(buyer, on_sale())["id"]})
    path = f"/v1/operator/claims/{claim['id']}/retry"
    guarded("retry_claim", path)
    refused(buyer.request("POST", path), 403, "SCOPE_MISSING")
    refused(operator.request("POST", path), 409, "CLAIM_NOT_FAILED")
    refused(operator.request("POST", path, {"x": 1}), 400, "VALIDATION_FAILED", "x")
    unknown = (ids.new("clm", "us"), "nonsense")
    absent(*(operator.request("POST", f"/v1/operator/claims/{each}/retry") for each in unknown))
