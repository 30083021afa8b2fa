"""The programs that these tests take: `make acceptance` runs them, `make test` leaves them out.

Without one of the programs they fail in one sentence; they are never skipped.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from emulators.stack.stack import Stack
from tests.acceptance.visitor import CHROMIUM, Visitor

NEEDED = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    CHROMIUM: "chromium",
}
"""By program, the package of Debian that has it."""


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave this folder out, unless the command line names it."""
    return None if any("acceptance" in Path(argument).parts for argument in config.args) else True


@pytest.fixture(autouse=True, scope="session")
def _programs() -> None:
    """End if a program is missing."""
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if missing:
        pytest.exit(f"The acceptance tests need {' and '.join(missing)}: apt-get install {' '.join(missing)}.", 1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own is not downloaded."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=shutil.which(CHROMIUM))


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Callable[..., Visitor]]:
    """Somebody who comes to a page of the edge, such as `/shop`, with a browser of their own.

    At the end nothing may have been asked of another origin, and no console may have an error.
    """
    visitors: list[Visitor] = []

    def come(path: str, also: str = "") -> Visitor:
        visitors.append(Visitor.come(browser, stack.edge_url, path, also))
        return visitors[-1]

    yield come
    found = [visitor.troubles() for visitor in visitors]
    for visitor in visitors:
        visitor.page.context.close()
    assert found == [[] for _ in visitors]
