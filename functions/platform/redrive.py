"""Redrive parked events: release them to be applied again."""

from typing import Annotated

import msgspec

from functions.platform.ports import OperatorWork
from functions.platform.views import RedriveOutcomeView
from shared import ids
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed

Stream = Annotated[str, msgspec.Meta(pattern=rf"^(?:[a-z]{{3}}_{ids.CELL}_{ids.ULID_PATTERN}|{ids.BETWEEN})(?!\n)$")]


class Redrive(Request):
    """Which streams of a consumer, all by default; dry_run: only report what would be released."""

    consumer: str
    streams: Annotated[list[Stream], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    dry_run: bool = False


def redrive(request: Redrive, caller: Caller, work: OperatorWork) -> RedriveOutcomeView:
    """The released streams, in all cells: they are applied in order, at a bounded rate, and parked again if they fail.

    Raises Malformed, Unavailable.
    """
    if request.consumer not in work.consumers.names():
        raise Malformed("a consumer", field="consumer")
    released = work.consumers.redrive(request.consumer, request.streams or [], request.dry_run)
    return RedriveOutcomeView.of(request.consumer, request.dry_run, released)
