"""Check the invariants of the service in whose host this runs."""

from datetime import UTC

from functions.platform.ports import HostWork, Paid
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse


def check_audit(request: CheckRequest, work: HostWork) -> CheckResponse:
    """What breaks an invariant, as one consistent picture of the service's data shows it."""
    if request.order_ids:
        audited = work.invariants.check_paid(
            Paid(list(request.order_ids), list(request.refunded_ids), list(request.earned_ids))
        )
    else:
        audited = work.invariants.check(request.at.ToDatetime(UTC) if request.HasField("at") else None)
    return CheckResponse(
        checked=audited.checked,
        violations=[
            CheckResponse.Violation(invariant=violation.invariant, subject=violation.subject, detail=violation.detail)
            for violation in audited.violations
        ],
    )
