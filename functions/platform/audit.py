"""Check every invariant, within each service and across services."""

from functions.platform.ports import ServicesWork
from functions.platform.views import InvariantName, ViolationView
from shared.contracts.operations import Request, Time, View, past


class Audit(Request):
    """As of when to check."""

    at: Time | None = None
    """The past time as of which to check, in RFC 3339 with an offset; now by default."""


class AuditView(View):
    """What was checked, and what was found."""

    checked: list[InvariantName]
    """The invariants that were checked."""

    violations: list[ViolationView]
    """What does not hold."""

    unchecked: list[InvariantName]
    """The invariants that could not be checked."""


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
