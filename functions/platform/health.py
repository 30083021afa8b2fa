"""Liveness: the process answers."""

from typing import Annotated

import msgspec

from shared.contracts.operations import Request, View


class Health(Request):
    """No parameters."""


class HealthView(View):
    """Alive."""

    status: Annotated[str, msgspec.Meta(examples=["ok"])]
    """Always `ok`."""


def health(request: Health) -> HealthView:
    """Always ok: it reports on this process alone, not on its dependencies."""
    return HealthView(status="ok")
