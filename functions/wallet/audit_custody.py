"""Audit custody: compare what the vault holds on its chain with what the ledgers of all cells owe to users."""

from datetime import UTC

from functions.wallet.cell_custody import custody_of_all
from functions.wallet.domain.proof import (
    COVERED,
    INVARIANTS,
    OWED,
    find_mismatches,
    find_shortfalls,
    find_unseen_cancellations,
    find_unseen_payments,
)
from functions.wallet.ports import ChainWork
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse


def audit_custody(request: AuditCustodyRequest, work: ChainWork) -> AuditCustodyResponse:
    """The violations as of the last block that all cells have read, or as of a past time. Raises Unavailable.

    One cell audits for all. Chain and ledgers are compared at the same block, so that what is not yet booked or mined
    counts on neither side. If the chain is reorganised meanwhile, none is configured, or a cell cannot be asked, all
    invariants are unchecked; if the node no longer has the state of that block, those about the vault's holdings are.
    """
    unchecked = AuditCustodyResponse(unchecked=INVARIANTS)
    if not work.has_chain:
        return unchecked
    if not work.books_unknown:
        return AuditCustodyResponse()
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    with work.transaction() as reading:
        reached = reading.deposits.reached()
    limit = work.vault.number_at(at) if at else None
    last = reached.number if reached else -1
    compared = custody_of_all(last if limit is None else min(last, limit), at, work)
    if reached is None or compared is None:
        return unchecked
    number, custody = compared
    flows = work.vault.flows(number)
    holdings = work.vault.holdings(number)
    withdrawals = {work.vault.key(each.id): each for cell in custody.cells for each in cell.withdrawals}
    with work.transaction() as reading:
        standing = reading.deposits.reached()
    # A withdrawal paid or cancelled after the audited block is so, too: the vault itself knows.
    unpaid = [each for each in find_unseen_payments(flows, withdrawals) if not work.vault.paid(each.id)]
    payable = [each for each in find_unseen_cancellations(flows, withdrawals) if not work.vault.cancelled(each.id)]
    if work.vault.place(reached.number) != reached or standing is None or standing.number < number:
        return unchecked
    unknown = [] if holdings else [COVERED, OWED]
    found = [*find_mismatches(flows, holdings, custody.booked(), withdrawals, unpaid, payable)]
    found += find_shortfalls(holdings, custody, flows, withdrawals) if holdings else []
    return AuditCustodyResponse(
        checked=[name for name in INVARIANTS if name not in unknown],
        unchecked=unknown,
        violations=[
            AuditCustodyResponse.Violation(invariant=breach.invariant, subject=breach.subject, detail=breach.detail)
            for breach in found
        ],
    )
