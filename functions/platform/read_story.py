"""Read one purchase's story: what every service knows about an order."""

from functions.platform.ports import StoryWork
from functions.platform.story_views import StoryView
from shared import ids
from shared.contracts.fields import OrderId
from shared.contracts.operations import Request
from shared.errors import NotFound


class ReadStory(Request):
    """Which order's story."""

    order_id: OrderId


def read_story(request: ReadStory, work: StoryWork) -> StoryView:
    """Its events in all services by time, its postings, claim, deliveries and traces. Raises NotFound, Unavailable."""
    story = work.stories.tell(request.order_id) if ids.valid(request.order_id, "ord") else None
    if story is None:
        raise NotFound("There is no such order.")
    return StoryView.of(request.order_id, story)
