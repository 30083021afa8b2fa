"""Place holds: set funds aside for orders."""

from datetime import UTC

from functions.wallet.domain.holds import HoldRequest, place
from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest, PlaceHoldResponse
from shared.errors import Malformed
from shared.money import Amount

RELEASED = ("HOLD_RELEASED", "The hold was released before it was placed.")


def place_hold(request: PlaceHoldRequest, work: WalletWork) -> PlaceHoldResponse:
    """Place each hold or refuse it. A repeated request is answered as before; a hold that was released is refused.

    Raises Malformed for an amount that cannot be held.
    """
    requested = {hold.hold_id: _requested(hold) for hold in request.holds}  # a repeat within the batch counts once
    wallet_ids = sorted({hold.wallet_id for hold in request.holds})
    accounts, known, wallets = work.holds.read(wallet_ids, list(requested))
    fresh = [hold for hold in requested.values() if hold.id not in known]
    decided = place(fresh, {wallet.id: wallet for wallet in wallets}, accounts)
    work.holds.place(decided.placed)
    placed = {hold.id for hold in decided.placed} | {hold.id for hold in known.values() if hold.status != "released"}
    return PlaceHoldResponse(
        outcomes=[
            _outcome(hold.hold_id, ("", "") if hold.hold_id in placed else decided.refused.get(hold.hold_id, RELEASED))
            for hold in request.holds
        ]
    )


def _requested(hold: PlaceHoldRequest.Hold) -> HoldRequest:
    try:
        amount = Amount.parse(hold.amount)
    except ValueError as error:
        raise Malformed(str(error), field="amount") from error
    if amount == 0:
        raise Malformed("must be more than 0", field="amount")
    return HoldRequest(
        id=hold.hold_id,
        order_id=hold.order_id,
        wallet_id=hold.wallet_id,
        currency=hold.currency,
        amount=amount,
        expires_at=hold.expires_at.ToDatetime(UTC),
        payout_wallet_ids=tuple(hold.payout_wallet_ids),
    )


def _outcome(hold_id: str, refusal: tuple[str, str]) -> PlaceHoldResponse.Outcome:
    return PlaceHoldResponse.Outcome(hold_id=hold_id, refusal=refusal[0], detail=refusal[1])
