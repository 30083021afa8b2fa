"""Redrive parked events: release them to be applied again."""

from typing import Annotated

import msgspec

from functions.platform.ports import OperatorWork
from functions.platform.views import ConsumerName, RedriveOutcomeView
from shared import ids
from shared.contracts.fields import example_id
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed

STREAM = rf"^(?:[a-z]{{3}}_{ids.CELL}_{ids.ULID_PATTERN}|{ids.BETWEEN})(?!\n)$"
Stream = Annotated[str, msgspec.Meta(pattern=STREAM, examples=[example_id("ord")])]


class Redrive(Request):
    """Which events to try again."""

    in_example = frozenset({"dry_run"})

    consumer: ConsumerName
    """The event row whose events to try again."""

    streams: Annotated[list[Stream], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    """The streams to try again; all that are parked by default."""

    dry_run: Annotated[bool, msgspec.Meta(examples=[True])] = False
    """Only say what would be released."""


def redrive(request: Redrive, caller: Caller, work: OperatorWork) -> RedriveOutcomeView:
    """The released streams, in all cells: they are applied in order, at a bounded rate, and parked again if they fail.

    Raises Malformed, Unavailable.
    """
    if request.consumer not in work.consumers.names():
        raise Malformed("is not a consumer", field="consumer")
    released = work.consumers.redrive(request.consumer, request.streams or [], request.dry_run)
    return RedriveOutcomeView.of(request.consumer, request.dry_run, released)
