"""List the caller's activity feed, optionally waiting for the next item (long poll)."""

import base64
from typing import Annotated

import msgspec

from functions.notification.domain.feed import FeedCursor
from functions.notification.ports import FeedWork
from functions.notification.views import ActivityItemView, ActivityListView
from shared.contracts.operations import Caller, PageRequest
from shared.errors import Malformed

WaitSeconds = Annotated[int, msgspec.Meta(ge=0, le=20, examples=[10])]


class ListActivity(PageRequest):
    """Where to read from, and whether to wait."""

    wait_seconds: WaitSeconds = 0
    """How many seconds to wait for the next item if there is none yet (long poll)."""


def list_activity(request: ListActivity, caller: Caller, work: FeedWork) -> ActivityListView:
    """The caller's own feed, oldest first. The same cursor returns the same items, however many are added.

    If too many requests wait already, the response comes at once. Raises Malformed, Unavailable.
    """
    try:
        start = FeedCursor.parse(request.last(), work.cells)
    except ValueError as error:
        raise Malformed(str(error), field="cursor") from error
    if request.wait_seconds:
        items, reached = work.feeds.wait(caller.user_id, start, request.limit, request.wait_seconds)
    else:
        items, reached = work.feeds.read(caller.user_id, start, request.limit)
    cursor = base64.urlsafe_b64encode(str(reached).encode()).decode()
    return ActivityListView(items=[ActivityItemView.of(item) for item in items], next_cursor=cursor)
