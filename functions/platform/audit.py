"""Check every invariant, across the services."""

from functions.platform.ports import ServicesWork
from functions.platform.views import ViolationView
from shared.contracts.operations import Request, Time, View, past


class Audit(Request):
    """As of which past time; now by default."""

    at: Time | None = None


class AuditView(View):
    """What was checked, what breaks it (nothing, if all is well), and what could not be checked here and now."""

    checked: list[str]
    violations: list[ViolationView]
    unchecked: list[str]


def audit(request: Audit, work: ServicesWork) -> AuditView:
    """Each service's own invariants, and whether the services have for orders what these say, and nothing beside.

    Raises Unavailable.
    """
    now = work.now()
    at = past(request.at, now)
    audited = work.services.audited(at) + work.services.compared(at, now)
    return AuditView(
        checked=audited.checked,
        violations=[ViolationView(v.invariant, v.subject, v.detail) for v in audited.violations],
        unchecked=audited.unchecked,
    )
