"""Serve the console, a page on which operators see the system."""

from functions.platform.ports import PagesWork
from shared.contracts.operations import File, Request


class ReadConsole(Request):
    """No parameters."""


def read_console(request: ReadConsole, work: PagesWork) -> File:
    """The page; it loads nothing from other sites, and shows nothing to who is no operator."""
    return work.page("console")
