"""Check the invariants of the service in whose host this runs, or compare what it has for orders with them."""

from datetime import UTC

from functions.platform.ports import HostWork
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse


def check_audit(request: CheckRequest, work: HostWork) -> CheckResponse:
    """What breaks an invariant, as one consistent picture of the service's data shows it."""
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    audited = work.invariants.compare(request.page, at) if request.HasField("page") else work.invariants.check(at)
    return CheckResponse(
        checked=audited.checked,
        violations=[
            CheckResponse.Violation(invariant=violation.invariant, subject=violation.subject, detail=violation.detail)
            for violation in audited.violations
        ],
        unchecked=audited.unchecked,
    )
