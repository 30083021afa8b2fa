"""Liveness: the process answers."""

from shared.contracts.operations import Request, View


class Health(Request):
    """No parameters."""


class HealthView(View):
    """Alive."""

    status: str


def health(request: Health) -> HealthView:
    """Always ok: it reports on this process alone, not on its dependencies."""
    return HealthView(status="ok")
