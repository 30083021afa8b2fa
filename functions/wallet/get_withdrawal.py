"""Show one of the caller's withdrawals."""

from functions.wallet.custody_views import WithdrawalView
from functions.wallet.ports import CustodyWork
from shared.contracts.fields import WithdrawalId
from shared.contracts.operations import Caller, Request


class GetWithdrawal(Request):
    """Which withdrawal to show."""

    withdrawal_id: WithdrawalId


def get_withdrawal(request: GetWithdrawal, caller: Caller, work: CustodyWork) -> WithdrawalView:
    """The withdrawal. Raises NotFound."""
    return WithdrawalView.of(work.withdrawals.get(request.withdrawal_id, owner=caller.user_id))
