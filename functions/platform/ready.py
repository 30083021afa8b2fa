"""Readiness: whether requests can be served."""

from typing import Annotated

import msgspec

from functions.platform.domain.errors import NotReady
from functions.platform.ports import ReadyWork
from shared.contracts.operations import Request, View


class Ready(Request):
    """No parameters."""


class ReadyView(View):
    """What this region depends on, and how it is."""

    status: Annotated[str, msgspec.Meta(examples=["ok"])]
    """Always `ok`: otherwise the answer is 503 `NOT_READY`."""

    dependencies: Annotated[dict[str, str], msgspec.Meta(examples=[{"redis": "ok"}])]
    """Each dependency's state by its name: `ok` or what is wrong."""

    breakers: Annotated[dict[str, str], msgspec.Meta(examples=[{"redis": "closed"}])]
    """The state of each circuit breaker by its name: `closed`, `open` or `half_open`."""

    replication_lag_seconds: Annotated[dict[str, float | None], msgspec.Meta(examples=[{"eu": 0.4}])]
    """By how many seconds copies of other cells' data are behind, by cell; null for a cell from which not all was
    received yet.
    """


def ready(request: Ready, work: ReadyWork) -> ReadyView:
    """Each dependency by name. Raises NotReady if one that every request needs is down."""
    states, breakers = dict(work.dependencies.check()), dict(work.dependencies.breakers())
    down = sorted(name for name in work.dependencies.needed() if states[name] != "ok")
    if down:
        detail = f"{', '.join(down)} cannot be reached."
        raise NotReady(detail, dependencies=states, breakers=breakers)
    lags = dict(work.dependencies.lags())
    return ReadyView(status="ok", dependencies=states, breakers=breakers, replication_lag_seconds=lags)
