"""Audit custody: compare what the vault holds on its chain with what the ledger owes to users."""

from datetime import UTC

from functions.wallet.domain.proof import (
    COVERED,
    INVARIANTS,
    OWED,
    find_mismatches,
    find_shortfalls,
    find_unseen_payments,
)
from functions.wallet.ports import ChainWork
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse


def audit_custody(request: AuditCustodyRequest, work: ChainWork) -> AuditCustodyResponse:
    """The violations as of the last block that the ledger has read, or as of a past time. Raises Unavailable.

    Chain and ledger are compared at the same block, so that what is not yet booked or mined counts on neither side. If
    the chain is reorganised meanwhile, or no chain is configured, all invariants are unchecked; if the node no longer
    has the state of that block, those about the vault's holdings are.
    """
    unchecked = AuditCustodyResponse(unchecked=INVARIANTS)
    if not work.has_chain:
        return unchecked
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    limit = work.vault.number_at(at) if at else None
    with work.transaction() as reading:
        kept = reading.deposits.ledger_snapshot(at)
        reached = reading.deposits.reached()
        number = reached.number if reached else -1
        number = number if limit is None else min(number, limit)
        booked = reading.deposits.booked(number)
        beyond = reading.deposits.booked_beyond(number, at)
    if reached is None:
        return unchecked
    flows = work.vault.flows(number)
    holdings = work.vault.holdings(number)
    with work.transaction() as reading:
        withdrawals = {work.vault.key(each.id): each for each in reading.withdrawals.all()}
        standing = reading.deposits.reached()
    # A withdrawal paid after the audited block is paid, too: the vault itself knows.
    unpaid = [each for each in find_unseen_payments(flows, withdrawals) if not work.vault.paid(each.id)]
    if work.vault.place(reached.number) != reached or standing is None or standing.number < number:
        return unchecked
    unknown = [] if holdings else [COVERED, OWED]
    found = [*find_mismatches(flows, holdings, booked, withdrawals, unpaid)]
    found += find_shortfalls(holdings, kept, beyond, flows, withdrawals) if holdings else []
    return AuditCustodyResponse(
        checked=[name for name in INVARIANTS if name not in unknown],
        unchecked=unknown,
        violations=[
            AuditCustodyResponse.Violation(invariant=breach.invariant, subject=breach.subject, detail=breach.detail)
            for breach in found
        ],
    )
