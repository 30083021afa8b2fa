"""The arithmetic of the ledger."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.wallet.domain.errors import InsufficientFunds
from functions.wallet.domain.ledger import SYSTEM_ACCOUNTS, Account, Posting, Transfer, settlement
from shared.money import MAXIMUM

NOW = datetime(2026, 11, 23, tzinfo=UTC)
amounts = st.integers(0, MAXIMUM)
payouts = st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), amounts), min_size=1, max_size=5)


def a_transfer(*postings: Posting) -> Transfer:
    return Transfer("trf", "test", postings, NOW)


def test_a_balanced_transfer_stands() -> None:
    """Two legs that cancel each other out are a transfer."""
    legs = (Posting("wal_a", "USDC", -5), Posting("escrow", "USDC", 5))
    assert a_transfer(*legs).postings == legs


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting("a", "USDC", 0),),
        (Posting("a", "USDC", -5), Posting("b", "USDC", 4)),
        (Posting("a", "USDC", -5), Posting("b", "ETH", 5)),
        (Posting("a", "USDC", -5), Posting("b", "USDC", 5), Posting("b", "ETH", 1)),
    ],
)
def test_a_transfer_that_makes_or_loses_money_cannot_be(postings: tuple[Posting, ...]) -> None:
    """Fewer than two legs, or legs that do not sum to zero in each currency, are a defect."""
    with pytest.raises(ValueError, match="does not balance"):
        a_transfer(*postings)


@given(posted=amounts, held=amounts, amount=amounts)
def test_no_more_is_held_than_there_is(posted: int, held: int, amount: int) -> None:
    """A hold leaves the account covered, or is refused and leaves it as it was."""
    held = min(held, posted)
    account = Account("wal", "USDC", posted, held)
    if amount > account.available:
        with pytest.raises(InsufficientFunds):
            account.holding(amount)
    else:
        after = account.holding(amount)
        assert (after.posted, after.held, after.available) == (posted, held + amount, account.available - amount)
        assert after.available >= 0


@given(payouts=payouts, fee_bps=st.integers(0, 10_000))
def test_a_settlement_splits_what_is_in_escrow(payouts: list[tuple[str, int]], fee_bps: int) -> None:
    """All of the escrow is paid out; the fee on each payout is rounded down, and the merchant gets the rest."""
    escrowed = sum(amount for _, amount in payouts)
    legs = settlement("USDC", escrowed, payouts, fee_bps)
    of = {name: sum(leg.amount for leg in legs if leg.account == name) for name in SYSTEM_ACCOUNTS}
    fees = sum(amount * fee_bps // 10_000 for _, amount in payouts)
    assert (of["escrow"], of["fees"]) == (-escrowed, fees)
    assert sum(leg.amount for leg in legs) == 0
    assert all(leg.amount != 0 and leg.currency == "USDC" for leg in legs)
    for wallet_id in {wallet_id for wallet_id, _ in payouts}:
        due = sum(amount - amount * fee_bps // 10_000 for name, amount in payouts if name == wallet_id)
        assert sum(leg.amount for leg in legs if leg.account == wallet_id) == due


def test_a_settlement_never_moves_another_sales_money() -> None:
    """Payouts that are not what the buyer paid are a defect."""
    with pytest.raises(ValueError, match="in escrow"):
        settlement("USDC", 10, [("wal", 11)], 250)


def test_only_the_houses_accounts_are_system_accounts() -> None:
    """A wallet is none, whatever it is called."""
    assert Posting("escrow", "USDC", 1).system
    assert not Posting("wal_us_01", "USDC", 1).system
