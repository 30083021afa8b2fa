"""Operators find anybody's webhook, what was delivered to it, and have it delivered again; nobody else does."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from shared import ids
from tests.problems import refused
from tests.webhook_receiver import WebhookReceiver

PATH = "/v1/operator/webhooks"
NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture
def seller(anyone: Callable[[], ApiUser]) -> ApiUser:
    """Somebody with webhooks of their own."""
    return anyone()


def made(person: ApiUser, url: str = NOWHERE) -> dict[str, Any]:
    """A new webhook of somebody's, as it is shown later."""
    hook: dict[str, Any] = person.post("/v1/webhooks", {"url": url, "events": ["order.paid"]})
    del hook["secret"]
    return hook


def test_an_operator_finds_a_webhook(operator: ApiUser, seller: ApiUser) -> None:
    """By its id and by its owner, with whose it is and without its secret. What is no id is nobody's."""
    hooks = [{**made(seller), "user_id": seller.user_id} for _ in range(2)]
    assert operator.get(f"{PATH}?user_id={seller.user_id}")["items"] == hooks[::-1]
    assert operator.get(f"{PATH}?webhook_id={hooks[0]['id']}") == {"items": hooks[:1], "next_cursor": None}
    assert operator.get(f"{PATH}?limit=1")["items"] == hooks[1:]
    for query in (f"user_id={operator.user_id}&webhook_id={hooks[0]['id']}", "webhook_id=nothing", "user_id=nobody"):
        assert operator.get(f"{PATH}?{query}")["items"] == []


def test_an_operator_has_it_delivered_again(operator: ApiUser, seller: ApiUser) -> None:
    """The same event under the same id, and the log is the owner's."""
    with WebhookReceiver() as here:
        hook = made(seller, here.url)
        delivery = seller.post(f"/v1/webhooks/{hook['id']}/test")
        log = f"{PATH}/{hook['id']}/deliveries"
        until(lambda: operator.get(log)["items"], lambda items: items[0]["status"] == "delivered")
        assert operator.get(log) == seller.get(f"/v1/webhooks/{hook['id']}/deliveries")
        again = operator.post(f"{log}/{delivery['id']}/redeliver")
        assert (again["id"], again["status"]) == (delivery["id"], "pending")
        until(lambda: len(here.received), lambda count: count == 2)
        assert len({each.headers["webhook-id"] for each in here.received}) == 1


def test_only_operators_may(operator: ApiUser, seller: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """Neither another merchant nor its owner by this way; what there is not is 404."""
    hook = made(seller)
    delivery = seller.post(f"/v1/webhooks/{hook['id']}/test")
    log = f"{PATH}/{hook['id']}/deliveries"
    for person in (seller, anyone()):
        for method, path in (("GET", PATH), ("GET", log), ("POST", f"{log}/{delivery['id']}/redeliver")):
            refused(person.request(method, path), 403, "SCOPE_MISSING")
    unknown = ids.new("whk", "us")
    for webhook_id, delivery_id in ((unknown, delivery["id"]), (hook["id"], ids.new("dlv", "us")), ("whk_x", "dlv_x")):
        path = f"{PATH}/{webhook_id}/deliveries/{delivery_id}/redeliver"
        refused(operator.request("POST", path), 404, "NOT_FOUND")
    refused(operator.request("GET", f"{PATH}/{unknown}/deliveries"), 404, "NOT_FOUND")
