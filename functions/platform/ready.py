"""Readiness: whether requests can be served."""

from functions.platform.ports import ReadyWork
from shared.contracts.operations import Request, View
from shared.errors import Unavailable


class Ready(Request):
    """No parameters."""


class ReadyView(View):
    """The state of each dependency, and of each circuit breaker."""

    status: str
    dependencies: dict[str, str]
    breakers: dict[str, str]


def ready(request: Ready, work: ReadyWork) -> ReadyView:
    """Each dependency by name. Raises Unavailable if one that every request needs is down."""
    states, breakers = dict(work.dependencies.check()), dict(work.dependencies.breakers())
    down = sorted(name for name in work.dependencies.needed() if states[name] != "ok")
    if down:
        detail = f"{', '.join(down)} cannot be reached."
        raise Unavailable(detail, code="NOT_READY", dependencies=states, breakers=breakers)
    return ReadyView(status="ok", dependencies=states, breakers=breakers)
