"""A person with a browser: by mouse or keyboard, on a phone or a desktop, in a light or dark room."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

CHROMIUM: Final = "chromium"
AXE: Final = Path("shared/client/typescript/node_modules/axe-core/axe.min.js")
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 800}
WIDTHS: Final = {"phone": PHONE, "desktop": DESKTOP}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
TABS_AT_MOST: Final = 120
SLOW: Final = 30_000
"""How long a page may take to show something, in milliseconds: the machine may be busy."""

REFUSED: Final = "Failed to load resource: the server responded with a status of "
"""How Chromium's console begins to tell of an answer that is an error."""


@dataclass
class Visitor:
    """A page in a browser of its own, and what was wrong with it.

    origin: where everything has to come from. also: another origin that it may call, if any.
    expected: the statuses of refusals that a test provokes.
    """

    page: Page
    origin: str
    also: str = ""
    expected: set[int] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def come(cls, browser: Browser, origin: str, path: str, also: str = "") -> "Visitor":
        """Open a page of an origin."""
        page = browser.new_context(viewport=DESKTOP, reduced_motion="reduce").new_page()
        page.set_default_timeout(SLOW)
        expect.set_options(timeout=SLOW)
        made = cls(page, origin, also)
        page.on("request", lambda request: made._asked(request.url))
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on("console", lambda said: made.errors.append(said.text) if said.type == "error" else None)
        page.goto(origin + path)
        return made

    def _asked(self, url: str) -> None:
        own = (f"{self.origin}/", "data:", f"blob:{self.origin}/", *([f"{self.also}/"] if self.also else []))
        if not url.startswith(own):
            self.foreign.append(url)

    def troubles(self) -> list[str]:
        """What was asked of other origins, and what the console has as an error."""
        told = tuple(f"{REFUSED}{status} " for status in self.expected)
        return [*self.foreign, *(error for error in self.errors if not (told and error.startswith(told)))]

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """A button by its accessible name."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def press(self, button: Locator) -> None:
        """Press a button by the keyboard alone: Tab until it has the focus, then Enter."""
        expect(button).to_be_enabled()
        for _ in range(TABS_AT_MOST):
            if button.evaluate("node => node === document.activeElement"):
                assert button.evaluate("node => getComputedStyle(node).outlineStyle") != "none", "the focus is not seen"
                self.page.keyboard.press("Enter")
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{button} cannot be reached by Tab")

    def check(self, view: str) -> list[str]:
        """What axe and the eye find wrong with a view as it is now, on a phone and a desktop, in light and dark."""
        found = []
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        for width, size in WIDTHS.items():
            self.page.set_viewport_size(size)
            if self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{view}, {width}: wider than the screen")
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                violations = self.page.evaluate("axe.run(document).then(found => found.violations)")
                found += [
                    f"{view}, {width}, {scheme}: {each['help']}: {node['html'][:160]}"
                    for each in violations
                    for node in each["nodes"]
                ]
        self.page.set_viewport_size(DESKTOP)
        return found
