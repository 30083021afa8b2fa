"""Webhooks over HTTP: what may be subscribed to, by whom, and what is never shown."""

import base64
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from functions.notification.domain.errors import TooManyWebhooks
from functions.notification.domain.webhook import MAX_WEBHOOKS
from functions.notification.list_deliveries import ListDeliveries
from shared import ids
from tests.database_probe import DatabaseProbe
from tests.functions.notification.conftest import Harness
from tests.isolated_services import IsolatedUser
from tests.problems import refused
from tests.races import all_at_once
from tests.webhook_receiver import WebhookReceiver

NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture
def seller(anyone: Callable[[], ApiUser]) -> ApiUser:
    """Somebody with webhooks of their own."""
    return anyone()


def made(person: ApiUser, **more: Any) -> dict[str, Any]:
    """A new webhook of somebody's."""
    hook: dict[str, Any] = person.post("/v1/webhooks", {"url": NOWHERE, "events": ["order.paid"], **more})
    return hook


def test_a_secret_is_shown_once(seller: ApiUser, probe: DatabaseProbe) -> None:
    """When it is made, and never again: neither by the API nor in the database."""
    hook = made(seller)
    secret = hook.pop("secret")
    assert secret.startswith("whsec_")
    assert seller.get(f"/v1/webhooks/{hook['id']}") == hook
    assert seller.get("/v1/webhooks") == {"items": [hook], "next_cursor": None}
    (row,) = probe.rows("notification", "SELECT secret::text AS text FROM webhooks WHERE id = :id", id=hook["id"])
    assert base64.b64decode(secret.removeprefix("whsec_")).hex() not in row["text"]
    rotated = seller.post(f"/v1/webhooks/{hook['id']}/rotate-secret", {})
    assert rotated["secret"] not in (secret, "")


def test_a_test_event_arrives(seller: ApiUser) -> None:
    """By the stack's own sender, verified by the public library; the log shows it, and it can be redelivered."""
    with WebhookReceiver() as here:
        hook = made(seller, url=here.url)
        delivery = seller.post(f"/v1/webhooks/{hook['id']}/test")
        log = f"/v1/webhooks/{hook['id']}/deliveries"
        done = until(lambda: seller.get(log)["items"], lambda items: items[0]["status"] == "delivered")
        assert [each["id"] for each in done] == [delivery["id"]]
        said = here.received[0].verified(hook["secret"])
        assert (said["type"], said["id"], said["subject"]) == ("webhook.test", delivery["event_id"], hook["id"])
        again = seller.post(f"{log}/{delivery['id']}/redeliver")
        assert (again["status"], again["event_id"]) == ("pending", delivery["event_id"])
        until(lambda: len(here.received), lambda count: count == 2)
        here.received[1].verified(hook["secret"])
        seller.request("DELETE", f"/v1/webhooks/{hook['id']}").raise_for_status()


def test_deliveries_of_several_cells_are_listed_by_age(harness: Harness, somebody: Callable[[], IsolatedUser]) -> None:
    """A merchant's orders are in their buyers' cells, and so are the ids of the deliveries: the newest comes first."""
    seller, buyer = somebody(), somebody()
    hook = harness.hook(seller, "http://127.0.0.1:1/")
    events = [
        msgspec.structs.replace(harness.paid(buyer, seller), id=ids.new("evt", cell))
        for cell in ("us2", "as", "us", "eu", "us2")
    ]
    harness.consume(*events)
    shown: list[str] = []
    cursor = None
    while len(shown) < len(events):
        request = ListDeliveries(webhook_id=hook.id, limit=2, cursor=cursor)
        page = harness.isolated.run("list_deliveries", request=request, caller=seller.caller)
        shown += [each.id for each in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert shown == [ids.sibling(event.id, "dlv") for event in reversed(events)]


def test_what_is_deleted_is_gone(seller: ApiUser) -> None:
    """With its deliveries; again it is absent."""
    hook = made(seller)
    path = f"/v1/webhooks/{hook['id']}"
    assert seller.request("DELETE", path).status_code == 204
    for method, below in (("DELETE", ""), ("GET", ""), ("POST", "/test"), ("GET", "/deliveries"), ("POST", "/enable")):
        refused(seller.request(method, path + below), 404, "NOT_FOUND")


def test_a_disabled_one_is_sent_nothing(seller: ApiUser, probe: DatabaseProbe) -> None:
    """Neither tests nor redeliveries, until it is enabled; enabling twice is enabling."""
    hook = made(seller)
    path = f"/v1/webhooks/{hook['id']}"
    delivery = seller.post(f"{path}/test")
    sql = "UPDATE webhooks SET status = 'disabled', reason = 'gone' WHERE id = :id RETURNING id"
    probe.rows("notification", sql, id=hook["id"])
    refused(seller.request("POST", f"{path}/test"), 409, "WEBHOOK_DISABLED")
    refused(seller.request("POST", f"{path}/deliveries/{delivery['id']}/redeliver"), 409, "WEBHOOK_DISABLED")
    for _ in range(2):
        enabled = seller.post(f"{path}/enable")
        assert (enabled["status"], enabled["reason"]) == ("enabled", "")
    seller.post(f"{path}/test")
    seller.request("DELETE", path).raise_for_status()


def test_what_is_anothers_is_absent(seller: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """On every route; and nothing of it was done."""
    hook = made(seller)
    delivery = seller.post(f"/v1/webhooks/{hook['id']}/test")
    stranger = anyone()
    path = f"/v1/webhooks/{hook['id']}"
    for method, below in (
        *(("GET", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/test"), ("GET", "/deliveries")),
        ("POST", f"/deliveries/{delivery['id']}/redeliver"),
    ):
        refused(stranger.request(method, path + below), 404, "NOT_FOUND")
    refused(stranger.request("POST", f"{path}/rotate-secret", {}), 404, "NOT_FOUND")
    assert stranger.get("/v1/webhooks")["items"] == []
    other = made(stranger)
    refused(
        stranger.request("POST", f"/v1/webhooks/{other['id']}/deliveries/{delivery['id']}/redeliver"), 404, "NOT_FOUND"
    )
    assert len(seller.get(f"{path}/deliveries")["items"]) == 1
    for person, webhook_id in ((seller, hook["id"]), (stranger, other["id"])):
        person.request("DELETE", f"/v1/webhooks/{webhook_id}").raise_for_status()


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://10.0.0.1/"}, "url"),
    ({"url": "http://169.254.169.254/latest/meta-data"}, "url"),
    ({"url": "http://[::ffff:127.0.0.1]/"}, "url"),
    ({"url": "ftp://shop.example/"}, "url"),
    ({"url": "https://user:word@shop.example/"}, "url"),
    ({"url": "x" * 3000}, "url"),
    ({"url": ""}, "url"),
    ({"events": []}, "events"),
    ({"events": ["order.placed"]}, "events[0]"),
    ({"events": ["order.paid", "order.paid"]}, "events[1]"),
    ({"events": ["*"]}, "events[0]"),
    ({"events": "order.paid"}, "events"),
    ({"secret": "whsec_x"}, "secret"),
]


def test_malformed_webhooks_are_refused(seller: ApiUser, subtests: pytest.Subtests) -> None:
    """By the name of what is wrong; nothing is made."""
    for body, field in MALFORMED:
        with subtests.test(body=body):
            whole = {"url": NOWHERE, "events": ["order.paid"], **body}
            refused(seller.request("POST", "/v1/webhooks", whole), 400, "VALIDATION_FAILED", field)
            assert seller.get("/v1/webhooks")["items"] == []


def test_nobody_has_more_than_the_limit(harness: Harness, somebody: Callable[[], IsolatedUser]) -> None:
    """Nor by concurrent requests; other users' webhooks do not count."""
    owner = somebody()
    for _ in range(MAX_WEBHOOKS):
        harness.hook(owner, NOWHERE)
    with pytest.raises(TooManyWebhooks):
        harness.hook(owner, NOWHERE)
    harness.hook(somebody(), NOWHERE)


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """webhook:write, for reading too."""
    path = f"/v1/webhooks/{ids.new('whk', 'us')}"
    guarded("create_webhook", "/v1/webhooks", {"url": NOWHERE, "events": ["order.paid"]})
    guarded("list_webhooks", "/v1/webhooks")
    guarded("rotate_secret", f"{path}/rotate-secret", {})
    for name, below in (("get_webhook", ""), ("delete_webhook", ""), ("enable_webhook", "/enable")):
        guarded(name, path + below)
    for name, below in (("try_webhook", "/test"), ("list_deliveries", "/deliveries")):
        guarded(name, path + below)
    guarded("redeliver", f"{path}/deliveries/{ids.new('dlv', 'us')}/redeliver")


def test_the_webhook_limit_holds_for_concurrent_requests(seller: ApiUser) -> None:
    """With concurrent requests, too: 70 of them create 50, the others are refused."""
    body = {"url": NOWHERE, "events": ["order.paid"]}
    answers = all_at_once([lambda: seller.request("POST", "/v1/webhooks", body).status_code] * (MAX_WEBHOOKS + 20))
    assert Counter(answers) == {201: MAX_WEBHOOKS, 409: 20}
    assert len(seller.get("/v1/webhooks?limit=100")["items"]) == MAX_WEBHOOKS
