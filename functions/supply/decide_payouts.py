"""Tell the wallet service which payout references have ended, so that wallets need not stay open for them."""

from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import DecidePayoutsRequest, DecidePayoutsResponse, Payout


def decide_payouts(request: DecidePayoutsRequest, work: SupplyWork) -> DecidePayoutsResponse:
    """The ones whose supply pays out elsewhere, is archived, or does not exist; open orders do not count here."""
    ended = work.supplies.ended_payouts([(payout.supply_id, payout.wallet_id) for payout in request.payouts])
    return DecidePayoutsResponse(
        ended=[Payout(supply_id=supply_id, wallet_id=wallet_id) for supply_id, wallet_id in ended]
    )
