"""List the parked events: those that consumers could not apply."""

from functions.platform.ports import OperatorWork
from functions.platform.views import ConsumerName, ParkedView
from shared.contracts.operations import Page, PageRequest, page
from shared.errors import Malformed


class ListParked(PageRequest):
    """Which consumer's; all by default."""

    consumer: ConsumerName | None = None
    """Only those of this event row."""


def list_parked(request: ListParked, work: OperatorWork) -> Page[ParkedView]:
    """Streams by consumer, the newest first. Raises Malformed, Unavailable."""
    names = [name for name in work.consumers.names() if request.consumer in (None, name)]
    if not names:
        raise Malformed("is not a consumer", field="consumer")
    first, _, stream = (request.last() or "").partition(" ")
    if request.cursor is not None and (first not in names or not stream):
        raise Malformed("is not a cursor of this list: send the `next_cursor` of the page before", field="cursor")
    found: list[ParkedView] = []
    for consumer in names:
        most = request.limit + 1 - len(found)
        if consumer < first or not most:
            continue
        parked = work.consumers.browse(consumer, stream if consumer == first else None, most)
        found += [ParkedView.of(each) for each in parked]
    return page(found, request.limit, "place")
