"""Releasing holds."""

from collections.abc import Callable
from functools import partial
from typing import Any

from emulators.demo.api_user import ApiUser
from shared import ids
from shared.contracts.gen.wallet_pb2 import ReleaseHoldRequest, ReleaseHoldResponse
from shared.rpc.channel import RpcChannel
from tests.functions.wallet.holds import CAPTURED, RELEASED, a_hold, place, release, story
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once


def test_released_funds_are_available_again(isolated: IsolatedServices) -> None:
    """The event says why, and whose hold of how much it was."""
    somebody = isolated.new_user(USDC=100)
    hold = a_hold(somebody, 60)
    place(isolated, hold)
    assert release(isolated, hold, reason="failed") == [RELEASED]
    assert isolated.probe.money(somebody.wallet_id) == (100, 0)
    event = isolated.stream(hold.hold_id)[1]
    assert (event.type, event.version) == ("hold.released", 2)
    assert event.data == {
        "hold_id": hold.hold_id,
        "order_id": hold.order_id,
        "wallet_id": somebody.wallet_id,
        "user_id": somebody.user_id,
        "currency": "USDC",
        "amount": "60",
        "reason": "failed",
    }


def test_a_hold_is_released_once_however_often_it_is_asked_for(isolated: IsolatedServices) -> None:
    """Twenty concurrent releases free the funds once, and all get the same outcome."""
    somebody = isolated.new_user(USDC=100)
    hold, other = a_hold(somebody, 60), a_hold(somebody, 40)
    place(isolated, hold, other)
    assert all_at_once([lambda: release(isolated, hold)] * 20) == [[RELEASED]] * 20
    assert isolated.probe.money(somebody.wallet_id) == (100, 40)
    assert story(isolated, hold) == ["hold.placed", "hold.released"]


def test_an_unknown_hold_is_buried_once(isolated: IsolatedServices) -> None:
    """Releasing a hold that was never placed appends one event, without wallet and amount, even concurrently."""
    hold = a_hold(isolated.new_user(), 60)
    assert all_at_once([lambda: release(isolated, hold)] * 20) == [[RELEASED]] * 20
    (event,) = isolated.stream(hold.hold_id)
    assert event.type == "hold.released"
    assert (event.data["order_id"], event.data["wallet_id"], event.data["amount"]) == (hold.order_id, "", "0")


def test_a_batch_tells_what_each_hold_has_come_to(isolated: IsolatedServices) -> None:
    """Placed, unknown, released and captured ones in one batch do not touch each other."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=10_000)
    order = isolated.buy(somebody, (isolated.sell(merchant), 1))
    captured, placed, unknown, gone = (a_hold(somebody, 60) for _ in range(4))
    captured.hold_id, captured.order_id = order.hold_id, order.id
    place(isolated, placed, gone)
    release(isolated, gone)
    assert release(isolated, captured, placed, unknown, gone) == [CAPTURED, RELEASED, RELEASED, RELEASED]
    assert isolated.probe.money(somebody.wallet_id) == (9_000, 0)


def test_what_was_captured_stays_so(
    buyer: ApiUser,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    rpc: Callable[[str, str], RpcChannel],
) -> None:
    """A paid order's hold answers CAPTURED, and the buyer gets nothing back."""
    order = paid_order(buyer, on_sale())
    before = buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances")
    one = ReleaseHoldRequest.Release(hold_id=ids.sibling(order["id"], "hld"), order_id=order["id"], reason="failed")
    request = ReleaseHoldRequest(releases=[one])
    for _ in range(2):
        (outcome,) = rpc("wallet", "order").call("Wallet.ReleaseHold", request, ReleaseHoldResponse).outcomes
        assert outcome.state == CAPTURED
    assert buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances") == before


def test_batches_that_cross_each_other_all_succeed(isolated: IsolatedServices) -> None:
    """Batches that name the same holds in opposite order do not block each other for good."""
    people = [isolated.new_user(USDC=100) for _ in range(4)]
    for _ in range(5):
        holds = [a_hold(somebody, 10) for somebody in people]
        place(isolated, *holds)
        forth = [partial(release, isolated, *holds)] * 4
        back = [partial(release, isolated, *reversed(holds))] * 4
        assert all_at_once([*forth, *back]) == [[RELEASED] * 4] * 8
    assert [isolated.probe.money(somebody.wallet_id) for somebody in people] == [(100, 0)] * 4


def test_an_empty_batch_is_answered(isolated: IsolatedServices) -> None:
    """An empty request does nothing."""
    assert release(isolated) == []


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service may release holds."""
    only_for_callers("release_hold")
