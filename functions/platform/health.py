"""Tell that the process is alive."""

from shared.contracts.operations import Request, View


class Health(Request):
    """Asks for nothing."""


class HealthView(View):
    """Alive."""

    status: str


def health(request: Health) -> HealthView:
    """Always ok: it speaks for this process alone, not for what it depends on."""
    return HealthView(status="ok")
