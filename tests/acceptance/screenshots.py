"""Takes the README's pictures (`make screenshots`): a stack of its own, a filled shop, and Chromium to look at it."""

import base64
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urljoin

import httpx
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from emulators.control.address import console_url
from emulators.demo import shop_window
from emulators.stack.stack import Stack
from tests.acceptance.visitor import CHROMIUM, PHONE, SLOW

FOLDER: Final = Path("docs/images")
SIZE: Final[ViewportSize] = {"width": 1200, "height": 800}
SALE_MS: Final = 120_000
"""How long a small sale may take, in milliseconds."""

QUALITY: Final = 82
"""Of WebP, in percent: what is small enough and looks like the page."""


def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state,
        Stack(Path(state), free_ports=True, controlled=True) as stack,
        httpx.Client(base_url=stack.edge_url, timeout=30) as client,
        sync_playwright() as playwright,
    ):
        shop_window.fill(client)
        browser = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM))

        def take(
            name: str,
            path: str,
            pose: Callable[[Page], None],
            size: ViewportSize = SIZE,
            scheme: Literal["light", "dark"] = "light",
        ) -> None:
            page = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce").new_page()
            page.set_default_timeout(SLOW)
            page.goto(urljoin(stack.edge_url, path))
            pose(page)
            # As WebP, which Playwright's own method does not write.
            shot = page.context.new_cdp_session(page).send(
                "Page.captureScreenshot", {"format": "webp", "quality": QUALITY}
            )
            (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
            page.context.close()

        take("shop", "/shop", window)
        take("shop-purchase", "/shop", purchase, PHONE, "dark")
        take("docs", "/docs", reference)
        take("console", console_url(stack.layout), sale)


def window(page: Page) -> None:
    """The shop as anybody sees it."""
    expect(page.locator("#supplies > li")).to_have_count(len(shop_window.items(datetime.now(UTC))))


def purchase(page: Page) -> None:
    """Somebody has bought something, and can claim it."""
    page.locator("#supplies > li").first.get_by_role("button", name="Buy").click()
    page.get_by_role("button", name="Use a key of this browser").click()
    page.get_by_role("button", name="Get 25 USDC from the faucet").click()
    page.get_by_role("button", name="Pay 25 USDC").click()
    expect(page.get_by_role("button", name="Claim it")).to_be_visible()


def sale(page: Page) -> None:
    """An operator has started a small sale, and has seen it end well."""
    page.get_by_role("button", name="Continue as the local stack’s operator").click()
    page.get_by_role("button", name="Start a small one").click()
    page.get_by_role("button", name="Start it").click()
    expect(page.get_by_text("Every invariant holds")).to_be_visible(timeout=SALE_MS)


def reference(page: Page) -> None:
    """The API's reference."""
    expect(page.locator(".opblock").first).to_be_visible()


if __name__ == "__main__":
    main()
