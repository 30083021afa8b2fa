"""Deciding a batch of holds."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from functions.wallet.domain.holds import HoldRequest, place
from functions.wallet.domain.ledger import Account
from functions.wallet.domain.wallet import Wallet, WalletStatus

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def a_wallet(wallet_id: str, status: WalletStatus = "open") -> Wallet:
    return Wallet(
        wallet_id, f"usr_{wallet_id}", "Default", "0x00", 1, status, is_default=True, version=1, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip


def a_wish(number: int, wallet_id: str, amount: int, currency: str = "USDC") -> HoldRequest:
    return HoldRequest(f"hld_{number}", f"ord_{number}", wallet_id, currency, amount, NOW)


def test_each_hold_is_decided_against_what_the_ones_before_leave() -> None:
    """A wallet of 10 can hold 6 and 4; what does not fit in between is refused alone."""
    wanted = [a_wish(1, "a", 6), a_wish(2, "a", 5), a_wish(3, "a", 4), a_wish(4, "a", 1)]
    decided = place(wanted, {"a": a_wallet("a")}, {("a", "USDC"): Account("a", "USDC", 12, 2)})
    assert [(hold.id, hold.amount, hold.user_id, hold.status) for hold in decided.placed] == [
        ("hld_1", 6, "usr_a", "placed"),
        ("hld_3", 4, "usr_a", "placed"),
    ]
    assert {hold_id: code for hold_id, (code, _) in decided.refused.items()} == {
        "hld_2": "INSUFFICIENT_FUNDS",
        "hld_4": "INSUFFICIENT_FUNDS",
    }


def test_a_wallet_that_is_closed_or_unknown_holds_nothing() -> None:
    """Neither gives funds, even where a balance is left."""
    accounts = {("a", "USDC"): Account("a", "USDC", 10), ("b", "USDC"): Account("b", "USDC", 10)}
    decided = place([a_wish(1, "a", 1), a_wish(2, "b", 1)], {"a": a_wallet("a", "closed")}, accounts)
    assert decided.placed == ()
    assert {code for code, _ in decided.refused.values()} == {"WALLET_CLOSED"}


def test_currencies_do_not_mix() -> None:
    """Funds in one currency cover nothing in another."""
    decided = place([a_wish(1, "a", 1, "ETH")], {"a": a_wallet("a")}, {("a", "USDC"): Account("a", "USDC", 10)})
    assert decided.refused["hld_1"][0] == "INSUFFICIENT_FUNDS"


@given(
    balances=st.dictionaries(st.sampled_from("abc"), st.integers(0, 20)),
    wishes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), max_size=12),
)
def test_no_account_is_overdrawn_and_no_hold_refused_without_need(
    balances: dict[str, int], wishes: list[tuple[str, int]]
) -> None:
    """In any batch, what is placed is covered, and what is refused was not covered when its turn came."""
    wanted = [a_wish(number, wallet_id, amount) for number, (wallet_id, amount) in enumerate(wishes)]
    accounts = {(name, "USDC"): Account(name, "USDC", posted) for name, posted in balances.items()}
    decided = place(wanted, {name: a_wallet(name) for name in "abc"}, accounts)
    placed = {hold.id for hold in decided.placed}
    assert placed | set(decided.refused) == {want.id for want in wanted}
    left = {name: balances.get(name, 0) for name in "abc"}
    for want in wanted:
        assert (want.id in placed) == (want.amount <= left[want.wallet_id])
        left[want.wallet_id] -= want.amount if want.id in placed else 0
