"""How the treasury sends: a withdrawal is sent with its first transaction."""

from functions.wallet.custody import ChainWork, CustodyWork
from shared.chains import Call, Signed
from shared.contracts.sending import Dispatcher

WITHDRAWAL = "withdrawal"
"""The purpose of the calls that pay withdrawals."""


def dispatcher(job: str, work: ChainWork) -> Dispatcher[CustodyWork]:
    """What sends the treasury's calls for a row. Raises Unavailable where there is no chain."""
    return Dispatcher(job, work.treasury, work, _recorded)


def _recorded(recording: CustodyWork, call: Call, signed: Signed) -> None:
    if call.purpose == WITHDRAWAL:
        withdrawal = recording.withdrawals.lock(call.subject)
        if withdrawal.status == "requested":
            recording.withdrawals.save(withdrawal.sent(signed.hash, recording.now()))
