"""Check every invariant, within each service and across services."""

from functions.platform.ports import ServicesWork
from functions.platform.views import ViolationView
from shared.contracts.operations import Request, Time, View, past


class Audit(Request):
    """The past time as of which to check; now by default."""

    at: Time | None = None


class AuditView(View):
    """The invariants that were checked, their violations, and the invariants that could not be checked."""

    checked: list[str]
    violations: list[ViolationView]
    unchecked: list[str]


def audit(request: Audit, work: ServicesWork) -> AuditView:
    """Check each service's own invariants, and compare its records with the orders.

    Raises Unavailable.
    """
    now = work.now()
    at = past(request.at, now)
    result = work.services.check_invariants(at) + work.services.compare_with_orders(at, now)
    return AuditView(
        checked=result.checked,
        violations=[ViolationView(v.invariant, v.subject, v.detail) for v in result.violations],
        unchecked=result.unchecked,
    )
