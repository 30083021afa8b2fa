"""The console over three regions: a sale, the death of a region, its promotion, and the audit after it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from emulators.control.address import console_url
from emulators.stack.ports import CONTROL
from emulators.stack.sites import first_regions
from emulators.stack.stack import Stack
from shared.registry import load
from tests.acceptance.visitor import Visitor
from tests.chain import REDEEMED_AT_ONCE

pytestmark = [pytest.mark.long, pytest.mark.alone]

SALE_MS = 540_000
PROMOTED_MS = 120_000


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of three regions, each cell with a standby in the next one."""
    wanted: dict[str, Any] = {"regions": first_regions(load().cells, 3), "overrides": REDEEMED_AT_ONCE}
    with Stack(tmp_path_factory.mktemp("three"), free_ports=True, controlled=True, **wanted) as up:
        yield up


def test_a_region_dies_and_is_promoted(three: Stack, browser: Browser) -> None:
    """300 units are sold, a region is killed, its cell is served elsewhere, and every invariant holds."""
    path = console_url(three.layout).removeprefix(three.edge_url)
    visitor = Visitor.come(browser, three.edge_url, path, also=f"http://{three.layout.address(CONTROL)}")
    visitor.expected |= {502, 503, 504}  # while a cell is down
    page = visitor.page
    visitor.button("Continue as the local stack’s operator").click()
    cell = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Cell as"))
    expect(cell).to_contain_text("Healthy", timeout=PROMOTED_MS)
    expect(cell).to_contain_text("renewed each second")
    visitor.button("Start a sale").click()
    visitor.button("Start it").click()
    expect(page.get_by_text("Sold 300 of 300")).to_be_visible(timeout=SALE_MS)
    expect(page.get_by_text("Every invariant holds")).to_be_visible()
    visitor.button("Kill: asia-east1").click()
    visitor.button("Kill").click()
    expect(cell).to_contain_text("Down", timeout=PROMOTED_MS)
    promote = visitor.button("Promote its cells: asia-east1")
    expect(promote).not_to_have_attribute("aria-disabled", "true", timeout=PROMOTED_MS)
    promote.click()
    visitor.button("Promote its cells").click()
    expect(cell).to_contain_text("Healthy, elsewhere", timeout=PROMOTED_MS)
    expect(cell).to_contain_text("us-central1 (at home in asia-east1)")
    page.get_by_role("link", name="Audit").click()
    visitor.button("Check all invariants").click()
    expect(page.get_by_role("main").get_by_text("Every invariant holds")).to_be_visible(timeout=PROMOTED_MS)
    page.context.close()
    assert visitor.troubles() == []
