"""One purchase's story, as every service has it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.stack.stack import Stack
from functions.notification.create_webhook import CreateWebhook
from functions.platform.adapters.stories import GrpcStories
from functions.platform.read_story import ReadStory
from functions.platform.story_views import StoryView
from shared import ids
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.contracts.gen.operators_pb2 import TellRequest, TellResponse
from shared.errors import CellUnreachable, NotFound
from tests.isolated_services import IsolatedServices


@pytest.fixture(scope="module")
def isolated(stack: Stack) -> Iterator[IsolatedServices]:
    """Isolated services for these tests alone: they leave orders half done."""
    with IsolatedServices.within(stack) as running:
        yield running


def told(isolated: IsolatedServices, order_id: str) -> StoryView:
    view: StoryView = isolated.run("read_story", request=ReadStory(order_id))
    return view


def test_everything_about_a_paid_order(isolated: IsolatedServices) -> None:
    """Its events with those of its hold, reservation, transfer and claim, the postings, and what its webhooks get."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=5000)
    hook = isolated.run(
        "create_webhook", request=CreateWebhook("http://127.0.0.1:9/hook", ["order.paid"]), caller=merchant.caller
    )
    order = isolated.buy(buyer, (isolated.sell(merchant), 2))
    for consumer in ("commit_stock", "open_claim", "notify_users"):
        isolated.deliver(consumer, order.id)
    story = told(isolated, order.id)
    (reservation,) = isolated.reservations_of(order)
    (transfer,) = {each.transfer_id for each in story.postings}
    by_service = {each.service: each.subject for each in story.events}
    assert {each.subject for each in story.events if each.service == "wallet"} == {order.hold_id, transfer}
    assert story.claim is not None
    assert (by_service["order"], by_service["supply"], by_service["claiming"]) == (
        order.id,
        reservation,
        story.claim.id,
    )
    assert [each.at for each in story.events] == sorted(each.at for each in story.events)
    types = [each.type for each in story.events if each.subject == order.id]
    assert types == ["order.placed", "order.confirmed", "order.paid"]
    moved = {each.account: int(each.amount) for each in story.postings}
    assert (moved, {each.kind for each in story.postings}) == ({buyer.wallet_id: -2000, "escrow": 2000}, {"capture"})
    assert (story.claim.status, story.claim.recipient, story.claim.transaction_hash) == ("open", None, None)
    (delivery,) = story.deliveries
    assert (delivery.webhook_id, delivery.event_type, delivery.status) == (hook.id, "order.paid", "pending")
    assert delivery.event_id == next(each.id for each in story.events if each.type == "order.paid")
    assert story.unchecked == []


def test_an_order_of_nobody_has_no_story(isolated: IsolatedServices) -> None:
    for nobody in (ids.new("ord", "us"), ids.new("hld", "us"), f"{ids.new('ord', 'us')}\0"):
        with pytest.raises(NotFound):
            told(isolated, nobody)


def test_deliveries_are_asked_for_where_buyer_and_merchant_are(subtests: pytest.Subtests) -> None:
    """A merchant's webhooks are in the merchant's cell; one that does not answer is named, and the rest is told."""
    order_id = ids.new("ord", "us")
    users = {"user_id": ids.new("usr", "us"), "merchant_id": ids.new("usr", "eu")}
    placed = StoredEvent(
        id=ids.new("evt", "us"),
        type="order.placed",
        stream=order_id,
        version=1,
        at=datetime(2026, 11, 30, tzinfo=UTC),
        data=users,
        metadata={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"},
    )
    asked: list[tuple[str, str]] = []

    class Channel:
        def __init__(self, service: str, cell: str) -> None:
            self._place = (service, cell)

        def call(self, rpc: str, request: TellRequest, *_: object) -> TellResponse:
            assert (rpc, request.order_id) == ("Operators.Tell", order_id)
            asked.append(self._place)
            if self._place == ("order", "us"):
                return TellResponse(events=[to_json(placed)])
            assert (list(request.event_ids), list(request.user_ids)) == ([placed.id], list(users.values()))
            if self._place == ("notification", "eu"):
                raise CellUnreachable("eu")
            return TellResponse()

    channel: Any = Channel
    story = GrpcStories(channel, "us").tell(order_id)
    assert story is not None
    assert asked[1:] == [
        ("wallet", "us"),
        ("supply", "us"),
        ("claiming", "us"),
        ("notification", "us"),
        ("notification", "eu"),
    ]
    assert (story.unchecked, story.claim, [each.trace_id for each in story.occurrences]) == (
        ["notification in eu"],
        None,
        ["ab" * 16],
    )


def test_operators_ask_through_the_edge(
    buyer: ApiUser, operator: ApiUser, on_sale: Callable[..., Any], paid_order: Callable[..., Any]
) -> None:
    """Of anybody's order, which is also the first of the list of all; its events are part of a trace."""
    order = paid_order(buyer, on_sale())
    story = operator.get(f"/v1/operator/orders/{order['id']}/story")
    assert story["traces"]
    assert {each["trace_id"] for each in story["events"]} <= {None, *story["traces"]}
    (own,) = operator.get(f"/v1/operator/orders?user_id={buyer.user_id}")["items"]
    assert own["id"] == order["id"]
    assert order["id"] in {each["id"] for each in operator.get("/v1/operator/orders?limit=100")["items"]}
    assert operator.get(f"/v1/operator/orders?merchant_id={buyer.user_id}")["items"] == []
