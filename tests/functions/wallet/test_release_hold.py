"""Giving funds back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from emulators.buyer import Person
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.wallet_pb2 import ReleaseHoldRequest, ReleaseHoldResponse
from tests.functions.wallet.holds import CAPTURED, RELEASED, a_hold, place, release, story
from tests.island import Island
from tests.races import all_at_once


def test_released_funds_are_available_again(island: Island) -> None:
    """The event says why, and whose hold of how much it was."""
    somebody = island.islander(USDC=100)
    hold = a_hold(somebody, 60)
    place(island, hold)
    assert release(island, hold, reason="failed") == [RELEASED]
    assert island.books.money(somebody.wallet_id) == (100, 0)
    event = island.stream(hold.hold_id)[1]
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


def test_a_hold_is_released_once_however_often_it_is_asked_for(island: Island) -> None:
    """Twenty releases at the same moment give the funds back once, and all are told that they are free."""
    somebody = island.islander(USDC=100)
    hold, other = a_hold(somebody, 60), a_hold(somebody, 40)
    place(island, hold, other)
    assert all_at_once([lambda: release(island, hold)] * 20) == [[RELEASED]] * 20
    assert island.books.money(somebody.wallet_id) == (100, 40)
    assert story(island, hold) == ["hold.placed", "hold.released"]


def test_an_unknown_hold_is_buried_once(island: Island) -> None:
    """Releasing what was never placed is told once, with no wallet and no amount, however many ask at once."""
    hold = a_hold(island.islander(), 60)
    assert all_at_once([lambda: release(island, hold)] * 20) == [[RELEASED]] * 20
    (event,) = island.stream(hold.hold_id)
    assert event.type == "hold.released"
    assert (event.data["order_id"], event.data["wallet_id"], event.data["amount"]) == (hold.order_id, "", "0")


def test_a_batch_tells_what_each_hold_has_come_to(island: Island) -> None:
    """Placed, unknown, released and captured ones in one batch do not touch each other."""
    merchant, somebody = island.islander(), island.islander(USDC=10_000)
    order = island.buy(somebody, (island.sell(merchant), 1))
    captured, placed, unknown, gone = (a_hold(somebody, 60) for _ in range(4))
    captured.hold_id, captured.order_id = order.hold_id, order.id
    place(island, placed, gone)
    release(island, gone)
    assert release(island, captured, placed, unknown, gone) == [CAPTURED, RELEASED, RELEASED, RELEASED]
    assert island.books.money(somebody.wallet_id) == (9_000, 0)


def test_what_was_captured_stays_so(
    buyer: Person,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    rpc: Callable[[str, str], RpcChannel],
) -> None:
    """A paid order's hold answers CAPTURED, and the buyer gets nothing back."""
    order = paid_order(buyer, on_sale())
    before = buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances")
    asked = ReleaseHoldRequest.Release(hold_id=ids.sibling(order["id"], "hld"), order_id=order["id"], reason="failed")
    request = ReleaseHoldRequest(releases=[asked])
    for _ in range(2):
        (outcome,) = rpc("wallet", "order").call("Wallet.ReleaseHold", request, ReleaseHoldResponse).outcomes
        assert outcome.state == CAPTURED
    assert buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances") == before


def test_batches_that_cross_each_other_all_succeed(island: Island) -> None:
    """Batches that name the same holds in opposite order do not block each other for good."""
    people = [island.islander(USDC=100) for _ in range(4)]
    for _ in range(5):
        holds = [a_hold(somebody, 10) for somebody in people]
        place(island, *holds)
        forth = [partial(release, island, *holds)] * 4
        back = [partial(release, island, *reversed(holds))] * 4
        assert all_at_once([*forth, *back]) == [[RELEASED] * 4] * 8
    assert [island.books.money(somebody.wallet_id) for somebody in people] == [(100, 0)] * 4


def test_an_empty_batch_is_answered(island: Island) -> None:
    """Nothing is asked for, nothing is done."""
    assert release(island) == []


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service gives anybody's hold back."""
    only_for_callers("release_hold")
