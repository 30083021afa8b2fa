"""Check the invariants of the service in whose host this runs."""

from functions.platform.ports import PlatformWork
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse


def check_audit(request: CheckRequest, work: PlatformWork) -> CheckResponse:
    """What breaks an invariant, as one consistent picture of the service's data shows it."""
    checked, violations = work.invariants.check()
    return CheckResponse(
        checked=checked,
        violations=[
            CheckResponse.Violation(invariant=violation.invariant, subject=violation.subject, detail=violation.detail)
            for violation in violations
        ],
    )
