"""Readiness: whether requests can be served."""

from functions.platform.ports import ReadyWork
from shared.contracts.operations import Request, View
from shared.errors import Unavailable


class Ready(Request):
    """No parameters."""


class ReadyView(View):
    """The state of each dependency and circuit breaker, and by how many seconds copies of other cells' data are behind.

    For a cell from which not all was received yet that is null.
    """

    status: str
    dependencies: dict[str, str]
    breakers: dict[str, str]
    replication_lag_seconds: dict[str, float | None]


def ready(request: Ready, work: ReadyWork) -> ReadyView:
    """Each dependency by name. Raises Unavailable if one that every request needs is down."""
    states, breakers = dict(work.dependencies.check()), dict(work.dependencies.breakers())
    down = sorted(name for name in work.dependencies.needed() if states[name] != "ok")
    if down:
        detail = f"{', '.join(down)} cannot be reached."
        raise Unavailable(detail, code="NOT_READY", dependencies=states, breakers=breakers)
    lags = dict(work.dependencies.lags())
    return ReadyView(status="ok", dependencies=states, breakers=breakers, replication_lag_seconds=lags)
