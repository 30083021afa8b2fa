"""Holds that belong to no order: captured in part or whole, released, or over with their time."""

from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.create_transfer import CreateTransfer
from functions.wallet.domain.errors import CaptureTooLarge, HoldEnded, InsufficientFunds
from functions.wallet.domain.holds import Hold
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.get_balances import GetBalances
from functions.wallet.store import Work
from functions.wallet.views import BalancesView
from shared.money import Amount
from tests.island import Island, Islander

TIME = timedelta(minutes=5)
PAST = timedelta(minutes=6)


def work(island: Island) -> Any:
    """The wallet service's work, in a transaction of its own."""
    return Work(island.resources, "wallet").transaction()


def held(island: Island, somebody: Islander, amount: int) -> str:
    """Set an amount aside for no order; the hold's id."""
    with work(island) as writing:
        asked = (somebody.wallet_id, somebody.user_id, "USDC", amount)
        hold = Hold(writing.new_id("hld"), "", *asked, expires_at=writing.now() + TIME)
        writing.ledger.lock([somebody.wallet_id])
        writing.holds.place([hold])
    return hold.id


def capture(island: Island, hold_id: str, amount: int) -> None:
    """Pay an amount of a hold to the house."""
    with work(island) as writing:
        hold = writing.holds.lock([hold_id])[hold_id]
        leg, _ = hold.capture(amount, writing.now())
        legs = (leg, Posting("fees", hold.currency, amount))
        transfer = Transfer(writing.new_id("trf"), "charge", legs, writing.now())
        writing.ledger.post(transfer, {hold.wallet_id: hold.user_id})
        writing.holds.capture(hold, transfer.id, amount)


def release(island: Island, hold_id: str) -> bool:
    """Give a hold back; whether it was there to be given."""
    with work(island) as writing:
        placed = [hold for hold in writing.holds.lock([hold_id]).values() if hold.status == "placed"]
        writing.holds.release(placed, {hold_id: "cancelled"})
    return bool(placed)


def read(island: Island, somebody: Islander) -> BalancesView:
    request = GetBalances(somebody.wallet_id)
    view: BalancesView = island.run("get_balances", request=request, caller=somebody.caller)
    return view


def test_a_part_is_paid_and_the_rest_goes_back(island: Island) -> None:
    """Once: what is left of it is available again, and there is nothing more to capture or release."""
    somebody = island.islander(USDC=100)
    hold_id = held(island, somebody, 60)
    with pytest.raises(CaptureTooLarge):
        capture(island, hold_id, 61)
    capture(island, hold_id, 45)
    assert island.books.money(somebody.wallet_id) == (55, 0)
    with pytest.raises(HoldEnded):
        capture(island, hold_id, 1)
    assert not release(island, hold_id)
    assert island.violations() == []


def test_a_release_gives_all_of_it_back(island: Island) -> None:
    """After it nothing is captured."""
    somebody = island.islander(USDC=100)
    hold_id = held(island, somebody, 60)
    assert release(island, hold_id)
    with pytest.raises(HoldEnded):
        capture(island, hold_id, 60)
    assert island.books.money(somebody.wallet_id) == (100, 0)


def test_a_read_past_its_time_does_not_count_it(island: Island) -> None:
    """No sweep has run: whoever looks sees the money, and may spend it; the hold's story says that it expired."""
    somebody, friend = island.islander(USDC=100), island.islander()
    hold_id = held(island, somebody, 60)
    [balance] = read(island, somebody).balances
    assert (balance.posted, balance.held, balance.available) == (100, 60, 40)
    send = CreateTransfer(somebody.wallet_id, friend.wallet_id, "USDC", Amount(100))
    with pytest.raises(InsufficientFunds):
        island.run("create_transfer", request=send, caller=somebody.caller)
    with island.later(PAST):
        view = read(island, somebody)
        assert (view.balances[0].held, view.balances[0].available, view.holds) == (0, 100, [])
        with pytest.raises(HoldEnded):
            capture(island, hold_id, 60)
        island.run("create_transfer", request=send, caller=somebody.caller)
    ends = [(event.type, event.data.get("reason")) for event in island.stream(hold_id)]
    assert ends == [("hold.placed", None), ("hold.released", "expired")]
    assert island.violations() == []


def test_a_past_time_does_not_count_it_beyond_its_own(island: Island) -> None:
    """Between its time and its release it was nobody's any more."""
    somebody = island.islander(USDC=100)
    held(island, somebody, 60)
    with work(island) as reading:
        now = reading.now()
        assert [b.held for b in reading.ledger.balances(somebody.wallet_id, now).balances] == [60]
        assert [b.held for b in reading.ledger.balances(somebody.wallet_id, now + PAST).balances] == [0]


def test_the_sweep_ends_it_where_nobody_reads(island: Island) -> None:
    """It needs no order's word."""
    somebody = island.islander(USDC=100)
    held(island, somebody, 60)
    with island.later(PAST):
        island.run("sweep_holds")
    assert island.books.money(somebody.wallet_id) == (100, 0)
