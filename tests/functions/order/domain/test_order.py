"""The lifecycle of an order: which event may follow which, and their data."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.order.domain import events
from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order, apply, fold
from shared import ids
from tests.clocks import START
from tests.functions.order.samples import pending, placed, terms

FACTS: dict[str, Callable[[Order], OrderEvent]] = {
    "order.placed": lambda order: placed(),
    "order.confirmed": lambda order: order.confirm()[0],
    "order.paid": lambda order: order.pay()[0],
    "order.failed": lambda order: order.fail("SOLD_OUT", "Nothing is left.")[0],
    "order.cancelled": lambda order: order.cancel()[0],
    "order.expired": lambda order: order.expire()[0],
    "order.claimed": lambda order: order.claim(ids.sibling(order.id, "clm"))[0],
    "order.matured": lambda order: order.mature()[0],
    "order.completed": lambda order: order.complete(ids.sibling(order.id, "clm"))[0],
    "order.refund_requested": lambda order: order.request_refund(order.merchant_id, "Broken", restock=True)[0],
    "order.refund_refused": lambda order: order.refuse_refund("ALREADY_CLAIMED")[0],
    "order.refunded": lambda order: order.refund()[0],
}

LIFE: dict[str, tuple[str, ...]] = {
    "pending": ("order.confirmed", "order.failed", "order.cancelled", "order.expired"),
    "confirmed": ("order.paid", "order.cancelled"),
    "paid": ("order.claimed", "order.matured", "order.refund_requested"),
    "refunding": ("order.refunded", "order.refund_refused"),
    "promised": ("order.claimed",),
    "matured": ("order.claimed",),
    "claimed": ("order.completed",),
    "completed": (),
    "refunded": (),
    "failed": (),
    "cancelled": (),
    "expired": (),
}
"""
What may follow each stage. The design: pending -> confirmed -> paid -> claimed -> completed, and ways out before the
payment; after it a refund, a claim and maturing exclude each other, but that what has matured is claimed still.
"""

STAGES: dict[str, str] = {
    "order.placed": "pending",
    "order.refund_requested": "refunding",
    "order.refund_refused": "promised",
}
"""The stage that a fact leads to, where it is not the fact's own name."""

SHOWN = {"refunding": "paid", "promised": "paid", "matured": "paid"}
"""The status of a stage, where it has no name of its own for callers."""

History = list[tuple[OrderEvent, datetime]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A legal history of an order, ended anywhere."""
    lines = draw(st.lists(st.tuples(st.integers(0, 10**20), st.integers(1, 1000)), min_size=1, max_size=4))
    begun = placed([(terms(unit_price=price), quantity) for price, quantity in lines])
    order, at = apply(None, begun, START), START
    history: History = [(begun, at)]
    while LIFE[order.stage] and draw(st.integers(0, 9)) > 0:
        fact = FACTS[draw(st.sampled_from(LIFE[order.stage]))](order)
        at += timedelta(seconds=draw(st.integers(0, 60)))
        history.append((fact, at))
        order = apply(order, fact, at)
    return history


@given(histories(), st.data())
def test_a_history_folds_as_it_came_about(history: History, data: st.DataObject) -> None:
    """Folding a whole history gives the same order as applying its events one by one."""
    cut = data.draw(st.integers(0, len(history)))
    order = fold(history[:cut])
    for fact, at in history[cut:]:
        order = apply(order, fact, at)
    assert order == fold(history)
    assert order is not None
    assert order.version == len(history)
    last = history[-1][0].type
    assert order.stage == STAGES.get(last, last.removeprefix("order."))
    assert order.status == SHOWN.get(order.stage, order.stage)
    assert (order.created_at, order.updated_at) == (history[0][1], history[-1][1])


@given(histories())
def test_what_cannot_follow_is_refused(history: History) -> None:
    """After any legal history, every fact that the design does not allow there raises, and leaves the order alone."""
    order = fold(history)
    assert order is not None
    for name, fact in FACTS.items():
        if name in LIFE[order.stage]:
            assert apply(order, fact(order), START).version == order.version + 1
        else:
            with pytest.raises(ValueError, match=rf"order\.|{order.id}"):
                apply(order, fact(order), START)
    assert order == fold(history)


@pytest.mark.parametrize("name", [name for name in FACTS if name != "order.placed"])
def test_a_history_begins_with_the_placing(name: str) -> None:
    """No other fact can come first; nothing at all is no order."""
    with pytest.raises(ValueError, match=f"{name} cannot follow nothing"):
        fold([(FACTS[name](pending()), START)])
    assert fold([]) is None


def test_a_free_order_is_paid_as_soon_as_it_is_confirmed() -> None:
    """An order of total 0 has no hold, and is confirmed and paid at once; any other waits for the wallet."""
    free, priced = pending([(terms(unit_price=0), 3)]), pending()
    assert [fact.type for fact in free.confirm()] == ["order.confirmed", "order.paid"]
    assert [fact.type for fact in priced.confirm()] == ["order.confirmed"]
    assert free.hold_id == ""
    assert priced.hold_id == ids.sibling(priced.id, "hld")


def test_every_fact_says_what_its_listeners_need() -> None:
    """Each event names the order, its buyer and its merchant; those that end it name what has to be released."""
    order = pending([(terms(), 2), (terms(unit_price=5), 1)])
    for name, make in FACTS.items():
        if name == "order.placed":
            continue
        fact = make(order)
        assert (fact.order_id, fact.user_id, fact.merchant_id) == (order.id, order.user_id, order.merchant_id)
        if isinstance(fact, events.OrderFailed | events.OrderCancelled | events.OrderExpired):
            assert (fact.items, fact.hold_id) == (order.items, order.hold_id)


def test_a_failure_is_remembered() -> None:
    """A failed order keeps code and detail of its refusal; no other order has one."""
    order = pending()
    failed = apply(order, order.fail("SOLD_OUT", "Nothing is left.")[0], START)
    assert failed.failure == ("SOLD_OUT", "Nothing is left.")
    assert failed.ended
    assert apply(order, order.expire()[0], START).failure is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**30), st.integers(1, 10**9)), min_size=1))
def test_payouts_add_up_to_the_total(lines: list[tuple[str, int, int]]) -> None:
    """Every payout wallet is due the sum of its lines, once; together they are the total; nobody is due nothing."""
    order = pending([(terms(payout_wallet_id=wallet, unit_price=price), n) for wallet, price, n in lines])
    claimed = order.claim("clm_us_x")[0]
    assert isinstance(claimed, events.OrderClaimed)
    due = {payout.wallet_id: int(payout.amount) for payout in claimed.payouts}
    expected = {name: sum(price * n for wallet, price, n in lines if wallet == name) for name, _, _ in lines}
    assert due == {wallet: amount for wallet, amount in expected.items() if amount}
    assert len(claimed.payouts) == len(due)
    assert sum(due.values()) == order.total == claimed.total
