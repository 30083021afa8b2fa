"""Sends the treasury's calls; a withdrawal becomes `sent` with its first transaction."""

from collections.abc import Iterator
from functools import partial

from functions.wallet.ports import ChainWork, CustodyWork
from shared.chain.core.dispatcher import Dispatcher, NonceStore
from shared.chain.core.values import ContractCall, SignedTransaction

WITHDRAWAL = "withdrawal"
"""The `purpose` of calls that pay withdrawals."""

CANCEL = "cancel"
"""The `purpose` of calls that cancel the payment of a withdrawal."""


def treasury_dispatcher(job: str, work: ChainWork) -> Dispatcher[CustodyWork]:
    """The dispatcher of the treasury's calls for a job. Raises Unavailable when no chain is configured."""
    return Dispatcher(job, work.treasury, work, _recorded)


def former_dispatchers(job: str, work: ChainWork) -> Iterator[tuple[str, Dispatcher[CustodyWork]]]:
    """The keys of regions that have served this cell before, while calls of theirs are pending, and their dispatchers.

    What was signed with them is broadcast again and followed to its end; nothing more is signed.
    """
    with work.transaction() as reading:
        others = reading.nonces.others()
    for sender in others:
        of_sender = partial(_nonces_of, sender)
        yield sender, Dispatcher(job, work.former_treasury(sender), work, _recorded, of_sender)


def _nonces_of(sender: str, transaction: CustodyWork) -> NonceStore:
    return transaction.nonces.of(sender)


def _recorded(recording: CustodyWork, call: ContractCall, signed: SignedTransaction) -> None:
    if call.purpose == WITHDRAWAL:
        withdrawal = recording.withdrawals.lock(call.subject)
        if withdrawal.status == "requested":
            recording.withdrawals.save(withdrawal.sent(signed.hash, recording.now()))
