"""Check every invariant, across the services."""

from datetime import timedelta
from typing import Final

from functions.platform.ports import PlatformWork
from functions.platform.views import ViolationView
from shared.contracts.operations import Request, Time, View
from shared.errors import Malformed

UNDER_WAY: Final = timedelta(minutes=1)
"""How long the effects of a payment may take to reach every service."""


class Audit(Request):
    """As of which past time; now by default."""

    at: Time | None = None


class AuditView(View):
    """What was checked, and what breaks it: nothing, if all is well."""

    checked: list[str]
    violations: list[ViolationView]


def audit(request: Audit, work: PlatformWork) -> AuditView:
    """Each service's own invariants, and whether paid orders are sold, in escrow and claimable. Raises Unavailable."""
    now = work.now()
    if request.at is not None and request.at > now:
        raise Malformed("a past time", field="at")
    audited = work.services.audited(request.at) + work.services.followed((request.at or now) - UNDER_WAY)
    return AuditView(
        checked=audited.checked,
        violations=[ViolationView(v.invariant, v.subject, v.detail) for v in audited.violations],
    )
