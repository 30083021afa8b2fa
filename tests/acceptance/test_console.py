"""The console in Chromium: a sale is started and seen, every view is for everybody, and strangers see nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from emulators.control.server import Control
from emulators.demo.api_user import ApiUser
from emulators.stack.ports import HOST
from emulators.stack.stack import Stack
from emulators.waiting import until
from tests.acceptance.visitor import Visitor
from tests.serving import serve
from tests.webhook_receiver import WebhookReceiver

Visit = Callable[..., Visitor]

TOKEN = "c0de" * 16
SOLD_MS = 120_000
"""How long a small sale may take, in milliseconds, on a busy machine."""

SHOWN_MS = 40_000
"""How long something may take to be shown: figures are kept for a while, longer on a busy machine."""


CHECKED_MS = 150_000
"""How long it may take until invariants were checked: it is done each minute, from a minute after the start."""


@pytest.fixture(scope="module")
def control(stack: Stack) -> Iterator[str]:
    """The control endpoint of the stack, in this process: its origin."""
    server = make_server(HOST, 0, lambda *_: [], threaded=True)
    server.app = Control(stack, TOKEN, f"{HOST}:{server.server_port}").application()
    serve(server)
    yield f"http://{HOST}:{server.server_port}"
    server.shutdown()


@pytest.fixture
def operator_at(visit: Visit, control: str) -> Callable[[str], Visitor]:
    """The local stack's operator, in a view of the console."""

    def come(view: str) -> Visitor:
        visitor = visit(f"/console#control={control.rpartition(':')[2]}&token={TOKEN}", also=control)
        visitor.button("Continue as the local stack’s operator").click()
        expect(visitor.page.get_by_role("heading", name="Regions")).to_be_visible()
        if view != "live":
            visitor.page.get_by_role("navigation").get_by_role("link", name=view).click()
        return visitor

    return come


def test_a_sale_is_started_and_seen(operator_at: Callable[[str], Visitor]) -> None:
    """From the button to the last unit; then one of its purchases, as every service has it, and the audit."""
    visitor = operator_at("live")
    page = visitor.page
    assert "token" not in page.url
    visitor.button("Start a small one").click()
    visitor.button("Start it").click()
    expect(page.get_by_text("Every invariant holds")).to_be_visible(timeout=SOLD_MS)
    expect(page.get_by_text("Sold 6 of 6")).to_be_visible()
    stock = page.get_by_role("table", name="Stock by supply and cell").get_by_role("row").nth(1)
    expect(stock.get_by_role("cell")).to_have_text([re.compile("^sup_us_"), "us", "6", "0", "0", "6"], timeout=SHOWN_MS)
    expect(page.get_by_role("table", name="Money by kind of account")).to_contain_text("escrow", timeout=SHOWN_MS)
    page.get_by_role("link", name="Orders").click()
    bought = page.get_by_role("row").filter(has_text=re.compile("completed|claimed"))
    bought.first.get_by_role("link").click()
    events = page.get_by_role("table", name="What happened")
    for kind in ("order.placed", "supply.reserved", "hold.captured", "order.paid", "claim.opened"):
        expect(events).to_contain_text(kind)
    expect(page.get_by_role("table", name="Ledger")).to_contain_text("capture")
    expect(page.get_by_role("table", name="Trace").first).to_contain_text("create_order")
    page.get_by_role("link", name="Audit").click()
    visitor.button("Check all invariants").click()
    expect(page.get_by_text("invariants were checked")).to_be_visible(timeout=SHOWN_MS)


def test_an_operator_finds_what_is_whose(
    operator_at: Callable[[str], Visitor], paid_order: Any, on_sale: Any, buyer: ApiUser, merchant: ApiUser
) -> None:
    """Any wallet and any webhook, by id and by owner; a delivery is sent again."""
    paid_order(buyer, on_sale())
    visitor = operator_at("Wallets")
    page = visitor.page
    page.get_by_label("Wallet or owner").fill(buyer.user_id)
    visitor.button("Show").click()
    page.get_by_role("table", name=f"Wallets of {buyer.user_id}").get_by_role("link", name=buyer.wallet_id).click()
    expect(page.get_by_role("table", name="Balances")).to_contain_text("USDC")
    expect(page.get_by_role("table", name="The last entries")).to_contain_text("capture")
    with WebhookReceiver() as here:
        hook = merchant.post("/v1/webhooks", {"url": here.url, "events": ["order.paid"]})
        merchant.post(f"/v1/webhooks/{hook['id']}/test")
        until(lambda: len(here.received), lambda count: count == 1)
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Webhook or owner").fill(hook["id"])
        visitor.button("Show").click()
        page.get_by_role("button", name=re.compile("^Deliver again: webhook.test ")).click()
        visitor.button("Deliver it again").click()
        until(lambda: len(here.received), lambda count: count == 2)
    assert visitor.check("a webhook") == []


def test_every_view_is_for_everybody(
    operator_at: Callable[[str], Visitor], paid_order: Any, on_sale: Any, buyer: ApiUser
) -> None:
    """axe finds nothing, in light and dark, on a phone and a desktop; nor in the question before something is done."""
    order = paid_order(buyer, on_sale())
    visitor = operator_at("live")
    page, found = visitor.page, list[str]()
    expect(page.get_by_role("table", name="Money by kind of account")).to_be_visible()
    invariants = page.get_by_role("table", name="Invariants by service").get_by_role("row").filter(has_text="wallet")
    expect(invariants.get_by_role("cell")).to_have_text(
        ["us", "1", re.compile("^[0-9]+$"), re.compile(":"), "none"], timeout=CHECKED_MS
    )
    found += visitor.check("live")
    visitor.button("Kill: us-central1").click()
    found += visitor.check("the question")
    visitor.button("Not now").click()
    for view in ("Supplies", "Orders", "Wallets", "Webhooks", "Audit", "Processes", "Purchase"):
        page.get_by_role("link", name=view).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("One purchase" if view == "Purchase" else view)
        found += visitor.check(view)
    page.get_by_label("Order").fill(order["id"])
    visitor.button("Show").click()
    expect(page.get_by_role("table", name="What happened")).to_be_visible()
    found += visitor.check("a story")
    assert found == []


def test_what_is_impossible_has_a_reason(operator_at: Callable[[str], Visitor]) -> None:
    """It keeps its place in the order of focus, and does nothing."""
    visitor = operator_at("live")
    promote = visitor.button("Promote its cells: us-central1")
    expect(promote).to_have_attribute("aria-disabled", "true")
    expect(promote).to_have_accessible_description("us-central1 is up: only the cells of a dead region are promoted.")
    promote.click(force=True)
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_strangers_see_nothing(visit: Visit) -> None:
    """Neither who is not signed in, nor who is no operator; without a token of the stack there are no buttons."""
    visitor = visit("/console")
    page = visitor.page
    expect(page.get_by_role("heading", name="Sign in to see the system")).to_be_visible()
    found = visitor.check("the door")
    expect(page.get_by_role("navigation")).to_have_count(0)
    visitor.button("Sign in with a wallet").click()
    page.get_by_role("button", name="Use a key of this browser").click()
    expect(page.get_by_role("heading", name="You are no operator")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert found + visitor.check("a stranger") == []
    visitor.button("Sign out").click()
    visitor.button("Continue as the local stack’s operator").click()
    expect(page.get_by_role("heading", name="Regions")).to_be_visible()
    expect(page.get_by_role("button", name="Kill: us-central1")).to_have_count(0)
    expect(page.get_by_role("link", name="Processes")).to_have_count(0)


def test_a_wrong_token_is_said(visit: Visit, control: str) -> None:
    """In the endpoint's words; what needs no token is shown."""
    visitor = visit(f"/console#control={control.rpartition(':')[2]}&token={'0' * 64}", also=control)
    visitor.expected.add(401)
    visitor.button("Continue as the local stack’s operator").click()
    expect(visitor.page.get_by_text("The token of this stack is missing or wrong")).to_be_visible()
    expect(visitor.page.get_by_role("heading", name="Cell us")).to_be_visible()
