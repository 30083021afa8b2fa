"""Tell the cell that audits custody what this one has in its own."""

from datetime import UTC
from typing import Final

from functions.wallet.cell_custody import custody_at
from functions.wallet.ports import CustodyWork
from shared.contracts.gen.wallet_pb2 import TellCustodyRequest, TellCustodyResponse

PAGE: Final = 5000
"""How many withdrawals an answer has: gRPC's answers are of 4 MB at most."""


def tell_custody(request: TellCustodyRequest, work: CustodyWork) -> TellCustodyResponse:
    """Up to which block this cell has read the chain and, for a block, what it has booked, owes and is asked to pay.

    Withdrawals come in pages by id; the rest is the same with each page.
    """
    reached = work.deposits.reached()
    response = TellCustodyResponse(reached=reached.number if reached else -1)
    if not request.HasField("number"):
        return response
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    custody = custody_at(request.number, at, work)
    due = sorted((each for each in custody.withdrawals if each.id > request.after), key=lambda each: each.id)
    response.more = len(due) > PAGE
    for each in due[:PAGE]:
        debited = each.id in custody.kept.paid_out
        response.withdrawals.add(
            id=each.id, status=each.status, currency=each.currency, amount=str(each.amount), debited=debited
        )
    for currency, amount in custody.booked.items():
        response.booked.add(currency=currency, amount=str(amount))
    for currency, amount in custody.beyond.items():
        response.beyond.add(currency=currency, amount=str(amount))
    for (holder, currency), amount in custody.kept.balances.items():
        response.balances.add(holder=holder, currency=currency, amount=str(amount))
    return response
