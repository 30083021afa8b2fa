"""Compare what the vault has on its chain with what the ledger keeps there for users."""

from datetime import UTC

from functions.wallet.custody import ChainWork
from functions.wallet.domain.proof import COVERED, INVARIANTS, OWED, breaches, unowed, unshown
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse


def audit_custody(request: AuditCustodyRequest, work: ChainWork) -> AuditCustodyResponse:
    """What breaks an invariant, at the last block that the ledger has read, or at a past time's. Raises Unavailable.

    Chain and ledger are compared at that block, so that what is not booked or not mined yet counts on neither side. A
    chain that is reorganised meanwhile, or none at all, leaves everything unchecked; a node that has forgotten what the
    vault held at that block, what it held.
    """
    unchecked = AuditCustodyResponse(unchecked=INVARIANTS)
    if not work.has_chain:
        return unchecked
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    wanted = work.vault.number_at(at) if at else None
    with work.transaction() as reading:
        kept = reading.deposits.kept(at)
        reached = reading.deposits.reached()
        number = reached.number if reached else -1
        number = number if wanted is None else min(number, wanted)
        booked = reading.deposits.booked(number)
        beyond = reading.deposits.booked_beyond(number, at)
    if reached is None:
        return unchecked
    flows = work.vault.flows(number)
    holdings = work.vault.holdings(number)
    with work.transaction() as reading:
        withdrawals = {work.vault.key(each.id): each for each in reading.withdrawals.every()}
        standing = reading.deposits.reached()
    # Paid after the block that is looked at is paid, too: the vault itself says so.
    unpaid = [asked for asked in unshown(flows, withdrawals) if not work.vault.paid(asked.id)]
    if work.vault.place(reached.number) != reached or standing is None or standing.number < number:
        return unchecked
    unknown = [] if holdings else [COVERED, OWED]
    found = [*breaches(flows, holdings, booked, withdrawals, unpaid)]
    found += unowed(holdings, kept, beyond, flows, withdrawals) if holdings else []
    return AuditCustodyResponse(
        checked=[name for name in INVARIANTS if name not in unknown],
        unchecked=unknown,
        violations=[
            AuditCustodyResponse.Violation(invariant=breach.invariant, subject=breach.subject, detail=breach.detail)
            for breach in found
        ],
    )
