"""Check the invariants of the service whose host this runs in, or compare its records with a page of orders."""

from datetime import UTC

from functions.platform.ports import HostWork
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse


def check_audit(request: CheckRequest, work: HostWork) -> CheckResponse:
    """The violations found in one consistent snapshot of the service's data."""
    at = request.at.ToDatetime(UTC) if request.HasField("at") else None
    result = work.invariants.compare(request.page, at) if request.HasField("page") else work.invariants.check(at)
    return CheckResponse(
        checked=result.checked,
        violations=[
            CheckResponse.Violation(invariant=violation.invariant, subject=violation.subject, detail=violation.detail)
            for violation in result.violations
        ],
        unchecked=result.unchecked,
    )
