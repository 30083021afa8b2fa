"""Placing holds."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from shared import ids
from shared.errors import Malformed
from shared.money import MAXIMUM
from tests.functions.wallet.holds import RELEASED, a_hold, place, release, story
from tests.functions.wallet.test_operator_transfers import post
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once


def test_a_hold_sets_funds_aside(isolated: IsolatedServices) -> None:
    """The funds are no longer available, and a hold.placed event was appended."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 60)
    assert place(isolated, hold) == [""]
    assert isolated.probe.money(somebody.wallet_id) == (100, 60)
    (event,) = isolated.stream(hold.hold_id)
    assert (event.type, event.version) == ("hold.placed", 1)
    assert event.data == {
        "hold_id": hold.hold_id,
        "order_id": hold.order_id,
        "wallet_id": somebody.wallet_id,
        "user_id": somebody.user_id,
        "currency": "USDC",
        "amount": "60",
        "expires_at": event.data["expires_at"],
    }


def test_a_hold_is_placed_once_however_often_it_is_asked_for(isolated: IsolatedServices) -> None:
    """Repeats, in one batch and in others, by twenty at once, answer as the first did and set nothing more aside."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 40)
    assert place(isolated, hold, hold) == ["", ""]
    assert all_at_once([lambda: place(isolated, hold)] * 20) == [[""]] * 20
    assert isolated.probe.money(somebody.wallet_id) == (100, 40)
    assert story(isolated, hold) == ["hold.placed"]


def test_a_new_hold_is_placed_once_by_many_at_once(isolated: IsolatedServices) -> None:
    """Of twenty concurrent first attempts one places the hold, and all report it as placed."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 60)
    assert all_at_once([lambda: place(isolated, hold)] * 20) == [[""]] * 20
    assert isolated.probe.money(somebody.wallet_id) == (100, 60)
    assert story(isolated, hold) == ["hold.placed"]


def test_one_refusal_does_not_touch_the_others(isolated: IsolatedServices) -> None:
    """In a batch over several wallets, what is covered is placed, and what is not is refused alone."""
    rich, poor = isolated.new_user(USDC=100), isolated.new_user(USDC=5)
    batch = [a_hold(rich, 60), a_hold(poor, 6), a_hold(rich, 41), a_hold(poor, 5), a_hold(rich, 40)]
    assert place(isolated, *batch) == ["", "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS", "", ""]
    assert isolated.probe.money(rich.wallet_id) == (100, 100)
    assert isolated.probe.money(poor.wallet_id) == (5, 5)
    assert [story(isolated, hold) for hold in batch] == [["hold.placed"], [], [], ["hold.placed"], ["hold.placed"]]


@pytest.mark.parametrize(("amount", "currency"), [(101, "USDC"), (1, "ETH"), (MAXIMUM, "USDC"), (1, "BTC")])
def test_what_is_not_covered_is_refused(isolated: IsolatedServices, amount: int, currency: str) -> None:
    """More than is available, or of a currency that the wallet does not have; no hold, no event."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, amount, currency)
    assert place(isolated, hold) == ["INSUFFICIENT_FUNDS"]
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)
    assert story(isolated, hold) == []


def test_a_refused_hold_may_be_asked_for_again(isolated: IsolatedServices) -> None:
    """A refusal is not kept: once the funds are there, the same command succeeds."""
    somebody = isolated.new_user()
    hold = a_hold(somebody, 5)
    assert place(isolated, hold) == ["INSUFFICIENT_FUNDS"]
    isolated.fund(somebody, 5)
    assert place(isolated, hold) == [""]


def test_an_unknown_wallet_holds_nothing(isolated: IsolatedServices) -> None:
    """Absent and malformed wallets are refused as closed ones are, without touching the rest of the batch."""
    somebody = isolated.new_user(USDC=100)
    absent, malformed, good = a_hold(somebody, 1), a_hold(somebody, 1), a_hold(somebody, 1)
    absent.wallet_id, malformed.wallet_id = ids.new("wal", "us"), "' OR 1=1"
    assert place(isolated, absent, malformed, good) == ["WALLET_CLOSED", "WALLET_CLOSED", ""]


def test_a_closed_wallet_holds_nothing(isolated: IsolatedServices) -> None:
    """Its funds stay, but no order takes them."""
    somebody = isolated.spare(isolated.new_user())
    isolated.fund(somebody, 100)
    with isolated.superuser("wallet") as connection:  # as some were closed before the database held against it
        connection.run("SET session_replication_role = replica")
        connection.run("UPDATE wallets SET status = 'closed' WHERE id = :id", id=somebody.wallet_id)
    assert place(isolated, a_hold(somebody, 1)) == ["WALLET_CLOSED"]
    post(isolated, (somebody.wallet_id, isolated.new_user().wallet_id, 100))


def test_a_hold_that_was_released_first_is_never_placed(isolated: IsolatedServices) -> None:
    """The tombstone of a release refuses the late command, however often it comes."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 60)
    assert release(isolated, hold) == [RELEASED]
    assert [place(isolated, hold), place(isolated, hold)] == [["HOLD_RELEASED"]] * 2
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)
    assert story(isolated, hold) == ["hold.released"]


def test_a_hold_that_was_placed_and_released_stays_released(isolated: IsolatedServices) -> None:
    """A repeat of the command after its release sets nothing aside again."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 60)
    place(isolated, hold)
    release(isolated, hold)
    assert place(isolated, hold) == ["HOLD_RELEASED"]
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)


def test_orders_at_once_share_what_there_is(isolated: IsolatedServices) -> None:
    """Of fifty holds of 10 that meet at a wallet of 200, twenty are placed; nobody waits in vain for a lost race."""
    somebody = isolated.new_user(USDC=200)
    holds = [a_hold(somebody, 10) for _ in range(50)]
    answers = all_at_once([partial(place, isolated, hold) for hold in holds])
    assert sorted(answers) == [[""]] * 20 + [["INSUFFICIENT_FUNDS"]] * 30
    assert isolated.probe.money(somebody.wallet_id) == (200, 200)


def test_a_hold_races_its_release(isolated: IsolatedServices) -> None:
    """Whichever is first, thirty times: in the end nothing is held, and every further try is refused."""
    somebody = isolated.new_user(USDC=100)
    for _ in range(30):
        hold = a_hold(somebody, 60)
        calls: list[Callable[[], object]] = [partial(place, isolated, hold), partial(release, isolated, hold)]
        placed, released = all_at_once(calls)
        assert released == [RELEASED]
        assert placed in ([""], ["HOLD_RELEASED"])
        assert place(isolated, hold) == ["HOLD_RELEASED"]
        expected = ["hold.placed", "hold.released"] if placed == [""] else ["hold.released"]
        assert story(isolated, hold) == expected
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.5", "1e3", "x", str(MAXIMUM + 1)])
def test_a_malformed_amount_is_refused(isolated: IsolatedServices, amount: str) -> None:
    """It is an error of the caller, not an outage to wait for, and the batch leaves nothing behind."""
    somebody = isolated.new_user(USDC=100)
    good = a_hold(somebody, 1)
    with pytest.raises(Malformed):
        place(isolated, good, a_hold(somebody, amount))
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)
    assert story(isolated, good) == []


def test_an_empty_batch_is_answered(isolated: IsolatedServices) -> None:
    """An empty request does nothing."""
    assert place(isolated) == []


def test_the_time_of_a_hold_is_kept(isolated: IsolatedServices) -> None:
    """When it expires is what the order said, to the microsecond."""
    hold = a_hold(isolated.new_user(USDC=1), 1, within=timedelta(seconds=77))
    place(isolated, hold)
    (row,) = isolated.probe.rows("wallet", "SELECT expires_at FROM holds WHERE id = :id", id=hold.hold_id)
    assert row["expires_at"].timestamp() == pytest.approx(hold.expires_at.ToNanoseconds() / 1e9, abs=1e-6)


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service may place holds."""
    only_for_callers("place_hold")
