"""Requesting a withdrawal: on the terms of its currency, and never to an address where it would be lost."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from functions.wallet.domain.errors import InsufficientFunds
from functions.wallet.list_currencies import ListCurrencies
from shared.errors import Malformed
from tests.functions.wallet.custody import Custody, an_address
from tests.functions.wallet.test_audit_custody import broken

LEAST, FEE = 100, 30


@pytest.fixture
def priced(custody: Custody) -> Iterator[Custody]:
    """A custody that takes a fee, and withdraws and fetches nothing small."""
    isolated, settings = custody.isolated, custody.isolated.settings
    terms = replace(
        settings,
        withdrawal_least={"USDC": LEAST, "ETH": 1},
        withdrawal_fee={"USDC": FEE, "ETH": 0},
        collect_from={"USDC": 500},
    )
    isolated.settings = isolated.resources.settings = terms
    yield custody
    isolated.settings = isolated.resources.settings = settings


def fees(custody: Custody) -> int:
    """The balance of `fees`, in USDC."""
    sql = "SELECT coalesce(sum(amount), 0) AS total FROM entries WHERE account = 'fees' AND currency = 'USDC'"
    return int(custody.isolated.probe.rows("wallet", sql)[0]["total"])


def test_the_fee_is_taken_beside_the_amount(priced: Custody) -> None:
    """It is held with the amount, is in the event, and goes to `fees` once the amount is paid; the proof holds."""
    buyer, to, earned = priced.isolated.new_user(USDC=5000), an_address(), fees(priced)
    withdrawal = priced.withdraw(buyer, to)
    assert (withdrawal.amount, withdrawal.fee) == (1000, FEE)
    assert priced.isolated.probe.money(buyer.wallet_id) == (5000, 1000 + FEE)
    priced.settle()
    assert priced.chain.usdc(to) == 1000
    assert priced.isolated.probe.money(buyer.wallet_id) == (4000 - FEE, 0)
    assert fees(priced) == earned + FEE
    assert {event.data["fee"] for event in priced.isolated.stream(withdrawal.id)} == {str(FEE)}
    assert broken(priced) == set()
    assert priced.isolated.violations() == []


def test_what_fails_costs_nothing(priced: Custody) -> None:
    """The vault is short: amount and fee are available again."""
    buyer, earned = priced.isolated.new_user(USDC=10**15), fees(priced)
    withdrawal = priced.withdraw(buyer, an_address(), 10**15 - FEE)
    priced.settle()
    assert priced.status(withdrawal) == "failed"
    assert priced.isolated.probe.money(buyer.wallet_id) == (10**15, 0)
    assert fees(priced) == earned


def test_the_fee_must_be_there_too(priced: Custody) -> None:
    """An amount that leaves too little for the fee is refused, and nothing is set aside."""
    buyer = priced.isolated.new_user(USDC=1000)
    with pytest.raises(InsufficientFunds):
        priced.withdraw(buyer, an_address(), 1000 - FEE + 1)
    priced.withdraw(buyer, an_address(), 1000 - FEE)
    assert priced.isolated.probe.money(buyer.wallet_id) == (1000, 1000)


def test_less_than_the_least_is_refused(priced: Custody) -> None:
    """Its transaction would cost more than it carries."""
    buyer = priced.isolated.new_user(USDC=1000)
    with pytest.raises(Malformed) as refused:
        priced.withdraw(buyer, an_address(), LEAST - 1)
    assert refused.value.errors == [{"field": "amount", "message": f"must be at least {LEAST}"}]
    priced.withdraw(buyer, an_address(), LEAST)


def test_the_terms_are_told_before(priced: Custody) -> None:
    """As they are configured, page by page."""
    first = priced.isolated.run("list_currencies", request=ListCurrencies(limit=1))
    second = priced.isolated.run("list_currencies", request=ListCurrencies(limit=1, cursor=first.next_cursor))
    listed = {each.currency: (each.least_withdrawal, each.withdrawal_fee) for each in (*first.items, *second.items)}
    assert listed == {"ETH": (1, 0), "USDC": (LEAST, FEE)}
    assert second.next_cursor is None


def test_a_deposit_address_is_paid_what_is_fetched_there(priced: Custody) -> None:
    """Too little would lie there, credited to nobody: refused. Enough is credited to its wallet."""
    buyer, friend = priced.isolated.new_user(USDC=5000), priced.isolated.new_user()
    address = priced.deposit_address(friend)
    with pytest.raises(Malformed) as refused:
        priced.withdraw(buyer, address, 499)
    assert refused.value.errors[0]["field"] == "to_address"
    priced.withdraw(buyer, address, 500)
    priced.settle()
    priced.isolated.run("collect_deposits")
    priced.settle()
    priced.watch()
    assert priced.isolated.probe.money(friend.wallet_id) == (500, 0)
    assert priced.isolated.probe.money(buyer.wallet_id) == (4500 - FEE, 0)
