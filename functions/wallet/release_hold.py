"""Release holds at the request of the order service."""

from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import ReleaseHoldRequest, ReleaseHoldResponse


def release_hold(request: ReleaseHoldRequest, work: WalletWork) -> ReleaseHoldResponse:
    """Release each placed hold, write a tombstone for each unknown one, and return the state of each.

    A tombstone is a row that marks a hold released before it was placed, so that a late PlaceHold is refused.
    """
    reasons = {release.hold_id: release.reason for release in request.releases}
    known = work.holds.lock(list(reasons))
    work.holds.release([hold for hold in known.values() if hold.status == "placed"], reasons)
    unknown = {release.hold_id: release.order_id for release in request.releases if release.hold_id not in known}
    work.holds.write_tombstones(unknown, reasons)
    captured = {hold.id for hold in known.values() if hold.status == "captured"}
    return ReleaseHoldResponse(
        outcomes=[
            ReleaseHoldResponse.Outcome(
                hold_id=hold_id,
                state=ReleaseHoldResponse.STATE_CAPTURED if hold_id in captured else ReleaseHoldResponse.STATE_RELEASED,
            )
            for hold_id in reasons
        ]
    )
