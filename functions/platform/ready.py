"""Tell whether requests can be served."""

from functions.platform.ports import ReadyWork
from shared.contracts.operations import Request, View
from shared.errors import Unavailable


class Ready(Request):
    """Asks for nothing."""


class ReadyView(View):
    """The state of each dependency."""

    status: str
    dependencies: dict[str, str]


def ready(request: Ready, work: ReadyWork) -> ReadyView:
    """Each dependency by name. Raises Unavailable when one is down that every request needs."""
    states = dict(work.dependencies.check())
    down = sorted(name for name in work.dependencies.needed() if states[name] != "ok")
    if down:
        raise Unavailable(f"{', '.join(down)} cannot be reached.", code="NOT_READY", dependencies=states)
    return ReadyView(status="ok", dependencies=states)
