"""The console over three regions: a sale, the death of a region, which an alert tells, its promotion, and the audit."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from emulators.control.address import console_url
from emulators.stack.ports import CONTROL
from emulators.stack.sites import first_regions
from emulators.stack.stack import Stack
from shared.registry import load
from tests.acceptance.firing import Firing, causes, observed_in_a_hurry
from tests.acceptance.visitor import Visitor
from tests.chain import REDEEMED_AT_ONCE

pytestmark = [pytest.mark.long, pytest.mark.alone]

SALE_MS = 540_000
PROMOTED_MS = 120_000
TIMES = 10
"""In how much of a hurry the rules are (firing.hurried): how far regions are behind is measured every five seconds."""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Firing]]:
    """A stack of three regions, each cell with a standby in the next one, and its alerts."""
    wanted: dict[str, Any] = {"regions": first_regions(load().cells, 3), "overrides": REDEEMED_AT_ONCE}
    with observed_in_a_hurry(tmp_path_factory.mktemp("three"), TIMES, controlled=True, **wanted) as up:
        yield up


@causes("ReplicationLags")
def test_a_region_dies_and_is_promoted(observed: tuple[Stack, Firing], browser: Browser) -> None:
    """300 units are sold, a region is killed, which others lack, its cell is served elsewhere, and invariants hold."""
    three, firing = observed
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
    firing.until_quiet("ReplicationLags", cell="as")
    visitor.button("Kill: asia-east1").click()
    visitor.button("Kill").click()
    expect(cell).to_contain_text("Down", timeout=PROMOTED_MS)
    firing.until("ReplicationLags", cell="as")
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
