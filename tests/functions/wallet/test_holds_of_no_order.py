"""Holds that belong to no order: captured in part or whole, released, or over with their time."""

from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.adapters.work import Work
from functions.wallet.domain.errors import CaptureTooLarge, HoldEnded, InsufficientFunds
from functions.wallet.domain.holds import Capture, Hold
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.get_balances import GetBalances
from functions.wallet.requests import CreateTransfer
from functions.wallet.views import BalancesView
from shared.money import Amount
from tests.isolated_services import IsolatedServices, IsolatedUser

TIME = timedelta(minutes=5)
PAST = timedelta(minutes=6)


def work(isolated: IsolatedServices) -> Any:
    """The wallet service's work, in a transaction of its own."""
    return Work(isolated.resources, "wallet").transaction()


def held(isolated: IsolatedServices, somebody: IsolatedUser, amount: int) -> str:
    """Set an amount aside for no order; the hold's id."""
    with work(isolated) as writing:
        requested = (somebody.wallet_id, somebody.user_id, "USDC", amount)
        hold = Hold(writing.new_id("hld"), "", *requested, expires_at=writing.now() + TIME)
        writing.ledger.lock([somebody.wallet_id])
        writing.holds.place([hold])
    return hold.id


def capture(isolated: IsolatedServices, hold_id: str, amount: int) -> None:
    """Pay an amount of a hold to `fees`."""
    with work(isolated) as writing:
        hold = writing.holds.lock([hold_id])[hold_id]
        leg, _ = hold.capture(amount, writing.now())
        legs = (leg, Posting("fees", hold.currency, amount))
        transfer = Transfer(writing.new_id("trf"), "charge", legs, writing.now())
        writing.ledger.post(transfer, {hold.wallet_id: hold.user_id})
        writing.holds.capture([Capture(hold, transfer.id, amount)])


def release(isolated: IsolatedServices, hold_id: str) -> bool:
    """Give a hold back; whether it was there to be given."""
    with work(isolated) as writing:
        placed = [hold for hold in writing.holds.lock([hold_id]).values() if hold.status == "placed"]
        writing.holds.release(placed, {hold_id: "cancelled"})
    return bool(placed)


def read(isolated: IsolatedServices, somebody: IsolatedUser) -> BalancesView:
    request = GetBalances(somebody.wallet_id)
    view: BalancesView = isolated.run("get_balances", request=request, caller=somebody.caller)
    return view


def test_a_part_is_paid_and_the_rest_goes_back(isolated: IsolatedServices) -> None:
    """Once: what is left of it is available again, and there is nothing more to capture or release."""
    somebody = isolated.new_user(USDC=100)
    hold_id = held(isolated, somebody, 60)
    with pytest.raises(CaptureTooLarge):
        capture(isolated, hold_id, 61)
    capture(isolated, hold_id, 45)
    assert isolated.probe.money(somebody.wallet_id) == (55, 0)
    with pytest.raises(HoldEnded):
        capture(isolated, hold_id, 1)
    assert not release(isolated, hold_id)
    assert isolated.violations() == []


def test_a_release_gives_all_of_it_back(isolated: IsolatedServices) -> None:
    """After it nothing is captured."""
    somebody = isolated.new_user(USDC=100)
    hold_id = held(isolated, somebody, 60)
    assert release(isolated, hold_id)
    with pytest.raises(HoldEnded):
        capture(isolated, hold_id, 60)
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)


def test_a_read_past_its_time_does_not_count_it(isolated: IsolatedServices) -> None:
    """No sweep has run: the money is shown as available and can be spent; the hold's events say that it expired."""
    somebody, friend = isolated.new_user(USDC=100), isolated.new_user()
    hold_id = held(isolated, somebody, 60)
    [balance] = read(isolated, somebody).balances
    assert (balance.posted, balance.held, balance.available) == (100, 60, 40)
    send = CreateTransfer(somebody.wallet_id, friend.wallet_id, "USDC", Amount(100))
    with pytest.raises(InsufficientFunds):
        isolated.run("create_transfer", request=send, caller=somebody.caller)
    with isolated.later(PAST):
        view = read(isolated, somebody)
        assert (view.balances[0].held, view.balances[0].available, view.holds) == (0, 100, [])
        with pytest.raises(HoldEnded):
            capture(isolated, hold_id, 60)
        isolated.run("create_transfer", request=send, caller=somebody.caller)
    ends = [(event.type, event.data.get("reason")) for event in isolated.stream(hold_id)]
    assert ends == [("hold.placed", None), ("hold.released", "expired")]
    assert isolated.violations() == []


def test_a_past_time_does_not_count_it_beyond_its_own(isolated: IsolatedServices) -> None:
    """Between its time and its release it was nobody's any more."""
    somebody = isolated.new_user(USDC=100)
    held(isolated, somebody, 60)
    with work(isolated) as reading:
        now = reading.now()
        assert [b.held for b in reading.ledger.balances(somebody.wallet_id, now).balances] == [60]
        assert [b.held for b in reading.ledger.balances(somebody.wallet_id, now + PAST).balances] == [0]


def test_the_sweep_ends_it_where_nobody_reads(isolated: IsolatedServices) -> None:
    """It needs no order's word."""
    somebody = isolated.new_user(USDC=100)
    held(isolated, somebody, 60)
    with isolated.later(PAST):
        isolated.run("sweep_holds")
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)
