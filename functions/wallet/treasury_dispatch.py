"""Sends the treasury's calls; a withdrawal becomes `sent` with its first transaction."""

from functions.wallet.ports import ChainWork, CustodyWork
from shared.chain.core.dispatcher import Dispatcher
from shared.chain.core.values import ContractCall, SignedTransaction

WITHDRAWAL = "withdrawal"
"""The `purpose` of calls that pay withdrawals."""


def treasury_dispatcher(job: str, work: ChainWork) -> Dispatcher[CustodyWork]:
    """The dispatcher of the treasury's calls for a job. Raises Unavailable when no chain is configured."""
    return Dispatcher(job, work.treasury, work, _recorded)


def _recorded(recording: CustodyWork, call: ContractCall, signed: SignedTransaction) -> None:
    if call.purpose == WITHDRAWAL:
        withdrawal = recording.withdrawals.lock(call.subject)
        if withdrawal.status == "requested":
            recording.withdrawals.save(withdrawal.sent(signed.hash, recording.now()))
