"""The order service's commands to an isolated wallet service, as raw requests."""

from datetime import UTC, datetime, timedelta

from shared import ids
from shared.contracts.gen.wallet_pb2 import (
    PlaceHoldRequest,
    PlaceHoldResponse,
    ReleaseHoldRequest,
    ReleaseHoldResponse,
)
from tests.isolated_services import IsolatedServices, IsolatedUser

RELEASED = ReleaseHoldResponse.STATE_RELEASED
CAPTURED = ReleaseHoldResponse.STATE_CAPTURED


def a_hold(
    somebody: IsolatedUser, amount: int | str, currency: str = "USDC", within: timedelta = timedelta(minutes=15)
) -> PlaceHoldRequest.Hold:
    """A hold for an order of its own."""
    order_id = ids.new("ord", "us")
    hold = PlaceHoldRequest.Hold(
        hold_id=ids.sibling(order_id, "hld"),
        order_id=order_id,
        wallet_id=somebody.wallet_id,
        currency=currency,
        amount=str(amount),
    )
    hold.expires_at.FromDatetime(datetime.now(UTC) + within)
    return hold


def place(isolated: IsolatedServices, *holds: PlaceHoldRequest.Hold) -> list[str]:
    """Place holds in one batch; the code with which each is refused, empty for one that is placed."""
    request = PlaceHoldRequest(holds=holds)
    response = isolated.rpc("wallet", "order").call("Wallet.PlaceHold", request, PlaceHoldResponse, 30)
    assert [outcome.hold_id for outcome in response.outcomes] == [hold.hold_id for hold in holds]
    return [outcome.refusal for outcome in response.outcomes]


def release(
    isolated: IsolatedServices, *holds: PlaceHoldRequest.Hold, reason: str = "cancelled"
) -> list[ReleaseHoldResponse.State]:
    """Release holds in one batch; what each has come to."""
    releases = [
        ReleaseHoldRequest.Release(hold_id=hold.hold_id, order_id=hold.order_id, reason=reason) for hold in holds
    ]
    request = ReleaseHoldRequest(releases=releases)
    response = isolated.rpc("wallet", "order").call("Wallet.ReleaseHold", request, ReleaseHoldResponse, 30)
    assert [outcome.hold_id for outcome in response.outcomes] == [hold.hold_id for hold in holds]
    return [outcome.state for outcome in response.outcomes]


def story(isolated: IsolatedServices, hold: PlaceHoldRequest.Hold) -> list[str]:
    """The types of a hold's events, oldest first."""
    return [event.type for event in isolated.stream(hold.hold_id)]
