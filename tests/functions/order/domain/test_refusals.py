"""The refusals that follow from an order's state."""

import pytest

from functions.order.domain.order import Order, apply
from functions.order.domain.refusals import refusal_of
from tests.clocks import START
from tests.functions.order.samples import pending


def ended(status: str) -> Order:
    """An order that ended without a purchase."""
    order = pending()
    facts = {
        "failed": order.fail("SOLD_OUT", "Nothing is left."),
        "cancelled": order.cancel(),
        "expired": order.expire(),
    }
    return apply(order, facts[status][0], START)


@pytest.mark.parametrize(
    ("status", "code"),
    [("failed", "SOLD_OUT"), ("cancelled", "ORDER_CANCELLED"), ("expired", "ORDER_EXPIRED")],
)
def test_an_ended_order_is_a_refusal(status: str, code: str) -> None:
    """Its code is the failure's or says how it ended, and it names the order that was kept."""
    order = ended(status)
    refusal = refusal_of(order)
    assert refusal is not None
    assert refusal.code == code
    assert refusal.members == {"order_id": order.id}
    assert refusal.detail


def test_an_order_that_stands_is_no_refusal() -> None:
    """Pending, confirmed, paid and claimed orders are answered as such."""
    order = pending()
    assert refusal_of(order) is None
    for facts in (order.confirm(), order.pay(), order.claim("clm_us_x")):
        order = apply(order, facts[0], START)
        assert refusal_of(order) is None
