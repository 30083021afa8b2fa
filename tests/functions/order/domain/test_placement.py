"""Which lines may share an order, and its total."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.order.domain.errors import AmountOverflow, MixedOrder
from shared.money import MAXIMUM
from tests.functions.order.samples import placed, terms


@pytest.mark.parametrize(
    ("code", "difference"),
    [
        ("MIXED_CURRENCIES", {"currency": "ETH"}),
        ("MIXED_MERCHANTS", {"merchant_id": "usr_us_other"}),
        ("MIXED_CHAINS", {"chain_id": 1}),
    ],
)
def test_the_lines_agree(code: str, difference: dict[str, object]) -> None:
    """An order has one currency, one merchant and one chain; the refusal names the field and what differs."""
    with pytest.raises(MixedOrder) as refused:
        placed([(terms(), 1), (terms(), 1), (terms(**difference), 1)])
    assert refused.value.code == code
    assert refused.value.errors[0]["field"] == "items"
    assert str(next(iter(difference.values()))) in refused.value.detail


def test_what_is_not_of_the_order_may_differ() -> None:
    """Supplies may differ in price, title, payout wallet and asset."""
    order = placed([(terms(), 1), (terms(unit_price=0, title="Another", payout_wallet_id="wal_us_2", token_id="8"), 2)])
    assert [item.title for item in order.items] == ["A thing", "Another"]
    assert [item.payout_wallet_id for item in order.items] == ["wal_us_payout", "wal_us_2"]
    assert order.total == 1000


@given(st.lists(st.tuples(st.integers(0, 2**200), st.integers(1, 10**9)), min_size=1, max_size=20))
def test_the_total_is_exact(lines: list[tuple[int, int]]) -> None:
    """The total is the sum of price times quantity, to the atomic unit; every line keeps its own terms."""
    order = placed([(terms(unit_price=price), quantity) for price, quantity in lines])
    assert order.total == sum(price * quantity for price, quantity in lines)
    assert [(item.unit_price, item.quantity) for item in order.items] == lines


def test_a_total_below_2_to_256_is_an_amount() -> None:
    """2^256 - 1 can be ordered; 2^256 is AMOUNT_OVERFLOW, in one line or over several."""
    assert placed([(terms(unit_price=MAXIMUM), 1)]).total == 2**256 - 1
    for lines in (
        [(terms(unit_price=2**255), 2)],
        [(terms(unit_price=MAXIMUM), 1), (terms(unit_price=1), 1)],
        [(terms(unit_price=MAXIMUM), 10**9)],
    ):
        with pytest.raises(AmountOverflow) as refused:
            placed(lines)
        assert refused.value.code == "AMOUNT_OVERFLOW"


def test_two_lines_of_one_supply_are_two_items() -> None:
    """The same supply twice stays two lines, each with an id of its own, and both are paid for."""
    same = terms(unit_price=10)
    order = placed([(same, 1), (same, 2)])
    assert [(item.supply_id, item.quantity) for item in order.items] == [(same.supply_id, 1), (same.supply_id, 2)]
    assert len({item.item_id for item in order.items}) == 2
    assert order.total == 30
