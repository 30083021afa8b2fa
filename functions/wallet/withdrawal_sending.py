"""Signs and broadcasts what pays a withdrawal, or what cancels its payment: the first one in the vault decides."""

from functools import partial
from typing import Literal

from functions.wallet.domain.custody import Cancellation, Withdrawal
from functions.wallet.ports import ChainWork
from functions.wallet.treasury_dispatch import treasury_dispatcher
from functions.wallet.withdrawal_completion import end_refused, end_uncancelled, lock_payable
from shared.chain.core.values import CallRefused, CallUnknown

SendResult = Literal["sent", "refused", "cancelling", "left"]


def send_payment(job: str, work: ChainWork, withdrawal: Withdrawal) -> SendResult:
    """Pay a withdrawal, or have it fail if the chain refuses that. Raises Contended, CallUnknown, Unavailable."""
    try:
        call = work.treasury.payment(withdrawal)
    except CallUnknown:
        raise  # the node could not say: that is no verdict on the withdrawal
    except CallRefused as refusal:
        end_refused(withdrawal, refusal.detail, work)
        return "refused"
    treasury_dispatcher(job, work).send(call, beside=partial(lock_payable, withdrawal))
    return "sent"


def send_cancellation(job: str, work: ChainWork, cancellation: Cancellation) -> SendResult:
    """Cancel the payment of a withdrawal that is to fail, or end it if it was paid or cancelled before.

    Raises Contended, CallUnknown, CallRefused, NotConfirmed, Unavailable.
    """
    try:
        call = work.treasury.cancelling(cancellation)
    except CallRefused:
        if not end_uncancelled(cancellation, work):
            raise  # neither paid nor cancelled: the treasury may have lost its right to do either
        return "refused"
    treasury_dispatcher(job, work).send(call, beside=lambda storing: storing.cancellations.count(cancellation))
    return "cancelling"
